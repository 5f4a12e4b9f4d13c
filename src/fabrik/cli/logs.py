"""The log files of a run: found below its directory, read in blocks, neutralised line by line."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fabrik.cli.text import neutralise
from fabrik.errors import UsageError
from fabrik.redaction import Redactor

BLOCK = 256 << 10
TAIL = 8 << 20  # bytes at the end of a log in which its last lines are looked for
SUFFIXES = (".log", ".err")
LONGEST = 64 << 10  # bytes of one line that are shown at once: a longer line goes on in the next


@dataclass(frozen=True, kw_only=True)
class Log:
    """One log file of one start of a step."""

    step: str
    attempt: int
    path: Path

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return self.path.stat().st_size

    @property
    def written(self) -> float:
        """When it was last written, seconds since the epoch."""
        return self.path.stat().st_mtime

    @property
    def is_stderr(self) -> bool:
        """Whether it holds only what was written to stderr."""
        return self.path.name == "stderr.log" or self.path.suffix == ".err"


def find_logs(directory: Path, steps: Iterable[str]) -> list[Log]:
    """All logs below a run's logs directory, in the order of its steps."""
    found: list[Log] = []
    for step in steps:
        starts = directory / step.replace("/", ".")
        if not starts.is_dir():
            continue
        for attempt in sorted((path for path in starts.iterdir() if path.name.isdigit()), key=_number):
            # Verification keeps the logs of held-out checks in a directory of their own.
            # What git hands over (bundles, archives) is kept there for a moment as well, and is no log.
            files = sorted(
                path
                for path in attempt.rglob("*")
                if path.suffix in SUFFIXES and path.is_file() and not path.is_symlink()
            )
            found.extend(Log(step=step, attempt=_number(attempt), path=path) for path in files)
    return found


def _number(path: Path) -> int:
    return int(path.name)


def of_step(logs: Iterable[Log], step: str, *, stderr: bool) -> list[Log]:
    """The logs of the last start of a step: its stderr, or everything else."""
    own = [log for log in logs if log.step == step]
    last = max((log.attempt for log in own), default=0)
    return [log for log in own if log.attempt == last and log.is_stderr is stderr]


class Reader:
    """Reads a growing log from where it stopped; memory is bounded, however long the lines are."""

    def __init__(self, path: Path, redactor: Redactor | None = None) -> None:
        """redactor: for a log that may still be written to; one that has ended is redacted on the disk."""
        self._path = path
        self._redactor = redactor or Redactor()
        self._offset = 0
        self._partial = b""

    def lines(self) -> Iterator[str]:
        """The complete lines that were written since the last call. Raises UsageError."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                while block := file.read(BLOCK):
                    self._offset += len(block)
                    whole, newline, self._partial = (self._partial + block).rpartition(b"\n")
                    if newline:
                        for line in self._redactor.whole(whole).split(b"\n"):
                            yield _shown(line)
                    if len(self._partial) > LONGEST:
                        self._partial = self._redactor.whole(self._partial)
                    while len(self._partial) > LONGEST:
                        piece, self._partial = self._partial[:LONGEST], self._partial[LONGEST:]
                        yield _shown(piece)
        except OSError as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: OSError) -> UsageError:
        return UsageError(f"the log cannot be read: {error.strerror}", where=str(self._path))

    def last(self, count: int) -> Iterable[str]:
        """The last `count` complete lines, as far as they are in the last TAIL bytes. For a first call."""
        try:
            self._offset = max(0, self._path.stat().st_size - TAIL)
        except OSError as error:
            raise self._unreadable(error) from error
        return deque(self.lines(), maxlen=count)

    def rest(self) -> Iterator[str]:
        """What is left at the end without a newline."""
        yield from self.lines()
        if self._partial:
            yield _shown(self._redactor.whole(self._partial))
            self._partial = b""


def _shown(line: bytes) -> str:
    return neutralise(line.decode("utf-8", "replace").rstrip("\r"))
