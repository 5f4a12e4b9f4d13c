"""The user's repository, as far as it lies in plain files: refs are read and objects brought without git.

Everything here gives None, or False, where a repository is kept in another way than git does by default (refs
packed or in a table, shared by a group, synced more often): then git is asked.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from fabrik.vcs.git import run
from fabrik.vcs.landing_plan import SUBMODULE
from fabrik.vcs.loose import Loose, differences, line_between

if TYPE_CHECKING:
    from fabrik.vcs.checkout import Place

_ID = re.compile(rb"([0-9a-f]{40}(?:[0-9a-f]{24})?)\n?")
_MOST = 100  # objects that are copied one by one
# What of a configuration decides how objects are stored; and what of that is as usual.
_STORING = r"^(core\.(sharedrepository|fsync|createobject|compression|loosecompression)|extensions\.)"
_USUAL = frozenset({"extensions.objectformat", "extensions.worktreeconfig", "extensions.partialclone"})
_usual: dict[Path, bool] = {}  # what was found out about a repository: it is asked for once


def common_dir(place: Place) -> Path:
    """Where the refs and objects are that all working trees share."""
    try:
        named = (place.git_dir / "commondir").read_text(errors="surrogateescape").strip()
    except OSError:
        return place.git_dir
    return place.git_dir / named


def ref_at(place: Place, ref: str) -> str | None:
    """The id that a ref has, where it lies in a file of its own."""
    return _id_in(common_dir(place) / ref)


def head_of(place: Place) -> str | None:
    """The full name of the branch that is checked out; "" where none is."""
    try:
        if (place.git_dir / "HEAD").is_symlink():
            return None
        text = (place.git_dir / "HEAD").read_bytes()
    except OSError:
        return None
    if _ID.fullmatch(text):
        return ""
    name = text.removeprefix(b"ref: ").removesuffix(b"\n")
    return os.fsdecode(name) if text.startswith(b"ref: refs/heads/") and b"\n" not in name else None


def tag_names(place: Place) -> list[str] | None:
    """The names of all tags."""
    common = common_dir(place)
    if (common / "reftable").exists():
        return None
    found = set(_below(common / "refs" / "tags", ""))
    try:
        packed = (common / "packed-refs").read_bytes()
    except FileNotFoundError:
        packed = b""
    except OSError:
        return None
    for line in packed.splitlines():
        _, _, name = line.partition(b" ")
        if name.startswith(b"refs/tags/") and not line.startswith((b"#", b"^")):
            found.add(os.fsdecode(name.removeprefix(b"refs/tags/")))
    return sorted(found)


async def brought(repo: Path, commit: str, have: str, place: Place, umask: int) -> bool:
    """Copy `commit` and what it needs besides the history of `have`, from a repository of fabrik's.

    False where that is too much, or not to be had one by one. Nothing refers to what was copied by then.
    umask: of what is made. Raises OSError.
    """
    loose = Loose.of(repo)
    wanted = _wanted(loose, commit, have) if umask >= 0 else None
    if wanted is None or not await _stored_as_usual(place):
        return False
    whole = {at: loose.checked(at) for at in wanted}
    objects = common_dir(place) / "objects"
    if not objects.is_dir() or any(data is None for data in whole.values()):
        return False
    for at, data in whole.items():
        if data is not None:
            _store(objects, at, data, umask)
    return True


def _wanted(loose: Loose, commit: str, have: str) -> list[str] | None:
    """What came with each commit since `have`, the commit itself last."""
    found: dict[str, None] = {}
    for at in reversed(line_between(loose, have, commit) or []):
        this = loose.commit(at)
        before = loose.commit(this.parents[0]) if this else None
        changed = differences(loose, before.tree, this.tree) if this and before else None
        if this is None or before is None or changed is None:
            return None
        sides = [one.after for one in reversed(changed) if one.after is not None]
        found |= dict.fromkeys(at for mode, at in sides if mode != SUBMODULE)
        found |= dict.fromkeys([this.tree] if this.tree != before.tree else []) | {at: None}
        if len(found) > _MOST:
            return None
    return list(found) or None


async def _stored_as_usual(place: Place) -> bool:
    common = common_dir(place)
    if common not in _usual:
        said = await run(
            "config", "--null", "--name-only", "--get-regexp", _STORING, cwd=place.root, user_config=True
        )
        names = {name for name in said.stdout.decode(errors="replace").split("\0") if name}
        _usual[common] = said.status in (0, 1) and names <= _USUAL
    return _usual[common]


def _store(objects: Path, at: str, data: bytes, umask: int) -> None:
    """As git does it: written aside, then renamed; with git's own modes."""
    directory = objects / at[:2]
    target = directory / at[2:]
    if target.exists():
        return
    if not directory.is_dir():
        directory.mkdir(exist_ok=True)
        directory.chmod(0o777 & ~umask)
    aside = directory / f"tmp_obj_{secrets.token_hex(6)}"
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            file.write(data)
            os.fchmod(descriptor, 0o444 & ~umask)
        aside.rename(target)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def _below(directory: Path, prefix: str) -> Iterator[str]:
    try:
        entries = list(os.scandir(directory))
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _below(directory / entry.name, f"{prefix}{entry.name}/")
        elif not entry.name.endswith(".lock"):
            yield f"{prefix}{entry.name}"


def _id_in(file: Path) -> str | None:
    try:
        if file.is_symlink():
            return None
        found = _ID.fullmatch(file.read_bytes())
    except OSError:
        return None
    return found[1].decode() if found else None
