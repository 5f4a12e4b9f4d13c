"""What the tests of the judge share: a world without agents, and a model that judges as a test says."""

from __future__ import annotations

import base64
import itertools
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness import World, git

from fabrik.ledger.store import Ledger
from fabrik.ledger.types import Run
from fabrik.testing.model_server import Conversation, ModelServer, Script, Session, ToolCall
from fabrik.testing.model_server.record import Call
from fabrik.testing.model_server.script import Part
from fabrik.usage import ModelCall, Vendor

KEY = "sk-judge-CANARY-93f1c07a5be24d68"
VARIABLES: Mapping[Vendor, str] = {
    "anthropic": "ANTHROPIC_API_KEY",
    "openai": "OPENAI_API_KEY",
    "gemini": "GEMINI_API_KEY",
}
VENDORS: Sequence[Vendor] = ("anthropic", "openai", "gemini")
WARM = ("--criteria", "the tone is warm")
Brain = Callable[[Conversation], Part]


def verdict(passed: bool, feedback: str = "") -> ToolCall:
    """What a model calls."""
    return ToolCall("verdict", {"feedback": feedback, "pass": passed})


PASS = verdict(True)
FAIL = verdict(False, "It is too cold: greet the reader.")


def in_turn(*answers: Part) -> Brain:
    """Answers one after the other, whoever asks; the last for ever."""
    left = itertools.chain(answers, itertools.repeat(answers[-1]))
    return lambda _: next(left)


def outside(prompt: str) -> str:
    """A prompt without what stands between the tags of its artifacts."""
    found = re.search(r"<criteria-([0-9a-f]+)>", prompt)
    assert found, prompt
    nonce = found[1]
    return re.sub(rf"<artifact-{nonce} .*?</artifact-{nonce}>", "", prompt, flags=re.DOTALL)


@dataclass
class JudgeWorld(World):
    """A world with a model server, and the key of one vendor."""

    doors: Path = field(default_factory=Path)

    def connect(self, server: ModelServer, vendor: Vendor | None = "anthropic") -> None:
        self.environment.update(
            XDG_RUNTIME_DIR=str(self.doors),
            ANTHROPIC_BASE_URL=server.url("anthropic"),
            OPENAI_BASE_URL=server.url("openai"),
            GOOGLE_GEMINI_BASE_URL=server.url("gemini"),
            NO_PROXY="127.0.0.1",
        )
        if vendor is not None:
            self.environment[VARIABLES[vendor]] = KEY

    def configure(self, text: str) -> None:
        """Write the user's own config."""
        path = self.directory / "config" / "fabrik" / "config.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def file(self, name: str, content: str | bytes) -> Path:
        path = self.directory / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def judges(self) -> list[Run]:
        """The runs of judges, oldest first."""
        if not (self.home / "ledger.db").exists():
            return []
        with Ledger.open(self.home / "ledger.db") as ledger:
            return ledger.list_runs(limit=None, workflow="judge")[::-1]

    def calls_of(self, run: str, step: str | None = None) -> list[ModelCall]:
        with Ledger.open(self.home / "ledger.db") as ledger:
            return ledger.model_calls(run, step)

    def key_in_files(self) -> list[Path]:
        """Files of this world that the key is in."""
        places = (self.directory, self.doors)
        files = [path for place in places for path in place.rglob("*") if path.is_file()]
        return [path for path in files if KEY.encode() in path.read_bytes()]


@contextmanager
def judge_world(directory: Path) -> Iterator[JudgeWorld]:
    doors = Path(tempfile.mkdtemp(prefix="fj-", dir="/tmp"))
    try:
        yield JudgeWorld(directory, doors=doors)
    finally:
        shutil.rmtree(doors, ignore_errors=True)


@contextmanager
def judging(
    directory: Path, brain: Brain | Part, vendor: Vendor | None = "anthropic"
) -> Iterator[tuple[JudgeWorld, ModelServer]]:
    """A world whose models all answer as `brain` says."""
    turns = brain if callable(brain) else (lambda _: brain)
    with (
        ModelServer(Script(default=Session(turns=turns)), key=KEY) as server,
        judge_world(directory) as world,
    ):
        world.connect(server, vendor)
        yield world, server


def pictures_in(call: Call) -> list[tuple[str, bytes]]:
    """Type and bytes of the pictures in a request, in any vendor's format."""
    found: list[tuple[str, bytes]] = []

    def look(value: Any) -> None:
        match value:
            case {"type": "base64", "media_type": str(kind), "data": str(data)}:
                found.append((kind, base64.b64decode(data)))
            case {"inlineData": {"mimeType": str(kind), "data": str(data)}}:
                found.append((kind, base64.b64decode(data)))
            case {"type": "input_image", "image_url": str(url)}:
                head, _, data = url.partition(";base64,")
                found.append((head.removeprefix("data:"), base64.b64decode(data)))
            case dict():
                for inner in value.values():
                    look(inner)
            case list():
                for inner in value:
                    look(inner)

    look(call.body)
    return found


def commit_all(project: Path, message: str = "more") -> None:
    git("add", "-A", cwd=project)
    git("commit", "-q", "-m", message, cwd=project)
