"""Three layouts as their users have them on disk (see layouts/), in a world where they type commands.

Nothing is prepared for fabrik but the user's own config, which says which agent and model they have.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from cli_world import Cli, CliWorld, answers, cost, tokens
from harness import git

from fabrik.ledger.store import Ledger
from fabrik.ledger.types import Run
from fabrik.testing.model_server import Answer, Conversation, ModelServer, Session
from fabrik.testing.model_server.record import Call
from fabrik.testing.model_server.script import TYPICAL, Part
from fabrik.usage import ModelCall, total

LAYOUTS = Path(__file__).parent / "layouts"
every_cli = pytest.mark.parametrize("name", ["claude", "codex", "pi"])


def lay_out(name: str, place: Path, more: Mapping[str, str] | None = None) -> Path:
    """Copy a layout to where its user has it, with further files."""
    shutil.copytree(LAYOUTS / name, place)
    for path, text in (more or {}).items():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_text(text)
    return place


def begin_repository(place: Path, message: str = "As it was before fabrik") -> str:
    """Commit all that lies there; the commit."""
    git("init", "-q", "-b", "main", cwd=place)
    git("config", "user.name", "Ada", cwd=place)
    git("config", "user.email", "ada@example.org", cwd=place)
    return commit(place, message)


def commit(place: Path, message: str) -> str:
    """Commit all changes; the commit."""
    git("add", "-A", cwd=place)
    git("commit", "-q", "-m", message, cwd=place)
    return git("rev-parse", "HEAD", cwd=place)


@dataclass(frozen=True)
class Contents:
    """Files as they were at a moment, byte for byte and with their modes."""

    files: Mapping[Path, tuple[bytes, int]]

    @classmethod
    def of(cls, *places: Path) -> Contents:
        """Files, and all files below directories."""
        paths = [path for place in places for path in (place, *place.rglob("*")) if path.is_file()]
        assert paths and all(place.exists() for place in places), places
        return cls({path: (path.read_bytes(), path.stat().st_mode) for path in paths})

    def changed(self) -> list[str]:
        """The files that are not any more what they were."""
        return [
            str(path)
            for path, then in self.files.items()
            if not path.is_file() or (path.read_bytes(), path.stat().st_mode) != then
        ]


def types(world: CliWorld, line: str, *, status: int = 0) -> subprocess.CompletedProcess[str]:
    """Type `fabrik …` where the user is (world.here), and wait for its end."""
    program, *words = line.split()
    assert program == "fabrik"
    return world.fabrik(*words, status=status)


def has(world: CliWorld, cli: Cli, more: str = "") -> None:
    """Let the user's config say which agent and model they have, and that they do not wait for providers."""
    model = f"model = {json.dumps(cli.option)}\n" if cli.option else ""
    world.configure(f'agent = {json.dumps(cli.name)}\n{model}{more}[limits]\nmax_wait = "1s"\n')


def acting(match: str, play: Callable[[Conversation], Part]) -> Session:
    """Sessions whose model does what the function says, with a usage by what it was asked."""

    def turn(conversation: Conversation) -> Answer:
        used = replace(  # OpenAI's prices have none for what is written to a cache
            TYPICAL,
            input_tokens=1000 + len(conversation.prompt),
            output_tokens=1 + len(conversation.results),
            cache_write_tokens=0,
        )
        return Answer((play(conversation),), used)

    return Session(match=match, turns=turn)


def passes_in_a_fresh_clone(repository: Path, branch: str, directory: Path, *command: str) -> None:
    """The project's own tests at the tip of a branch, as a colleague would run them."""
    git("clone", "-q", "--branch", branch, str(repository), str(directory), cwd=repository)
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def runs(world: CliWorld) -> list[Run]:
    """All runs, the oldest first."""
    with Ledger.open(world.home / "ledger.db") as ledger:
        return list(reversed(ledger.list_runs(limit=None)))


def metered(world: CliWorld) -> list[ModelCall]:
    """The model calls of all runs as the ledger has them, in their order."""
    with Ledger.open(world.home / "ledger.db") as ledger:
        return [call for run in reversed(ledger.list_runs(limit=None)) for call in ledger.model_calls(run.id)]


def assert_metered(world: CliWorld, server: ModelServer, cli: Cli) -> None:
    """Each answer of the server's is in the ledger once, with what it used and cost; and nothing else is."""
    asked, counted = answers(server), metered(world)
    assert asked and {call.outcome for call in asked} == {"answered"}
    assert [(call.protocol, call.model) for call in counted] == [(cli.protocol, cli.model)] * len(asked)
    assert _sorted(tokens(call.usage) for call in counted) == _sorted(call.usage for call in asked)
    assert tokens(total(call.usage for call in counted)) == server.expected_usage()
    prices = [cost(call) for call in asked]
    spent = sum(price for price in prices if price is not None)
    assert spent and total(call.usage for call in counted).cost_usd == pytest.approx(spent)
    assert {call.key for call in server.calls if call.kind != "other"} == {world.canary.key}


def _sorted(usages: Iterable[object]) -> list[str]:
    return sorted(map(str, usages))


def first_of_each_session(server: ModelServer) -> list[Call]:
    """The first request of each session, by its prompt."""
    found: dict[str, Call] = {}
    for call in answers(server):
        found.setdefault(call.prompt, call)
    return list(found.values())


def prompts(server: ModelServer, *words: str) -> Sequence[str]:
    """The prompts of the sessions with all these words in them, in the order of their first requests."""
    return [
        call.prompt for call in first_of_each_session(server) if all(word in call.prompt for word in words)
    ]


def bodies(server: ModelServer, *words: str) -> Sequence[str]:
    """All that the first requests of these sessions tell the model."""
    return [
        json.dumps(call.body, ensure_ascii=False)
        for call in first_of_each_session(server)
        if all(word in call.prompt for word in words)
    ]
