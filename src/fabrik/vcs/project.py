"""The user's project: a git repository that fabrik reads, and changes only by adding a branch.

Everything here runs git with the user's own configuration, and takes no lock in the repository.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fabrik.errors import UsageError
from fabrik.vcs.git import Output, git, run

_MANY = 400  # paths on one command line


@dataclass(frozen=True, kw_only=True)
class Project:
    """A repository as it was found."""

    root: Path  # the top of the working tree
    head: str  # the commit that is checked out
    branch: str | None  # None: detached
    changed: int  # tracked files with changes that are not committed
    untracked: int  # untracked files and directories that are not ignored
    remote: str | None  # the name of the remote that a push goes to by default
    shallow: bool  # only a part of the history is there
    object_format: str  # "sha1" or "sha256"

    @property
    def dirty(self) -> bool:
        """There are changes that no commit has: a run does not see them."""
        return bool(self.changed or self.untracked)


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Who commits."""

    name: str
    email: str
    configured: bool  # False: git has no identity for this user, and the fallback is used


FALLBACK = Identity(name="fabrik", email="fabrik@localhost", configured=False)


async def inspect(path: Path) -> Project:
    """The project that `path` is, or is inside of.

    Raises UsageError when it is no repository, bare, without a commit, or owned by somebody else;
    EnvironmentProblem when git is missing; VcsError when git refuses otherwise.
    """
    found = await facts(path)
    if found.bare:
        raise UsageError(
            "this is a bare repository, without a working tree",
            where=str(path),
            todo=f"give it as the source instead (--repo {path}), or use a clone of it",
        )
    if found.root is None:
        raise UsageError(
            "this is the inside of a .git directory", where=str(path), todo="give the project itself"
        )
    state = _status(
        await git("status", "--porcelain=v2", "--branch", "-z", "--no-renames", "--untracked-files=normal",
                  "--ignore-submodules=dirty", cwd=found.root, user_config=True)
    )  # fmt: skip
    if state.head is None:
        raise UsageError(
            "this repository has no commit yet",
            where=str(found.root),
            todo='commit something first, for example: git commit --allow-empty -m "Begin"',
        )
    settings = await run(
        "config",
        "-z",
        "--get-regexp",
        r"^(remote\..*|branch\..*\.(push)?remote)$",
        cwd=found.root,
        user_config=True,
    )
    return Project(
        root=found.root,
        head=state.head,
        branch=state.branch,
        changed=state.changed,
        untracked=state.untracked,
        remote=default_remote(settings.stdout.decode(errors="replace"), state.branch),
        shallow=found.shallow,
        object_format=found.object_format,
    )


async def identity(project: Path | None) -> Identity:
    """Who git would say commits in this project (or, with None, anywhere); FALLBACK when git doesn't know.

    Raises EnvironmentProblem when git is missing.
    """
    output = await run(
        "-c", "user.useConfigOnly=true", "var", "GIT_AUTHOR_IDENT", cwd=project or Path("/"), user_config=True
    )
    match = re.fullmatch(r"(.+) <([^<>]+)> \d+ [+-]\d{4}\s*", output.stdout.decode(errors="replace"))
    if output.status != 0 or match is None:
        return FALLBACK
    return Identity(name=match[1], email=match[2], configured=True)


async def resolve_ref(project: Path, ref: str | None) -> str:
    """The commit that a branch, a tag or a revision means in this project; None is what is checked out.

    Raises UsageError when there is no such commit.
    """
    output = await run(
        "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref or 'HEAD'}^{{commit}}",
        cwd=project, user_config=True,
    )  # fmt: skip
    if output.status == 0:
        return output.stdout.decode().strip()
    _refuse_place(output, project)
    if ref is None:
        raise UsageError(
            "this repository has no commit yet", where=str(project), todo="commit something first"
        )
    raise UsageError(
        f"there is no commit {ref!r} in this repository",
        where=str(project),
        todo="see its branches and tags: git branch --all; git tag",
    )


async def branch_commit(project: Path, branch: str) -> str | None:
    """The commit that a local branch is at, or None when there is no such branch. Raises UsageError."""
    output = await run(
        "rev-parse", "--verify", "--quiet", "--end-of-options", f"refs/heads/{branch}^{{commit}}",
        cwd=project, user_config=True,
    )  # fmt: skip
    if output.status == 0:
        return output.stdout.decode().strip()
    _refuse_place(output, project)
    return None


async def tracked_paths(project: Path, commit: str, paths: Iterable[str]) -> set[str]:
    """Which of these paths (files or directories, relative to the repository's root) that commit contains.

    What a commit contains, an agent can read. `project` may be a bare repository of fabrik's as well.
    Raises VcsError when the commit is not there.
    """
    by_name = {path: os.path.normpath(path) for path in paths}
    names = sorted(
        name for name in set(by_name.values()) if not name.startswith(("../", "/")) and name != ".."
    )
    bare = (project / "objects").is_dir() and (project / "HEAD").is_file()
    found: set[str] = {"."}
    for start in range(0, len(names), _MANY):
        listed = await git(
            "ls-tree", "-z", "-t", "--full-tree", "--name-only", commit, "--", *names[start : start + _MANY],
            repo=project if bare else None, cwd=project, user_config=not bare,
            env={"GIT_LITERAL_PATHSPECS": "1"},
        )  # fmt: skip
        found.update(os.fsdecode(name) for name in listed.split(b"\0") if name)
    return {path for path, name in by_name.items() if name in found}


async def check_branch_name(name: str) -> None:
    """Raises UsageError unless git accepts this as the name of a branch."""
    output = await run("check-ref-format", "--branch", name)
    if output.status != 0 or output.stdout.decode(errors="replace").strip() != name or name == "@":
        raise UsageError(
            f"{name!r} cannot be the name of a branch",
            todo="use letters, digits, '-', '_', '.' and '/' (see git help check-ref-format)",
        )


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Where and what a repository is."""

    root: Path | None  # None: bare, or inside the git directory
    common_dir: Path  # the git directory that all its worktrees share
    bare: bool
    shallow: bool
    object_format: str


async def facts(path: Path) -> Facts:
    """What the repository around this path is, bare or not.

    Raises UsageError when there is none or git does not trust it.
    """
    if not path.exists():
        raise UsageError("this path does not exist", where=str(path))
    place = path if path.is_dir() else path.parent
    output = await run(
        "rev-parse", "--is-bare-repository", "--is-inside-work-tree", "--is-shallow-repository",
        "--show-object-format", "--path-format=absolute", "--git-common-dir",
        cwd=place, user_config=True,
    )  # fmt: skip
    if output.status != 0:
        _refuse_place(output, path)
        raise UsageError(
            "this is not a git repository",
            where=str(path),
            todo="run fabrik in your project, name it with --project, or make one: git init",
        )
    bare, inside, shallow, object_format, common = output.stdout.decode(errors="surrogateescape").split(
        "\n", 4
    )
    root = None
    if inside == "true":
        top = await git("rev-parse", "--show-toplevel", cwd=place, user_config=True)
        root = Path(os.fsdecode(top.removesuffix(b"\n")))
    return Facts(
        root=root,
        common_dir=Path(common.removesuffix("\n")),
        bare=bare == "true",
        shallow=shallow == "true",
        object_format=object_format,
    )


def _refuse_place(output: Output, path: Path) -> None:
    if "dubious ownership" in output.stderr or "unsafe repository" in output.stderr:
        raise UsageError(
            "this repository belongs to another user, and git does not trust it",
            where=str(path),
            todo=f"if you do: git config --global --add safe.directory {path}",
        )
    if "not a git repository" in output.stderr or "must be run in a work tree" in output.stderr:
        raise UsageError(
            "this is not a git repository", where=str(path), todo="name your project with --project"
        )


@dataclass(frozen=True, kw_only=True)
class _State:
    head: str | None
    branch: str | None
    changed: int
    untracked: int


def _status(output: bytes) -> _State:
    """What `git status --porcelain=v2 --branch -z --no-renames` says."""
    entries = output.decode(errors="surrogateescape").split("\0")
    head = branch = None
    for entry in entries:
        if entry.startswith("# branch.oid ") and not entry.endswith("(initial)"):
            head = entry.removeprefix("# branch.oid ")
        elif entry.startswith("# branch.head ") and not entry.endswith("(detached)"):
            branch = entry.removeprefix("# branch.head ")
    return _State(
        head=head,
        branch=branch,
        changed=sum(entry[:2] in ("1 ", "2 ", "u ") for entry in entries),
        untracked=sum(entry[:2] == "? " for entry in entries),
    )


def default_remote(settings: str, branch: str | None) -> str | None:
    """Where `git push` would go, from the output of `git config -z --get-regexp`: git's own order."""
    pairs = [entry.partition("\n")[::2] for entry in settings.split("\0") if entry]
    values = dict(pairs)
    remotes = [m[1] for key, _ in pairs if (m := re.fullmatch(r"remote\.(.+)\.(?:push)?url", key))]
    asked = [
        values.get(f"branch.{branch}.pushremote"),
        values.get("remote.pushdefault"),
        values.get(f"branch.{branch}.remote"),
        "origin",
        remotes[0] if len(set(remotes)) == 1 else None,
    ]
    return next((name for name in asked if name and name in remotes), None)
