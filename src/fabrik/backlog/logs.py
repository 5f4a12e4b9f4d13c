"""The logs of the attempts at a spec: runs/<spec>/<UTC>/impl-attempt-N.log and verify.log."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from fabrik.backlog.files import write_whole

LOG_BYTES = 8 << 20  # of one log; the run keeps the whole transcript


def stamp(at: float) -> str:
    """The name of a directory of logs. at: seconds since the epoch."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y%m%dT%H%M%SZ")


def iso(at: float) -> str:
    """A time as markers have it."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def implementation_log(directory: Path, attempt: int) -> Path:
    return directory / f"impl-attempt-{attempt}.log"


def verification_log(directory: Path) -> Path:
    """One for all verifications of this go at the spec, one after the other."""
    return directory / "verify.log"


def write_log(path: Path, text: str) -> None:
    """Write a log as a whole: doing it again after a crash changes nothing. Raises OSError."""
    if len(text) > LOG_BYTES:
        text = f"(the beginning is left out)\n{text[-LOG_BYTES:]}"
    write_whole(path, text if text.endswith("\n") else text + "\n")
