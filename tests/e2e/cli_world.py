"""What the end-to-end tests of the real CLIs share: the CLIs, and a world with a model server."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import tarfile
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from canary import Canary
from cli_commands import search_path
from harness import World, git, wait_for

from fabrik.ledger.store import Ledger
from fabrik.ledger.types import Run
from fabrik.testing.model_server import Answer, ModelServer, Script, Session, Shell, Text, WriteFile
from fabrik.testing.model_server.record import Call
from fabrik.testing.model_server.script import Part, Turn
from fabrik.usage import ModelCall, Usage, Vendor, WireProtocol

Require = Callable[[str, Callable[[], str | None]], None]  # the fixture of tests/conftest.py

KEY_VARIABLES = ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY")
COMMIT = "git add -A && git commit -q -m"


@dataclass(frozen=True, kw_only=True)
class Cli:
    """A CLI with a model whose tools the model server knows."""

    name: str
    vendor: Vendor
    protocol: WireProtocol
    model: str  # as the model server gets it
    option: str | None  # of --model; None: the agent's default


CLIS: Mapping[str, Cli] = {
    cli.name: cli
    for cli in (
        Cli(
            name="claude",
            vendor="anthropic",
            protocol="anthropic",
            model="claude-sonnet-4-5",
            option="claude-sonnet-4-5",
        ),
        Cli(name="codex", vendor="openai", protocol="openai-responses", model="gpt-5.5", option="gpt-5.5"),
        Cli(
            name="pi", vendor="openai", protocol="openai-responses", model="gpt-5.5", option="openai/gpt-5.5"
        ),
        Cli(
            name="opencode", vendor="anthropic", protocol="anthropic", model="claude-sonnet-4-5", option=None
        ),
        Cli(
            name="gemini",
            vendor="gemini",
            protocol="gemini",
            model="gemini-2.5-flash",
            option="gemini-2.5-flash",
        ),
    )
}


@dataclass
class CliWorld(World):
    """A world whose models are played by a server on loopback, which takes the canary for its only key."""

    canary: Canary = field(default_factory=Canary)
    doors: Path = field(default_factory=Path)  # short: the paths of sockets are

    def connect(self, server: ModelServer, *, key: str | None = None) -> None:
        """Point the host's environment at the server. key: another one than the canary; empty: none."""
        self.environment.update(
            PATH=search_path(),
            XDG_RUNTIME_DIR=str(self.doors),
            ANTHROPIC_BASE_URL=server.url("anthropic"),
            OPENAI_BASE_URL=server.url("openai"),
            GOOGLE_GEMINI_BASE_URL=server.url("gemini"),
            NO_PROXY="127.0.0.1",
        )
        for name in KEY_VARIABLES:
            self.environment[name] = self.canary.key if key is None else key

    def configure(self, text: str) -> None:
        """Write the user's own config."""
        path = self.directory / "config" / "fabrik" / "config.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def ship(
        self, cli: Cli, *options: str | Path, tasks: int = 2, status: int | None = 0, **fields: Any
    ) -> Run:
        """`fabrik run` with this CLI to the end; the run as the ledger has it then."""
        self.fabrik(*self.command(cli, tasks=tasks, **fields), *options, status=status)
        return self.last()

    def command(self, cli: Cli, *, tasks: int = 2, **fields: Any) -> list[str | Path]:
        model = ["--model", cli.option] if cli.option else []
        spec = self.make_spec(tasks=tasks, **fields)
        named = ("--spec", spec, "--project", self.project, "--agent", cli.name)
        return ["run", *named, *model, "--no-review", "--auto-approve"]

    def calls(self, step: str | None = None) -> list[ModelCall]:
        """The model calls of the last run as the ledger has them."""
        with Ledger.open(self.home / "ledger.db") as ledger:
            return ledger.model_calls(ledger.find_run("last").id, step)

    def usage(self, step: str | None = None) -> Usage:
        with Ledger.open(self.home / "ledger.db") as ledger:
            run = ledger.find_run("last").id
            return ledger.usage(run) if step is None else ledger.usage_of_step(run, step)

    def shown(self) -> dict[str, Any]:
        """What `fabrik runs show --json` says of the last run."""
        shown = json.loads(self.fabrik("runs", "show", "last", "--json").stdout)
        assert isinstance(shown, dict)
        return shown

    def content(self, name: str, branch: str = "spec-feature") -> str:
        """A file on the shipped branch."""
        return git("show", f"{branch}:{name}", cwd=self.project)

    def archived(self, name: str, branch: str = "spec-feature") -> Mapping[str, bytes]:
        """The files in a tar archive on the shipped branch."""
        shown = subprocess.run(
            ["git", "show", f"{branch}:{name}"], cwd=self.project, capture_output=True, check=True
        )
        with tarfile.open(fileobj=io.BytesIO(shown.stdout)) as archive:
            packed = [(member.name, archive.extractfile(member)) for member in archive]
            return {path: content.read() for path, content in packed if content}

    def files_of(self, commit: str) -> set[str]:
        """The files that a commit changes."""
        return set(git("show", "--format=", "--name-only", commit, cwd=self.project).splitlines())

    def assert_clean(self, *others: Canary) -> None:
        """No process is left, and no key is in any file of the host that fabrik or a sandbox wrote."""
        wait_for(lambda: not self.leftovers(), "the end of every process")
        for canary in (self.canary, *others):
            assert canary.in_files(self.directory, self.doors) == []


@contextmanager
def cli_world(directory: Path, project: Mapping[str, str] | None = None) -> Iterator[CliWorld]:
    """A world with a project of these files."""
    doors = Path(tempfile.mkdtemp(prefix="fd-", dir="/tmp"))
    world = CliWorld(directory, doors=doors)
    world.make_project(project)
    try:
        yield world
    finally:
        shutil.rmtree(doors, ignore_errors=True)


def installed(name: str, require: Require) -> Cli:
    """The CLI, if it is here."""
    found = shutil.which(name, path=search_path())
    require(name, lambda: None if found else f"{name} is not installed: run scripts/install-agents")
    return CLIS[name]


def task(number: int, *turns: Turn | Part | Sequence[Part], of: int = 2) -> Session:
    """What happens in the sessions of a task."""
    return Session(match=f"# Task {number} of {of}", turns=turns)


def do(number: int) -> Shell:
    """Does the task and commits it."""
    return Shell(f"echo {number} > done-{number}.txt && {COMMIT} 'Do task {number}'")


def plain(*tasks: int) -> list[Session]:
    """Sessions that simply do these tasks."""
    return [task(number, do(number), Text(f"Task {number} is finished.")) for number in tasks]


def two_tasks(cli: Cli, look: str) -> Script:
    """Two tasks in several turns: `look` is a command run in the first; the second is left uncommitted."""

    def said(*parts: Part, n: int) -> Answer:
        return Answer(parts, spent(cli, n))

    return Script(
        sessions=(
            task(
                1,
                said(Text("Starting."), Shell("printf '1\\n' > done-1.txt"), n=1),
                said(WriteFile("/workspace/notes.md", '# Notes – it\'s "one"\n'), n=2),
                said(Shell(look), n=3),
                said(Shell(f"{COMMIT} 'Add the first'"), n=4),
                said(Text("Task 1 is finished."), n=5),
            ),
            task(
                2,
                said(Shell("printf '2\\n' > done-2.txt; git status --short"), n=6),
                said(Text("Task 2 is finished."), n=7),
            ),
        )
    )


def spent(cli: Cli, n: int) -> Usage:
    """A usage that no other answer has. OpenAI's prices have none for what is written to a cache."""
    return Usage(
        input_tokens=1000 + n,
        cache_read_tokens=300 + 10 * n,
        cache_write_tokens=200 + 100 * n if cli.vendor == "anthropic" else 0,
        output_tokens=40 + 1000 * n,
        reasoning_tokens=7 + 10_000 * n,
    )


def cost(call: Call) -> float | None:
    """USD of an answered call by the shipped price table, worked out apart from fabrik's own arithmetic."""
    table = tomllib.loads(files("fabrik.gateway").joinpath("prices-2026-11.toml").read_text())
    row, used = table[call.vendor].get(call.model), call.usage
    if row is None or used is None:
        return None
    output = (used.output_tokens or 0) + (used.reasoning_tokens or 0)
    amount = (used.input_tokens or 0) * row["input"] + output * row["output"]
    for tokens, name in ((used.cache_read_tokens, "cache_read"), (used.cache_write_tokens, "cache_write")):
        if tokens:
            amount += tokens * row[name]
    return float(amount) / 1_000_000


def answers(server: ModelServer) -> list[Call]:
    """The requests for an answer that the server got."""
    return [call for call in server.calls if call.kind == "generate"]


def tokens(usage: Usage) -> Usage:
    """A usage without its cost, which a model server does not know."""
    return replace(usage, cost_usd=None)
