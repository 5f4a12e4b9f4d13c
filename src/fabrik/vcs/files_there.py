"""What the user's working tree holds at some paths, compared with what git has: contents, never times."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fabrik.vcs.checkout import QUIET, Place
from fabrik.vcs.git import git, run
from fabrik.vcs.landing_plan import Entry, Found

_BLOCK = 1 << 20
_EXECUTABLE = {"100644": "100755", "100755": "100644"}


@dataclass(frozen=True)
class Seen:
    """A look at a working tree."""

    place: Place
    modes: dict[str, str] = field(default_factory=dict)  # of files whose content has to be filtered first

    async def filtered(
        self, asked: Mapping[str, tuple[Entry, Entry]], found: Mapping[str, Found]
    ) -> dict[str, Found]:
        """The files that are not as any commit has them, once more: as git would add them, by the attributes.

        Line ends, filters such as Git LFS, and file systems without executable bits are seen through.
        """
        doubtful = [
            path for path, there in found.items() if there.state == "file" and there.entry not in asked[path]
        ]
        if not doubtful:
            return {}
        modes_count = await self._modes_count()
        again = {}
        for path in doubtful:
            mode, at = found[path].entry or ("", "")
            if mode in _EXECUTABLE:
                at = await self._hash(path) or at
                if not modes_count:
                    mode = next((side[0] for side in asked[path] if side and side[1] == at), mode)
            again[path] = Found(state="file", entry=(mode, at))
        # Unfiltered counts, too: a file that was never smudged is no change.
        return {path: one for path, one in again.items() if one.entry in asked[path]}

    async def _modes_count(self) -> bool:
        said = await run("config", "--type=bool", "core.fileMode", cwd=self.place.root, user_config=True)
        return said.stdout.strip() != b"false"

    async def _hash(self, path: str) -> str:
        hashed = await git(
            *QUIET, "hash-object", f"--path={path}", "--", str(self.place.root / path),
            cwd=self.place.root, user_config=True, where=str(self.place.root),
        )  # fmt: skip
        return hashed.decode().strip()


def look(
    seen: Seen, asked: Mapping[str, tuple[Entry, Entry]]
) -> tuple[dict[str, Found], dict[str, list[str]]]:
    """What is at each of these paths, and the files below those that are directories."""
    found: dict[str, Found] = {}
    inside: dict[str, list[str]] = {}
    for path, sides in asked.items():
        length = next((len(side[1]) for side in sides if side), 40)
        found[path] = _at(seen.place.root, path, length)
        if found[path].state == "directory":
            inside[path] = _below(seen.place.root, path)
    return found, inside


def _at(root: Path, path: str, length: int) -> Found:
    place = root
    for part in Path(path).parts[:-1]:
        place = place / part
        with contextlib.suppress(FileNotFoundError):
            if not stat.S_ISDIR(place.lstat().st_mode):
                return Found(state="beyond")
            continue
        return Found(state="nothing")
    try:
        state = (root / path).lstat()
    except FileNotFoundError:
        return Found(state="nothing")
    if stat.S_ISDIR(state.st_mode):
        return Found(state="directory")
    if stat.S_ISLNK(state.st_mode):
        content = os.fsencode((root / path).readlink())
        return Found(state="file", entry=("120000", _digest(length, len(content), [content])))
    if not stat.S_ISREG(state.st_mode):
        return Found(state="file", entry=("", ""))  # a socket or the like: nothing that git knows
    mode = "100755" if state.st_mode & stat.S_IXUSR else "100644"
    return Found(state="file", entry=(mode, _digest_of(root / path, length)))


def _digest_of(file: Path, length: int) -> str:
    with file.open("rb") as opened:
        size = os.fstat(opened.fileno()).st_size
        return _digest(length, size, iter(lambda: opened.read(_BLOCK), b""))


def _digest(length: int, size: int, blocks: object) -> str:
    """As git names a blob (gitformat-pack(5))."""
    made = hashlib.sha256() if length == 64 else hashlib.sha1(usedforsecurity=False)
    made.update(b"blob %d\0" % size)
    for block in blocks:  # type: ignore[attr-defined]
        made.update(block)
    return made.hexdigest()


def _below(root: Path, path: str) -> list[str]:
    return [
        str((Path(directory) / name).relative_to(root))
        for directory, folders, files in os.walk(root / path)
        for name in [*files, *(folder for folder in folders if (Path(directory) / folder).is_symlink())]
    ]


def take_away(root: Path, path: str) -> None:
    """Remove a file, and the directories that it leaves empty."""
    (root / path).unlink(missing_ok=True)
    directory = (root / path).parent
    while directory != root:
        try:
            directory.rmdir()
        except OSError:
            return
        directory = directory.parent


def take_away_empty(directory: Path) -> None:
    """Remove a directory that has nothing but directories in it. Raises OSError when there is more."""
    for inner, _, _ in os.walk(directory, topdown=False):
        Path(inner).rmdir()
