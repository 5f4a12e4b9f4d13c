"""Two lines of work put together, in a repository of fabrik's: files first, then the lines of a file."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from fabrik.vcs.git import git, run
from fabrik.vcs.project import Identity

_REGULAR = ("100644", "100755")
_MAX_FILE = 16 << 20  # bytes; larger files are not merged line by line


@dataclass(frozen=True, kw_only=True)
class Merged:
    """What a merge came to."""

    tree: str | None  # None: it has conflicts
    conflicts: tuple[str, ...]  # paths


@dataclass(frozen=True, kw_only=True)
class _Side:
    mode: str
    id: str


async def merge_trees(repo: Path, base: str, ours: str, theirs: str) -> Merged:
    """Merge three commits or trees as `git merge` would, renames not followed. Raises VcsError, DiskFull."""
    with tempfile.TemporaryDirectory(prefix="fabrik-merge-") as directory:
        place = Path(directory)
        env = {"GIT_INDEX_FILE": str(place / "index")}
        await git("read-tree", "-i", "-m", "--aggressive", base, ours, theirs, repo=repo, env=env)
        listed = await git("ls-files", "--unmerged", "-z", repo=repo, env=env)
        conflicts = []
        for path, sides in _unmerged(listed).items():
            solved = await _lines(repo, place, sides)
            if solved is None:
                conflicts.append(path)
                continue
            lines = [f"0 {'0' * len(solved.id)}\t", f"{solved.mode} {solved.id}\t"]
            data = b"".join(line.encode() + os.fsencode(path) + b"\0" for line in lines)
            await git("update-index", "-z", "--index-info", repo=repo, env=env, input=data)
        if conflicts:
            return Merged(tree=None, conflicts=tuple(conflicts))
        tree = (await git("write-tree", repo=repo, env=env)).decode().strip()
        return Merged(tree=tree, conflicts=())


async def commit_merge(
    repo: Path, tree: str, parents: Sequence[str], message: str, identity: Identity, when: datetime
) -> str:
    """A commit of a merged tree; the same input gives the same commit. Raises VcsError, DiskFull."""
    date = f"@{int(when.timestamp())} +0000"
    who = {"NAME": identity.name, "EMAIL": identity.email, "DATE": date}
    env = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in who.items()}
    named = [word for parent in parents for word in ("-p", parent)]
    made = await git("commit-tree", tree, *named, "-F", "-", repo=repo, input=message.encode(), env=env)
    return made.decode().strip()


def _unmerged(listed: bytes) -> dict[str, dict[str, _Side]]:
    """From records such as `100644 <id> 2\\t<path>\\0`: path → stage → what that side has."""
    found: dict[str, dict[str, _Side]] = {}
    for record in listed.split(b"\0"):
        if record:
            facts, _, path = record.partition(b"\t")
            mode, at, stage = facts.decode().split(" ")
            found.setdefault(os.fsdecode(path), {})[stage] = _Side(mode=mode, id=at)
    return found


async def _lines(repo: Path, place: Path, sides: Mapping[str, _Side]) -> _Side | None:
    """The file with the changes of both sides; None where they meet, or one side has no such file."""
    if len(sides) < 3 or any(side.mode not in _REGULAR for side in sides.values()):
        return None
    files = {}
    for stage, side in sides.items():
        output = await run("cat-file", "blob", side.id, repo=repo, max_output=_MAX_FILE)
        if output.status != 0 or output.truncated:
            return None
        files[stage] = place / stage
        files[stage].write_bytes(output.stdout)
    merged = await run("merge-file", "-p", *(str(files[stage]) for stage in ("2", "1", "3")), repo=repo)
    if merged.status != 0:  # the number of conflicts, or 255 for what is no text
        return None
    made = await git("hash-object", "-w", "--stdin", repo=repo, input=merged.stdout)
    modes = {side.mode for stage, side in sides.items() if stage != "1"} - {sides["1"].mode}
    return _Side(mode=modes.pop() if modes else sides["1"].mode, id=made.decode().strip())
