"""Copies of logins, one per worker: FABRIK_HOME/credentials/<worker>/<login>/<file>, 0700 and 0600.

A login that renews itself has a refresh token that works once: whoever uses it gets the next one. Two workers
with the same one would log each other out, so such a login belongs to one worker at a time. What its CLI made
of it there (the next token) is brought back to the original at the next sync, or when it is released. Keys
that do not rotate may be copied to as many workers as one likes.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from fabrik.credentials.known import read_small
from fabrik.credentials.logins import Held, Login, Unreadable
from fabrik.errors import EnvironmentProblem, FabrikError, UsageError

Action = Literal["copied", "unchanged", "brought back", "released", "absent"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
_SYNCED = "synced"  # beside a copy: the digest of what both sides had at the last sync


@dataclass(frozen=True, kw_only=True)
class Copies:
    """The copies of logins on this host."""

    directory: Path
    env: Mapping[str, str]
    home: Path

    def path(self, worker: str, login: Login) -> Path:
        """Where a worker's copy is."""
        return self.directory / worker / login.name / login.file

    def sync(self, login: Login, worker: str) -> Action:
        """Make the worker's copy and the original the same: whichever was renewed since the last time counts.

        Raises UsageError for a name that is none, when another worker has this login, or when both sides
        have changed; EnvironmentProblem for a login that cannot be read or a copy that cannot be written.
        """
        _require_name(worker)
        with self._alone():
            original = login.path(self.env, self.home)
            content = read_small(original)
            copy = self.path(worker, login)
            if content is None and not copy.exists():
                return "absent"
            if content is not None and _rotates(login, content, original):
                self._require_sole(login, worker)
            if not copy.exists():
                assert content is not None  # noqa: S101 -- one of the two is there
                return self._put(copy, content, "copied")
            ours, before = read_small(copy), read_small(copy.with_name(_SYNCED))
            if ours is None:
                raise EnvironmentProblem("cannot be read", where=str(copy), todo="remove it, then sync again")
            if content == ours:
                return self._put(copy, ours, "unchanged")
            if before == _digest(ours) and content is not None:
                return self._put(copy, content, "copied")
            if content is None or before == _digest(content):
                _require_readable(login, ours, copy)
                _write(original, ours)
                return self._put(copy, ours, "brought back")
            raise UsageError(
                f"the login {login.name} was renewed on both sides, here and by worker {worker}",
                where=str(copy),
                todo=f"keep one: remove the copy and sync again, or log in again ({login.renew})",
            )

    def release(self, login: Login, worker: str) -> Action:
        """Bring back what the worker has renewed, and remove its copy. Raises as `sync`."""
        _require_name(worker)
        if not self.path(worker, login).exists():
            return "absent"
        self.sync(login, worker)
        with self._alone():
            copy = self.path(worker, login)
            copy.unlink(missing_ok=True)
            copy.with_name(_SYNCED).unlink(missing_ok=True)
        return "released"

    def holders(self, login: Login) -> tuple[str, ...]:
        """The workers that have a copy of a login."""
        found = self.directory.glob(f"*/{login.name}/{login.file}")
        return tuple(sorted(path.parent.parent.name for path in found))

    def _require_sole(self, login: Login, worker: str) -> None:
        others = [other for other in self.holders(login) if other != worker]
        if others:
            raise UsageError(
                f"worker {others[0]} has the login {login.name}, and it renews itself: two workers with it"
                " would log each other out",
                todo=f"fabrik credentials sync --worker {others[0]} --release, or a login of its own for"
                f" {worker}: {login.renew}",
            )

    def _put(self, copy: Path, content: bytes, action: Action) -> Action:
        for place in (self.directory, copy.parent.parent, copy.parent):
            _private(place)
        _write(copy, content)
        _write(copy.with_name(_SYNCED), _digest(content))
        return action

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One sync at a time."""
        _private(self.directory)
        try:
            descriptor = os.open(self.directory / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _unwritable(error, self.directory) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _require_name(worker: str) -> None:
    if not _NAME.match(worker):
        raise UsageError(
            "that is no name for a worker",
            where="--worker",
            todo="use letters, digits, . and -, up to 64",
        )


def _rotates(login: Login, content: bytes, path: Path) -> bool:
    return any(held.refresh for held in _require_readable(login, content, path))


def _require_readable(login: Login, content: bytes, path: Path) -> tuple[Held, ...]:
    try:
        return login.read(content)
    except Unreadable as error:
        raise EnvironmentProblem(str(error), where=str(path), todo=f"log in again: {login.renew}") from None


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()


def _private(place: Path) -> None:
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        place.chmod(0o700)
    except OSError as error:
        raise _unwritable(error, place) from error


def _write(path: Path, content: bytes) -> None:
    """All at once, and never readable by others. Through a link to where it leads."""
    target = path.resolve()
    aside = target.with_name(f".{target.name}.{os.getpid()}.new")
    try:
        descriptor = os.open(
            aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
        )
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        aside.rename(target)
    except OSError as error:
        raise _unwritable(error, path) from error
    finally:
        aside.unlink(missing_ok=True)


def _unwritable(error: OSError, path: Path) -> FabrikError:
    return EnvironmentProblem(
        f"cannot be written: {error.strerror or error}", where=str(path), todo="look at its owner and mode"
    )
