"""Transcripts and logs: files beside the ledger, bounded, with sizes and hashes in it."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import time
from pathlib import Path

from fabrik.redaction import Redactor
from fabrik.workflows.known_secrets import redactor
from fabrik.workflows.results import LogFile

KEEP_HEAD = 4 << 20  # bytes kept of a very long log: its beginning …
KEEP_TAIL = 12 << 20  # … and its end
TAIL_LINES = 60  # lines of a failed check that the agent and the human see
TAIL_BYTES = 8 << 10
AROUND = 64 << 10  # bytes that are looked at beside a cut: half a secret is one, too
BLOCK = 1 << 20
SWEPT = ".swept"  # in the directory of a run's logs; its time is that of the last sweep
SWEPT_SUFFIXES = (".log", ".err")
_sealed: set[str] = set()  # by this process: they are redacted already

_ESCAPES = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"
)

# C0 but for tab and newline, DEL, C1; marks, embeddings, overrides and isolates of bidirectional text.
_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


async def seal(log: Path, directory: Path) -> LogFile:
    """Measure, trim, redact and hash a log whose command has ended. Paths are relative to `directory`."""
    sealed, whole = await asyncio.to_thread(_seal, log, directory)
    if whole is not None:  # giving a gigabyte back takes the kernel a while: nobody needs to wait for it
        asyncio.get_running_loop().run_in_executor(None, os.close, whole)
    return sealed


def _seal(log: Path, directory: Path) -> tuple[LogFile, int | None]:
    size = log.stat().st_size
    trimmed = size > KEEP_HEAD + KEEP_TAIL
    whole = _trim(log, size) if trimmed else None
    if redact_file(log) and not trimmed:
        size = log.stat().st_size
    _sealed.add(str(log))
    with log.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    sealed = LogFile(path=str(log.relative_to(directory)), size=size, sha256=digest, trimmed=trimmed)
    return sealed, whole


def _trim(log: Path, size: int) -> int:
    """Put a file with the beginning and the end in place of the log; the open descriptor of the whole one."""
    whole = os.open(log, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    kept = log.with_name(f"{log.name}.kept")
    with kept.open("wb") as file:
        file.write(redactor().whole(os.pread(whole, KEEP_HEAD + AROUND, 0))[:KEEP_HEAD])
        file.write(b"\n[... %d bytes are not kept ...]\n" % (size - KEEP_HEAD - KEEP_TAIL))
        end = os.pread(whole, KEEP_TAIL + AROUND, size - KEEP_TAIL - AROUND)
        file.write(redactor().whole(end)[-KEEP_TAIL:])
    kept.rename(log)
    return whole


def read_end(log: Path, size: int) -> bytes:
    """The last `size` bytes of a file."""
    with log.open("rb") as file:
        length = file.seek(0, os.SEEK_END)
        file.seek(max(0, length - size))
        return file.read(size)


def redacted_end(log: Path, size: int) -> bytes:
    """The last `size` bytes of a file, redacted before they are cut off."""
    return redactor().whole(read_end(log, size + AROUND))[-size:]


def redact_file(log: Path) -> bool:
    """Put a redacted copy in place of a log that has a secret in it; whether it had one."""
    known = redactor()
    if not known or not _has_secret(log, known):
        return False
    stream = known.stream()
    clean = log.with_name(f"{log.name}.clean")
    with log.open("rb") as file, clean.open("wb") as to:
        while block := file.read(BLOCK):
            to.write(stream.feed(block))
        to.write(stream.finish())
    clean.rename(log)
    return True


def sweep(logs: Path) -> None:
    """Redact the logs of a run that were written since the last sweep: also those that nobody seals.

    Setup commands and clones leave such, and sessions whose worker was killed.
    """
    mark = logs / SWEPT
    since = mark.stat().st_mtime if mark.exists() else 0.0
    if not redactor() or not logs.is_dir():
        return
    begun = time.time()
    for log in sorted(logs.rglob("*")):
        if log.suffix not in SWEPT_SUFFIXES or log.is_symlink() or not log.is_file():
            continue
        if log.stat().st_mtime >= since and str(log) not in _sealed:
            redact_file(log)
    mark.touch()
    os.utime(mark, (begun, begun))


def _has_secret(log: Path, known: Redactor) -> bool:
    stream = known.stream()
    with log.open("rb") as file:
        while block := file.read(BLOCK):
            stream.feed(block)
            if stream.found:
                return True
    stream.finish()
    return stream.found > 0


def tail(log: Path) -> str:
    """The end of a log as plain text: no escape sequences, no control characters, bounded."""
    text = _ESCAPES.sub(b"", redacted_end(log, TAIL_BYTES).replace(b"\r\n", b"\n")).decode("utf-8", "replace")
    return "\n".join(plain(text.replace("\r", "\n")).splitlines()[-TAIL_LINES:]).strip()


def plain(text: str) -> str:
    """Text from outside without what steers a terminal or turns the direction of writing."""
    return _STEERING.sub("", text)
