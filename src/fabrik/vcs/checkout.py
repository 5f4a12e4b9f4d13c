"""The user's checkout: the branch they are on, and the files as they are just now.

It is read here; `landing.py` brings commits into it. The user's hooks never run, for what they run may be
files that an agent has written by now; their filters, attributes and ignore rules count as in a terminal.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from fabrik.errors import UsageError, VcsError
from fabrik.vcs.git import git, run
from fabrik.vcs.near import head_of, ref_at
from fabrik.vcs.project import Identity, inspect
from fabrik.vcs.secrets import holds_token, looks_secret, may_hold_token
from fabrik.vcs.store import refused

# What of the user's configuration would run a program unasked, change other repositories, or make git refuse.
# (`advice.*` and colours go to people; here nobody reads them.)
QUIET = (
    "-c", "core.fsmonitor=false",
    "-c", "core.splitIndex=false",
    "-c", "core.safecrlf=false",
    "-c", "submodule.recurse=false",
)  # fmt: skip

_MOST_SETTINGS = 1 << 20  # bytes of a file in which a token is looked for

# Files of a git directory that are there in the middle of something → what it is
_UNDER_WAY = {
    "MERGE_HEAD": "a merge",
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase or `git am`",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "BISECT_LOG": "a bisection",
}


@dataclass(frozen=True, kw_only=True)
class Place:
    """One working tree of the user's."""

    root: Path  # its top
    git_dir: Path  # its own, where its HEAD and its index are

    @property
    def index(self) -> Path:
        return self.git_dir / "index"


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A checkout as it was at one moment."""

    place: Place
    branch: str
    tip: str  # the commit that the branch is at
    commit: str  # a commit with the files as they are, on top of the tip; the tip itself when nothing differs
    nested: tuple[str, ...] = ()  # repositories inside that are not submodules: they are not in the commit
    changed: tuple[str, ...] = ()  # paths in which the commit differs from the tip
    untracked: tuple[str, ...] = ()  # of these: nobody has asked git to track them
    secrets: tuple[str, ...] = ()  # untracked, with names like those of secrets: they are not in the commit
    unsettled: tuple[str, ...] = ()  # staged, while the file is as at the tip: git has it in two ways

    @property
    def clean(self) -> bool:
        """No change was uncommitted."""
        return self.commit == self.tip


async def snapshot(path: Path, identity: Identity, when: datetime, message: str) -> Snapshot:
    """The branch and the files of the working tree around `path`, as `git add -A` would have them.

    Untracked files whose names look like those of secrets are left out (`secrets.py`). Nothing that the user
    sees changes: index, files, refs and stashes stay; objects are added. The commit has this message, by
    `identity` at `when`.
    Raises UsageError when no branch is checked out, in the middle of a merge or the like, without a commit,
    in a bare repository; VcsError when git cannot read a file; DiskFull, EnvironmentProblem.
    """
    project = await inspect(path)
    if project.branch is None:
        raise UsageError(
            "no branch is checked out here (HEAD is detached)",
            where=str(project.root),
            todo="git switch BRANCH, or begin one: git switch -c NAME",
        )
    place = await locate(project.root)
    refuse_unfinished(place)
    if not project.dirty:
        return Snapshot(place=place, branch=project.branch, tip=project.head, commit=project.head)
    try:
        with tempfile.TemporaryDirectory(prefix="fabrik-index-") as directory:
            files = await _tree_of_files(place, Path(directory) / "index")
    except OSError as error:
        raise refused(error, place.root) from error
    differing = await _user_git(
        place, "diff-tree", "-r", "-z", "--name-only", "--no-renames", project.head, files.tree, env={}
    )
    changed = _paths(differing)
    commit = project.head
    if changed:
        commit = await _commit(place, files.tree, project.head, identity, when, message)
    return Snapshot(
        place=place,
        branch=project.branch,
        tip=project.head,
        commit=commit,
        nested=files.nested,
        changed=changed,
        untracked=tuple(path for path in files.untracked if path in set(changed)),
        secrets=files.secrets,
        unsettled=tuple(path for path in files.staged if path not in set(changed)),
    )


async def locate(root: Path) -> Place:
    """The working tree whose top is `root`. Raises VcsError when there is none any more."""
    found = await git("rev-parse", "--absolute-git-dir", cwd=root, user_config=True, where=str(root))
    return Place(root=root, git_dir=Path(os.fsdecode(found.removesuffix(b"\n"))))


def refuse_unfinished(place: Place) -> None:
    """Raise UsageError in the middle of a merge, a rebase and the like: its files are not settled."""
    for name, what in _UNDER_WAY.items():
        if (place.git_dir / name).exists():
            raise UsageError(
                f"{what} is under way here",
                where=str(place.root),
                todo="finish or abort it first (git status tells how)",
            )


@dataclass(frozen=True, kw_only=True)
class _Files:
    """The files of a working tree."""

    tree: str  # of all that git would add
    nested: tuple[str, ...]
    untracked: tuple[str, ...]
    secrets: tuple[str, ...]
    staged: tuple[str, ...]


async def _tree_of_files(place: Place, index: Path) -> _Files:
    """The tree of all files that git would add, and what is not in it."""
    env = {"GIT_INDEX_FILE": str(index)}
    if place.index.exists():
        shutil.copyfile(place.index, index)
    else:
        await _user_git(place, "read-tree", "HEAD", env=env)
    if await _user_git(place, "ls-files", "--unmerged", "-z", env=env):
        raise UsageError(
            "files with conflicts are in the index",
            where=str(place.root),
            todo="solve them first (git status tells which)",
        )
    staged = await _user_git(
        place, "diff-index", "--cached", "-z", "--name-only", "--no-renames", "HEAD", env=env
    )
    await _user_git(place, "add", "--update", "--", ":/", env=env)
    listed = await _user_git(place, "ls-files", "--others", "--exclude-standard", "-z", env=env)
    found = _paths(listed)
    nested = tuple(path.rstrip("/") for path in found if path.endswith("/"))
    files = [path for path in found if not path.endswith("/")]
    secrets = {path for path in files if _secret(place.root, path)}
    if taken := [path for path in files if path not in secrets]:
        await _user_git(
            place, "add", "--pathspec-from-file=-", "--pathspec-file-nul",
            env=env | {"GIT_LITERAL_PATHSPECS": "1"}, input=b"\0".join(map(os.fsencode, taken)),
        )  # fmt: skip
    return _Files(
        tree=(await _user_git(place, "write-tree", env=env)).decode().strip(),
        nested=nested,
        untracked=tuple(taken),
        secrets=tuple(sorted(secrets)),
        staged=_paths(staged),
    )


def _paths(listed: bytes) -> tuple[str, ...]:
    return tuple(os.fsdecode(path) for path in listed.split(b"\0") if path)


def _secret(root: Path, path: str) -> bool:
    if looks_secret(path):
        return True
    if not may_hold_token(path):
        return False
    try:
        with (root / path).open("rb") as opened:
            return holds_token(opened.read(_MOST_SETTINGS))
    except OSError:
        return True  # what cannot be read is not for others


async def _user_git(place: Place, *args: str, env: Mapping[str, str], input: bytes | None = None) -> bytes:
    return await git(
        *QUIET, *args, cwd=place.root, user_config=True, env=env, input=input, where=str(place.root)
    )


async def _commit(
    place: Place, tree: str, parent: str, identity: Identity, when: datetime, message: str
) -> str:
    date = f"@{int(when.timestamp())} +0000"
    who = {"NAME": identity.name, "EMAIL": identity.email, "DATE": date}
    env = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in who.items()}
    made = await _user_git(
        place, "commit-tree", tree, "-p", parent, "-F", "-", env=env, input=message.encode()
    )
    return made.decode().strip()


async def standing(place: Place, branch: str) -> tuple[bool, str | None]:
    """Whether this branch is checked out there, and the commit that it is at (None: there is no such branch).

    Raises VcsError when the repository is gone.
    """
    head, at = head_of(place), ref_at(place, f"refs/heads/{branch}")
    if head is not None and at is not None:
        return head == f"refs/heads/{branch}", at
    output = await run(
        "for-each-ref", "--format=%(HEAD)%(objectname)", f"refs/heads/{branch}",
        cwd=place.root, user_config=True,
    )  # fmt: skip
    if output.status != 0:
        raise VcsError(
            "the project's repository cannot be read any more",
            where=str(place.root),
            todo="put it back, then resume: nothing of the work is lost",
        )
    said = output.stdout.decode().strip("\n")
    return said.startswith("*"), said[1:] or None


async def place_of_branch(place: Place, branch: str) -> Place | None:
    """The working tree, of all that share a repository, in which this branch is checked out."""
    listed = await git("worktree", "list", "--porcelain", cwd=place.root, user_config=True)
    root: bytes | None = None
    for line in listed.splitlines():
        if line.startswith(b"worktree "):
            root = line.removeprefix(b"worktree ")
        elif line == f"branch refs/heads/{branch}".encode() and root is not None:
            with contextlib.suppress(VcsError):  # the directory may be gone
                return await locate(Path(os.fsdecode(root)))
    return None


def few(paths: Sequence[str], most: int = 5) -> str:
    """Some of these paths for a message, and how many more there are."""
    more = f" and {len(paths) - most} more" if len(paths) > most else ""
    return ", ".join(paths[:most]) + more
