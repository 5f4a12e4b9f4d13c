"""The contract of an agent adapter. An adapter is pure: it does no I/O, so recorded transcripts test it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from fabrik.events import SessionEvent
from fabrik.outcome import Cause
from fabrik.usage import Vendor

Role = Literal["plan", "implement", "fix", "review", "verify"]


@dataclass(frozen=True, kw_only=True)
class SessionRequest:
    """Everything an adapter needs to know to start a session. Paths are paths inside the sandbox."""

    prompt: str
    role: Role
    run: str  # run id
    step: str  # the step's key, for example task/1/implement#1
    workspace: str  # the directory the agent works in
    home: str  # HOME of the session; fresh and empty
    report: str  # where the agent may write its JSON report
    models_url: str  # http://127.0.0.1:PORT: the gateway's models door, without a trailing slash
    model: str | None = None  # None: the CLI's own default
    options: Mapping[str, str] = field(default_factory=dict)  # the agent's own options (command's path, …)
    reviewer: str = ""  # of a review or verify session: who reviews, such as "security" or "verifier"
    commit: str = ""  # of a review or verify session: the commit that it judges …
    base: str = ""  # … and the one that it is compared with


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """How to start the CLI: nothing here is a secret."""

    argv: Sequence[str]  # argv[0] is a program's name or an absolute path inside the sandbox
    env: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)  # path relative to HOME → content
    stdin: bytes = b""  # always closed after it
    cwd: str | None = None  # where it starts, a path inside the sandbox; None: the workspace


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How the process of a session ended, as the host saw it."""

    status: int | None  # exit status; None when a signal ended it
    signal: int | None
    stderr_tail: str  # the last 8 KiB, decoded with replacement


@dataclass(frozen=True, kw_only=True)
class Conclusion:
    """Why a session ended, by structure."""

    cause: Cause
    detail: str = ""  # one line for the user
    resets_at: float | None = None  # seconds since the epoch


class Agent(Protocol):
    """One coding CLI."""

    name: str
    programs: Sequence[str]  # the programs it needs, looked up on the host's PATH: ("claude",)
    protocol: Vendor | None  # which model API it speaks; None: none by itself
    install_hint: str  # one line: how to get it

    def invocation(self, request: SessionRequest) -> Invocation:
        """The command line, environment, files and stdin of a session.

        Raises UsageError when an option that the agent needs is missing.
        """
        ...

    def parse(self, line: bytes) -> Sequence[SessionEvent]:
        """The events in one line of stdout (without its newline). Junk, partial or unknown lines give ()."""
        ...

    def conclude(self, ending: Ending, events: Sequence[SessionEvent]) -> Conclusion:
        """Why the session ended, from its ending and its structural events (never from Said)."""
        ...
