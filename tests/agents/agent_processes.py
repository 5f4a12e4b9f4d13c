"""Starts an agent's invocation as a plain process, the way a sandbox does it, and concludes."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fabrik.agents.agent import Agent, Conclusion, Ending, Role, SessionRequest
from fabrik.events import Said, SessionEvent, ToolCalled

NOWHERE = "http://127.0.0.1:1"  # nothing listens on port 1


@dataclass
class Place:
    """A workspace (a git repository), a HOME and a report, below one directory."""

    root: Path
    workspace: Path = field(init=False)
    home: Path = field(init=False)
    report: Path = field(init=False)

    def __post_init__(self) -> None:
        self.workspace, self.home = self.root / "workspace", self.root / "home"
        self.report = self.home / "report.json"
        for directory in (self.workspace, self.home):
            directory.mkdir(exist_ok=True)
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=self.workspace, check=True, capture_output=True, text=True
        )
        return done.stdout

    def request(
        self,
        options: Mapping[str, str],
        *,
        prompt: str = "Do it.",
        step: str = "task/1/implement#1",
        role: Role = "implement",
        models_url: str = NOWHERE,
        model: str | None = None,
        reviewer: str = "",
        commit: str = "",
        base: str = "",
    ) -> SessionRequest:
        return SessionRequest(
            prompt=prompt,
            role=role,
            run="01KRUN",
            step=step,
            workspace=str(self.workspace),
            home=str(self.home),
            report=str(self.report),
            models_url=models_url,
            model=model,
            options=options,
            reviewer=reviewer,
            commit=commit,
            base=base,
        )


@dataclass(frozen=True, kw_only=True)
class Played:
    """What came of it."""

    status: int | None
    signal: int | None
    stdout: bytes
    stderr: str
    events: list[SessionEvent]
    conclusion: Conclusion

    @property
    def said(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, Said)]

    @property
    def tools(self) -> list[tuple[str, str]]:
        return [(event.name, event.summary) for event in self.events if isinstance(event, ToolCalled)]


def start(
    agent: Agent,
    place: Place,
    request: SessionRequest,
    path: str = "/usr/bin:/bin",
    wrapped: Sequence[str] = (),
) -> subprocess.Popen[bytes]:
    """Start it, behind the command `wrapped` if there is one; its stdin is still to be fed."""
    invocation = agent.invocation(request)
    for name, content in invocation.files.items():
        file = place.home / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return subprocess.Popen(
        [*wrapped, *invocation.argv],
        cwd=invocation.cwd or place.workspace,
        env={"HOME": str(place.home), "PATH": path, "LANG": "C.UTF-8", "TERM": "dumb", **invocation.env},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def finish(agent: Agent, process: subprocess.Popen[bytes], prompt: bytes, seconds: float = 120) -> Played:
    """Feed the prompt, wait for the end, conclude."""
    try:
        stdout, stderr = process.communicate(prompt, timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    code = process.returncode
    events = [event for line in stdout.split(b"\n") for event in agent.parse(line)]
    ending = Ending(
        status=code if code >= 0 else None,
        signal=-code if code < 0 else None,
        stderr_tail=stderr[-8192:].decode("utf-8", "replace"),
    )
    structural = [event for event in events if not isinstance(event, Said | ToolCalled)]
    return Played(
        status=ending.status,
        signal=ending.signal,
        stdout=stdout,
        stderr=ending.stderr_tail,
        events=events,
        conclusion=agent.conclude(ending, structural),
    )


def play(agent: Agent, place: Place, request: SessionRequest, path: str = "/usr/bin:/bin") -> Played:
    """Start it, feed it, wait for it, conclude."""
    return finish(agent, start(agent, place, request, path), agent.invocation(request).stdin)
