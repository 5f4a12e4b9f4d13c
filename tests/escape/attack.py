"""What an attack is, and the stage on which it is played: one sandbox, and a host with something to lose."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from fabrik.sandboxes import registry
from fabrik.sandboxes.sandbox import Doors, Limits, Provider, Sandbox
from fabrik.testing.conformance.harness import Harness, Ran, token

# A backend more is a name more: as `--sandbox` takes it.
BACKENDS = ("bubblewrap", "podman", "docker")
_LONGEST = Limits(seconds=90.0)  # none takes long; a busy machine may make it so


@dataclass
class Stage:
    """A sandbox, and what an attack is after. All of it is new for each attack."""

    harness: Harness
    box: Sandbox
    root: Path  # of the sandbox on the host
    secret: str  # must never get in
    mark: str  # a number of seconds that tells the attack's processes from all others
    victim: subprocess.Popen[bytes]  # a process of the host's that nothing may reach
    knows: dict[str, str] = field(default_factory=dict)  # what else the attacker knows
    doors: Doors | None = None
    heard: list[str] = field(default_factory=list)  # what came to the host's own servers: must stay empty
    net: object = None  # of attacks_network
    closing: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)

    @property
    def host(self) -> Path:
        """A directory of the host's, beside the sandbox."""
        return self.harness.directory / "host"

    @property
    def canary(self) -> Path:
        """A file there that everybody may read; it must not be read, changed or removed."""
        return self.host / "canary"

    def words(self) -> dict[str, str]:
        """What the attacker knows."""
        return {
            "CANARY": str(self.canary),
            "HOST": str(self.host),
            "ROOT": str(self.root),
            "VICTIM": str(self.victim.pid),
            "WORKER": str(os.getpid()),
            "MARK": self.mark,
            **self.knows,
        }


Before = Callable[[Stage], Awaitable[None] | None]
Held = Callable[[Stage, Ran], Awaitable[None] | None]


@dataclass(frozen=True, kw_only=True)
class Attack:
    """A small program that is run inside, and what proves on the host that it failed."""

    name: str
    program: str  # what the attacker knows is in its environment
    shell: bool = False  # a shell script; Python otherwise
    before: Before | None = None  # what the host does first
    held: Held | None = (
        None  # fails when the attack was a success; the secret and the canary are looked at anyway
    )
    more: dict[str, object] = field(default_factory=dict)  # of the command: limits, stdin …
    in_the_open: bool = False  # it is a success where nothing is protected: this test can fail

    def __str__(self) -> str:
        return self.name


async def play(attack: Attack, provider: Provider, directory: Path) -> None:
    """Run the attack. Raises AssertionError when it was a success."""
    harness = Harness(provider=provider, directory=directory)
    closing = contextlib.AsyncExitStack()
    mark, secret = token(), f"secret-{uuid4().hex}"
    victim = subprocess.Popen(["sleep", mark], env={"SECRET": secret, "PATH": os.defpath})
    try:
        spec = harness.spec()
        stage = Stage(
            harness=harness,
            box=await harness.box(spec),
            root=spec.root,
            secret=secret,
            mark=mark,
            victim=victim,
            closing=closing,
        )
        stage.host.mkdir()
        stage.canary.write_text(secret)
        stage.canary.chmod(0o644)
        os.environ["FABRIK_ESCAPE_SECRET"] = secret
        await _done(attack.before(stage) if attack.before else None)
        run = harness.sh if attack.shell else harness.python
        ran = await run(stage.box, attack.program, env=stage.words(), doors=stage.doors, **attack.more)
        assert secret.encode() not in ran.out + ran.err, "the secret was read"
        assert not stage.heard, f"it came through: {stage.heard[:5]}"
        assert stage.canary.read_text() == secret, "the canary was changed"
        assert victim.poll() is None, "a process of the host's was ended"
        assert state(victim.pid) != "T", "a process of the host's was stopped"
        await _done(attack.held(stage, ran) if attack.held else None)
    finally:
        del os.environ["FABRIK_ESCAPE_SECRET"]
        await closing.aclose()
        await harness.clean()
        victim.kill()
        victim.wait()


async def _done(what: Awaitable[None] | None) -> None:
    if what is not None:
        await what


def state(pid: int) -> str:
    """The letter that /proc has for a process's state."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def backend(name: str) -> Provider | str:
    """The backend, when this machine can run it, or its own reason why not."""
    if name not in registry.PROVIDERS:
        return f"there is no sandbox {name}"
    provider = registry.load(name)
    found = asyncio.run(provider.preflight())
    return provider if found.ready else found.why


def nothing(*words: str) -> Held:
    """The program prints one of these words for each thing that it could do: there must be none."""

    def held(_: Stage, ran: Ran) -> None:
        done = [word for word in (words or ("DONE",)) if word in ran.text]
        assert not done, f"it could: {ran.text[:2000]}"
        assert "TRIED" in ran.text, f"it was not tried: {ran.end} {ran.text[:500]} {ran.err[:500]!r}"

    return held


def trying(attempts: Sequence[str], imports: str = "import os") -> str:
    """A program that makes each of these attempts, and prints DONE for what raised nothing."""
    lines = [imports]
    for attempt in attempts:
        body = attempt.replace("\n", "\n    ")
        lines.append(
            f"try:\n    {body}\n    print('DONE', {attempt!r})\nexcept Exception as e:\n    print('no:', e)"
        )
    return "\n".join([*lines, "print('TRIED')"])
