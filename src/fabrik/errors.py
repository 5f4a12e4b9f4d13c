"""Every error a user can meet: what happened, where, and what to do about it.

FabrikError                exit status 1
├── UsageError             2   the command or a file that was given is wrong
├── RunBusy                2   another process works on this run
├── EnvironmentProblem     1   this machine lacks something (bubblewrap, git, an agent, disk)
│   └── DiskFull           1
├── LedgerError            1   the ledger cannot be read or written
│   └── Fenced             1   another worker took this run over; nothing more is written
├── SandboxBroken          1   the sandbox itself failed; never shown as output of the command in it
└── VcsError               1   git refused
"""

from __future__ import annotations


class FabrikError(Exception):
    """The base of all errors that are shown to a user as one message, without a traceback.

    what: one sentence, what is wrong. where: the file, option or id that it is about.
    todo: what the user can do now.
    """

    exit_status = 1

    def __init__(self, what: str, *, where: str = "", todo: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.todo = todo

    def __str__(self) -> str:
        head = f"{self.where}: {self.what}" if self.where else self.what
        return f"{head}\n  → {self.todo}" if self.todo else head


class UsageError(FabrikError):
    """The command line, or a file named on it, cannot be used as it is."""

    exit_status = 2


class RunBusy(FabrikError):
    """Another living process owns this run."""

    exit_status = 2


class EnvironmentProblem(FabrikError):
    """This machine lacks something that the command needs."""


class DiskFull(EnvironmentProblem):
    """No room is left where fabrik must write. What was recorded before stays recorded."""


class LedgerError(FabrikError):
    """The ledger is locked, damaged, of a newer version or cannot be written."""


class Fenced(LedgerError):
    """Another worker has taken this run over; this one must not write any more."""


class SandboxBroken(FabrikError):
    """A sandbox could not be made or used. Not a failure of the command that was to run in it."""


class VcsError(FabrikError):
    """git refused an operation on a repository that fabrik owns or was given."""
