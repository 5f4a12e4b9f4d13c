"""From what git prints when it fails to the one error a user reads. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from fabrik.errors import DiskFull, EnvironmentProblem, FabrikError, VcsError


class GitFailed(VcsError):
    """git ended with another exit status than was expected."""

    def __init__(self, what: str, *, status: int, stderr: str, where: str = "", todo: str = "") -> None:
        super().__init__(what, where=where, todo=todo)
        self.status = status  # as a shell shows it: 128 + n for signal n
        self.stderr = stderr


@dataclass(frozen=True, kw_only=True)
class _Hint:
    """Words that git prints, and what helps then."""

    words: str
    todo: str


_FULL = ("No space left on device", "Disk quota exceeded")

_HINTS = (
    _Hint(
        words="terminal prompts disabled", todo="store the credentials first (git credential helper, ssh key)"
    ),
    _Hint(
        words="could not read Username", todo="store the credentials first (git credential helper, ssh key)"
    ),
    _Hint(words="Authentication failed", todo="check the credentials that git uses for this address"),
    _Hint(words="Permission denied (publickey", todo="load the ssh key that the server knows (ssh-add)"),
    _Hint(words="Host key verification failed", todo="connect once with ssh to accept the server's host key"),
    _Hint(words="Could not resolve host", todo="check the address and the network connection"),
    _Hint(words="Connection timed out", todo="check the address and the network connection"),
    _Hint(words="Connection refused", todo="check the address and the network connection"),
    _Hint(words="dubious ownership", todo="if you trust it: git config --global --add safe.directory <path>"),
    _Hint(words="not appear to be a git repository", todo="check the path or address of the repository"),
    _Hint(words="does not exist", todo="check the path or address of the repository"),
    _Hint(words="Repository not found", todo="check the address, and that your account may read it"),
    _Hint(words="promisor", todo="the repository is a partial clone: give fabrik its full address instead"),
    _Hint(
        words="protected branch", todo="the server protects this branch: choose another name with --branch"
    ),
    _Hint(words="Read-only file system", todo="make the directory writable"),
    _Hint(words="Permission denied", todo="check who owns these files"),
)


def last_words(stderr: str) -> str:
    """git's own closing line: the last one that says fatal or error, else the last that is not empty."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    telling = [
        line for line in lines if line.startswith(("fatal:", "error:", "ERROR:", "!", "remote: error"))
    ]
    chosen = telling[-1] if telling else (lines[-1] if lines else "")
    for prefix in ("fatal: ", "error: "):
        chosen = chosen.removeprefix(prefix)
    return chosen


def failure(verb: str, status: int, stderr: str, where: str = "") -> FabrikError:
    """The error for a git command that ended with `status`; `verb` is its subcommand."""
    said = last_words(stderr)
    if any(words in stderr for words in _FULL):
        return DiskFull(
            f"no space is left on the disk ({said})",
            where=where,
            todo="free some space, then resume: what was recorded before is kept",
        )
    todo = next((hint.todo for hint in _HINTS if hint.words in stderr), "")
    what = f"git {verb} failed with status {status}" + (f": {said}" if said else " and said nothing")
    return GitFailed(what, status=status, stderr=stderr, where=where, todo=todo)


def git_missing() -> EnvironmentProblem:
    """The error for a machine without git."""
    return EnvironmentProblem(
        "git was not found", where="PATH", todo="install git 2.34 or newer, for example: apt install git"
    )
