"""What runs git inside a sandbox, as command lines. The scripts need git 2.34 and a POSIX shell."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from fabrik.errors import VcsError
from fabrik.vcs.neutral import Neutral
from fabrik.vcs.project import Identity
from fabrik.vcs.store import object_format_of

BRANCH = "work"  # what the agent finds checked out
MAX_FILE = 100 << 20  # bytes: what is larger and not committed is left out, as hosts of git refuse such files
NOT_EMPTY = 3  # exit status of the clone, and of the review's, when the workspace has something in it
COMMIT_FILE = ".fabrik-commit"  # below HOME
NOT_AT_COMMIT = 125  # exit status when the checkout failed
NOT_HARVESTED = 4  # exit status of the harvest when it has nothing to give


def clone_argv(
    objects: Sequence[Path], commit: str, workspace: str, identity: Identity, *, branch: str = BRANCH
) -> list[str]:
    """Make a clone of a commit in an empty workspace, on a branch, without a remote.

    objects: `RunRepo.objects`, bound read-only at these same paths; they are borrowed, and nothing but the
    commit's history is named. identity: who commits in the clone. Exit status 0, or NOT_EMPTY, or git's.
    Raises VcsError for a path that git cannot borrow from.
    """
    config = _config(identity, object_format_of(commit))
    return _script("clone", workspace, commit, branch, config, *_paths(objects))


def resync_argv(
    objects: Sequence[Path], commit: str, workspace: str, identity: Identity, *, branch: str = BRANCH
) -> list[str]:
    """Lay a new .git at a commit under the files of a workspace, which stay as they are.

    Arguments and exit status as for `clone_argv`, but for NOT_EMPTY.
    """
    config = _config(identity, object_format_of(commit))
    return _script("resync", workspace, commit, branch, config, *_paths(objects))


def at_commit_argv(workspace: str, run: str) -> list[str]:
    """Move a clone that no agent wrote to exactly one commit, only ignored files kept, and run `run` there.

    The commit is read from the file COMMIT_FILE in HOME, so that the command can be prepared before it is
    known. One process tree for both, because starting a sandbox twice costs more than the checkout. Exit
    status: that of `run` (a shell command), or NOT_AT_COMMIT when git could not get there and nothing ran.
    """
    return _script("at-commit", workspace, COMMIT_FILE, run, str(NOT_AT_COMMIT))


def review_argv(
    workspace: str,
    objects: Sequence[Path],
    shown: Sequence[Path],
    *,
    base: str,
    commit: str,
    neutral: Neutral | None,
    earlier: Mapping[str, Neutral] | None = None,
) -> list[str]:
    """Make the reviewers' checkout of one commit in an empty workspace, or move the one that is there to it.

    `git rev-parse HEAD` is `commit`, detached; `git log` and `git show` have `neutral` in its place. What is
    not in the commit is removed, ignored files too. No agent may ever have written in the workspace.
    objects: `RunRepo.objects`, bound at these same paths in the sandbox that runs this. shown:
    `RunRepo.base_objects`, which whoever reads the checkout needs to see there, and nothing else of the run:
    the implementer's own commits are then out of reach. base: a commit that is in `shown`: the run's base.
    neutral: `RunRepo.neutral` on top of the commit that the review compares with. earlier: when that one is
    itself of this run, it and its own neutral commit, to be shown in its place.
    Exit status 0, or NOT_EMPTY, or git's: then make the sandbox anew.
    Raises VcsError for a path that git cannot borrow from.
    """
    replaced = {**(earlier or {}), **({commit: neutral} if neutral else {})}
    shows = [f"{old}:{new.id}:{new.tree}:{_octal(new.loose)}" for old, new in replaced.items()]
    alternates = "".join(f"{path}\n" for path in _paths(shown))
    config = _core(object_format_of(commit)) + "[log]\n\texcludeDecoration = refs/replace/\n"
    return _script("review", workspace, commit, base, config, alternates, " ".join(shows), *_paths(objects))


def harvest_argv(
    objects: Sequence[Path],
    base: str,
    workspace: str,
    message: str,
    identity: Identity,
    *,
    max_file: int = MAX_FILE,
    mode: Literal["trust", "salvage"] = "trust",
) -> list[str]:
    """Write what a session left in its workspace to stdout, as a bundle for `RunRepo.bring_in`.

    What is not committed becomes one commit with this message by `identity`, on top of the agent's HEAD.
    Files that the project's .gitignore names stay out; .git/info/exclude is the agent's and does not count.
    All branches of the workspace come along, and its latest stash. max_file: see MAX_FILE. mode "salvage"
    does not look at the workspace's .git at all: for when a harvest ended in a time limit.
    stderr ends in a report for `fabrik.vcs.harvest.parse`. Exit status 0, or NOT_HARVESTED.
    Raises VcsError for a path that git cannot borrow from.
    """
    return _script(
        "harvest",
        base,
        workspace,
        message,
        identity.name,
        identity.email,
        str(max_file),
        mode,
        *_paths(objects),
    )


def _octal(data: bytes) -> str:
    """As the shell's own printf writes it."""
    return "".join(f"\\{byte:03o}" for byte in data)


def _script(name: str, *arguments: str) -> list[str]:
    return ["sh", "-c", _text(name), "fabrik", *arguments]


@functools.cache
def _text(name: str) -> str:
    return (Path(__file__).parent / f"{name}.sh").read_text(encoding="utf-8")


def _paths(objects: Sequence[Path]) -> list[str]:
    paths = [str(path) for path in objects]
    if bad := [path for path in paths if "\n" in path]:
        raise VcsError("git cannot borrow objects from a path with a line break in it", where=repr(bad[0]))
    return paths


def _config(identity: Identity, object_format: str) -> str:
    """The .git/config of a workspace."""
    return (
        f"{_core(object_format)}"
        f"[user]\n\tname = {_quoted(identity.name)}\n\temail = {_quoted(identity.email)}\n"
    )


def _core(object_format: str) -> str:
    """What every .git/config of fabrik's begins with."""
    version, extension = (
        ("1", "[extensions]\n\tobjectformat = sha256\n") if object_format == "sha256" else ("0", "")
    )
    return (
        f"[core]\n\trepositoryformatversion = {version}\n\tfilemode = true\n\tbare = false\n"
        "\tlogallrefupdates = true\n"
        f"{extension}"
        "[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n"
    )


def _quoted(value: str) -> str:
    """A value in git's configuration syntax."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\0", "")
    return f'"{escaped}"'
