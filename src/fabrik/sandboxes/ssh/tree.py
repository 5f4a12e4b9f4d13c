"""What a read-only path holds, as the worker sees it, and copies of such paths on the other machine.

A tree is named by the digest of its listing: names, modes, sizes, times and links. A copy is never changed:
what changes at the path makes another copy, which shares unchanged files with the one before by hard links.

It runs on the other machine, too: nothing but the standard library, Python 3.9.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

# path below the top ("" is the top), kind (d, f or l), mode, bytes, time of last change in ns, link's target
Entry = tuple[str, str, int, int, int, str]
_TRANSIENT = ("tmp_obj_", "tmp_pack_", "tmp_idx_", "tmp_rev_", ".tmp-")  # of git, on their way to a name
_KEPT = 14 * 86400  # seconds that an unused copy stays


@dataclass(frozen=True)
class Listing:
    """All that is to be seen at a path."""

    entries: tuple[Entry, ...]
    directories: tuple[tuple[str, int], ...]  # each with its time of change: a new file in one is seen by it

    @property
    def digest(self) -> str:
        text = json.dumps([entry for entry in self.entries if entry[1] != "d"] + self._shape())
        return hashlib.sha256(text.encode()).hexdigest()

    def _shape(self) -> list[tuple[str, int]]:
        return [(entry[0], entry[2]) for entry in self.entries if entry[1] == "d"]


def listing(top: Path) -> Listing:
    """Look at a path. What is neither file, directory nor link is left out. Raises OSError."""
    top = top.resolve(strict=True)
    entries: list[Entry] = []
    directories: list[tuple[str, int]] = []
    todo = [""]
    while todo:
        name = todo.pop()
        path = top / name if name else top
        try:
            status = path.lstat()
            entry = _entry(name, path, status)
            if entry is None:
                continue
            if entry[1] == "d":
                directories.append((str(path), status.st_mtime_ns))
                below = sorted(os.listdir(path), reverse=True)  # noqa: PTH208 - names only
                todo += [f"{name}/{child}".lstrip("/") for child in below if not child.startswith(_TRANSIENT)]
            entries.append(entry)
        except OSError:
            if not name:
                raise  # gone in the meantime, or not for us to read: it is not there
    return Listing(tuple(entries), tuple(directories))


def _entry(name: str, path: Path, status: os.stat_result) -> Entry | None:
    mode = stat.S_IMODE(status.st_mode) & 0o777
    if stat.S_ISDIR(status.st_mode):
        return (name, "d", mode, 0, 0, "")
    if stat.S_ISREG(status.st_mode):
        return (name, "f", mode, status.st_size, status.st_mtime_ns, "")
    if stat.S_ISLNK(status.st_mode):
        return (name, "l", 0, 0, 0, str(path.readlink()))
    return None


def unchanged(known: Listing) -> bool:
    """Whether nothing came or went since. A file written over in place is not noticed, a renamed one is."""
    try:
        return all(Path(path).stat().st_mtime_ns == at for path, at in known.directories)
    except OSError:
        return False


class Store:
    """The copies on one machine, below a directory of ours."""

    def __init__(self, directory: Path, *, for_all: bool) -> None:
        """for_all: another user than the owner reads them."""
        self._directory = directory
        self._for_all = for_all
        directory.mkdir(mode=0o755, parents=True, exist_ok=True)

    def path(self, digest: str) -> Path:
        """Where the copy with this digest is, or would be."""
        return self._directory / digest / "it"

    def has(self, digest: str) -> bool:
        """Whether it is there; it is kept for a while from now on."""
        try:
            os.utime(self._directory / digest)
        except FileNotFoundError:
            return False
        return True

    def begin(self, of: str, entries: list[Entry]) -> Making:
        """Make a new copy of the path `of`, with what the one before has already. Raises OSError."""
        before = self._before(of)
        had = {entry[0]: entry for entry in _read_entries(before)} if before else {}
        place = self._directory / f"new-{uuid4().hex}"
        place.mkdir(mode=0o755)
        making = Making(place, self._for_all)
        for number, entry in enumerate(entries):
            same = before is not None and entry[1] == "f" and had.get(entry[0]) == entry
            making.add(number, entry, before / "it" if same and before else None)
        return making

    def keep(self, making: Making, digest: str, of: str, entries: list[Entry]) -> None:
        """Give a complete copy its name. Raises OSError."""
        (making.place / "entries.json").write_text(json.dumps(entries))
        making.lock()
        try:
            making.place.rename(self._directory / digest)
        except OSError:
            if not self.has(digest):  # another made the same in the meantime
                raise
        link = self._name(of)
        fresh = link.with_name(f"new-{uuid4().hex}.name")
        fresh.write_text(digest)
        fresh.replace(link)

    def _name(self, of: str) -> Path:
        return self._directory / f"{hashlib.sha256(of.encode()).hexdigest()[:32]}.name"

    def _before(self, of: str) -> Path | None:
        try:
            place = self._directory / self._name(of).read_text()
        except OSError:
            return None
        return place if (place / "entries.json").is_file() else None

    def unused(self) -> Iterator[Path]:
        """Copies that nobody asked for in a long time, and those that were never finished."""
        for place in self._directory.iterdir():
            try:
                if place.stat().st_mtime < time.time() - _KEPT:
                    yield place
            except FileNotFoundError:
                continue


class Making:
    """A copy on its way."""

    def __init__(self, place: Path, for_all: bool) -> None:
        self.place = place
        self.needed: list[int] = []  # numbers of the files whose content must come
        self._for_all = for_all
        self._directories: list[tuple[Path, int]] = []

    def target(self, name: str) -> Path:
        """Where an entry lies. Raises ValueError for a name that leads elsewhere."""
        if name and any(part in ("", ".", "..") for part in name.split("/")):
            raise ValueError(f"{name!r} is not a path below the tree")
        return self.place / "it" / name if name else self.place / "it"

    def add(self, number: int, entry: Entry, before: Path | None) -> None:
        """Make a directory or a link, share a file, or note that it is needed. Raises OSError, ValueError."""
        name, kind, mode, _, _, target = entry
        place = self.target(name)
        if kind == "d":
            place.mkdir(mode=0o755)
            self._directories.append((place, self._mode(mode)))
        elif kind == "l":
            place.symlink_to(target)
        elif before is not None and _shared(before / name if name else before, place):
            pass
        else:
            self.needed.append(number)

    def finish_file(self, entry: Entry, handle: int) -> None:
        """Give a file that has all its content its mode and time."""
        os.fchmod(handle, self._mode(entry[2]))
        os.utime(handle, ns=(entry[4], entry[4]))

    def lock(self) -> None:
        """Give the directories their modes; the owner may still remove what is in them."""
        for place, mode in reversed(self._directories):
            place.chmod(mode | 0o700)

    def _mode(self, mode: int) -> int:
        if not self._for_all:
            return mode
        return mode | 0o444 | (0o111 if mode & 0o111 else 0)


def _shared(source: Path, place: Path) -> bool:
    try:
        os.link(source, place, follow_symlinks=False)
    except OSError:
        return False  # too many links, or gone
    return True


def _read_entries(place: Path) -> list[Entry]:
    try:
        raw = json.loads((place / "entries.json").read_text())
        return [(str(e[0]), str(e[1]), int(e[2]), int(e[3]), int(e[4]), str(e[5])) for e in raw]
    except (OSError, ValueError, LookupError, TypeError):
        return []
