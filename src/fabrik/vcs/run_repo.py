"""What a run made: a bare repository of its own that borrows the history it starts from.

Only the worker that owns the run writes here. What comes in from a sandbox is checked object by object in a
place aside, and moved in as a whole or not at all. All refs live below refs/fabrik/.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from fabrik.errors import VcsError
from fabrik.vcs import changes, incoming, patches, reading
from fabrik.vcs.base import Base
from fabrik.vcs.changes import ChangedFiles
from fabrik.vcs.git import git, run
from fabrik.vcs.loose import Loose, line_between
from fabrik.vcs.neutral import Neutral, neutral_commit
from fabrik.vcs.patches import Patches
from fabrik.vcs.project import Identity
from fabrik.vcs.publish import publish
from fabrik.vcs.reading import Entry, FileChange, Text
from fabrik.vcs.refs import update_refs
from fabrik.vcs.store import copy_shallow, make_bare, object_format_of

_FEW_COMMITS = 1000  # up to here one `git log` answers everything


@dataclass(frozen=True, kw_only=True)
class Brought:
    """What a bundle held, by the names it had inside the sandbox."""

    head: str | None  # None: it named no HEAD
    refs: Mapping[str, str]  # the branches: refs/heads/x to commit; kept at refs/fabrik/<into>/heads/x


@dataclass(frozen=True, kw_only=True)
class Landed:
    """The one commit that stands for the work of a session."""

    commit: str
    tree: str
    commits: int  # on top of the base
    rewritten: bool  # the agent's history did not begin at the base: its files were put on top, as one commit
    changed: bool  # False: the files are those of the base, and commit is the base


@dataclass(frozen=True)
class RunRepo:
    """The repository of one run."""

    path: Path
    base_repository: Path
    _trees: dict[str, str] = field(default_factory=dict, repr=False, compare=False)  # commit → tree

    @classmethod
    async def create(cls, path: Path, base: Base) -> RunRepo:
        """Make the repository, or open the one that is there. Raises VcsError, DiskFull."""
        borrowed = base.repository / "objects"
        await make_bare(
            path,
            object_format=object_format_of(base.commit),
            alternates=(borrowed,),
            prepare=lambda aside: copy_shallow(base.repository, aside),
        )
        repo = await cls.open(path)
        await repo.set_ref("base", base.commit)
        return repo

    @classmethod
    async def open(cls, path: Path) -> RunRepo:
        """The repository that is there. Raises VcsError when it, or what it borrows from, is gone."""
        try:
            borrowed = Path(
                (path / "objects" / "info" / "alternates").read_text(errors="surrogateescape").strip()
            )
        except OSError:
            raise VcsError("the repository of this run is missing or damaged", where=str(path)) from None
        if not borrowed.is_dir():
            raise VcsError(
                f"the history that this run builds on is gone: {borrowed}",
                where=str(path),
                todo="put that directory back, or start a new run",
            )
        return cls(path, borrowed.parent)

    @property
    def objects(self) -> tuple[Path, ...]:
        """The object directories that a sandbox must see, read-only and at these same paths."""
        return (self.path / "objects", self.base_repository / "objects")

    @property
    def base_objects(self) -> tuple[Path, ...]:
        """Those of the object directories that hold the history of the base, and nothing of the run."""
        return (self.base_repository / "objects",)

    async def bring_in(self, bundle: Path, into: str, *, max_bytes: int = incoming.MAX_BUNDLE) -> Brought:
        """Take over a bundle that was made in a sandbox, with its refs below refs/fabrik/<into>/.

        Doing it again is fine. Raises VcsError when anything about it is wrong (the repository is then as
        before), DiskFull.
        """
        refs = await incoming.bring_in(self.path, bundle, into, max_bytes=max_bytes)
        return Brought(head=refs.get("HEAD"), refs={name: at for name, at in refs.items() if name != "HEAD"})

    def expecting(self) -> incoming.Waiting:
        """To be entered while a bundle is still being made: what comes is taken over sooner then."""
        return incoming.Waiting(self.path)

    async def bring_in_and_land(
        self,
        bundle: Path,
        into: str,
        base: str,
        message: str,
        identity: Identity,
        when: datetime,
        *,
        max_bytes: int = incoming.MAX_BUNDLE,
        waiting: incoming.Waiting | None = None,
    ) -> tuple[str, Landed]:
        """The head of a bundle, and what it lands as: `bring_in` and `land`, as far as possible at once.

        waiting: from `expecting`. Raises VcsError, DiskFull.
        """
        refs = await incoming.accept(self.path, bundle, max_bytes=max_bytes, waiting=waiting)
        head = refs.get("HEAD", base)
        _, landed = await asyncio.gather(
            incoming.keep(self.path, into, refs), self.land(base, head, message, identity, when)
        )
        return head, landed

    async def land(self, base: str, head: str, message: str, identity: Identity, when: datetime) -> Landed:
        """The commit that stands for what a session made of `base`.

        The agent's own commits are kept when they build on the base. Otherwise (it rewrote history, or began
        a new one) its files become one commit on top of the base, by `identity` at `when`: the same input
        gives the same commit. Raises VcsError when a commit is not there.
        """
        ahead, left, base_tree, head_tree = await self._compare(base, head)
        self._trees.update({base: base_tree, head: head_tree})
        if base_tree == head_tree:
            return Landed(commit=base, tree=base_tree, commits=0, rewritten=left, changed=False)
        if not left:
            return Landed(commit=head, tree=head_tree, commits=ahead, rewritten=False, changed=True)
        commit = await self.commit_tree(head_tree, base, message, identity, when)
        self._trees[commit] = head_tree
        return Landed(commit=commit, tree=head_tree, commits=1, rewritten=True, changed=True)

    async def _compare(self, base: str, head: str) -> tuple[int, bool, str, str]:
        """How many commits head is ahead, whether it left the base behind, and the trees of both."""
        if base == head:
            tree = await self.tree(base)
            return 0, False, tree, tree
        loose = Loose.of(self.path)
        if (made := line_between(loose, base, head)) and (tip := loose.commit(head)):
            return len(made), False, await self.tree(base), tip.tree
        output = await git(
            "log", "--left-right", "--boundary", "--format=%m %H %T", f"--max-count={_FEW_COMMITS}",
            f"{base}...{head}", "--", repo=self.path,
        )  # fmt: skip
        lines = [line.split() for line in output.decode().splitlines()]
        trees = {commit: tree for _, commit, tree in lines}
        if len(lines) < _FEW_COMMITS and base in trees and head in trees:
            marks = [mark for mark, _, _ in lines]
            return marks.count(">"), "<" in marks, trees[base], trees[head]
        counted = await git("rev-list", "--count", "--left-right", f"{base}...{head}", "--", repo=self.path)
        behind, ahead = counted.split()
        return int(ahead), int(behind) > 0, await self.tree(base), await self.tree(head)

    async def commit_tree(
        self, tree: str, parent: str, message: str, identity: Identity, when: datetime
    ) -> str:
        """A commit of `tree` on `parent`; the same input gives the same commit. Raises VcsError, DiskFull."""
        date = f"@{int(when.timestamp())} +0000"
        who = {"NAME": identity.name, "EMAIL": identity.email, "DATE": date}
        env = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in who.items()}
        made = await git(
            "commit-tree", tree, "-p", parent, "-F", "-", repo=self.path, input=message.encode(), env=env
        )
        return made.decode().strip()

    async def commits(self, base: str, commit: str) -> int:
        """How many commits `commit` has on top of `base`. Raises VcsError when one is not there."""
        return int(await git("rev-list", "--count", f"{base}..{commit}", "--", repo=self.path))

    async def tree(self, commit: str) -> str:
        """The tree of a commit, named by its id. Raises VcsError when there is no such commit."""
        if commit not in self._trees and (near := Loose.of(self.path).commit(commit)):
            self._trees[commit] = near.tree
        if commit not in self._trees:
            found = await git("rev-parse", "--verify", f"{commit}^{{tree}}", repo=self.path)
            self._trees[commit] = found.decode().strip()
        return self._trees[commit]

    async def neutral(self, base: str, commit: str) -> Neutral | None:
        """A commit with the files of `commit` and the one parent `base`, that says nothing about itself.

        It is not in the repository. None when there is no change. Raises VcsError when `commit` is not there.
        """
        return None if commit == base else neutral_commit(base, await self.tree(commit))

    async def ref(self, name: str) -> str | None:
        """The commit at refs/fabrik/<name>, or None."""
        output = await run("rev-parse", "--verify", "--quiet", f"refs/fabrik/{name}", repo=self.path)
        return output.stdout.decode().strip() if output.status == 0 else None

    async def set_ref(self, name: str, commit: str) -> None:
        """Keep a commit at refs/fabrik/<name>, whatever was there. Raises VcsError, DiskFull."""
        await update_refs(self.path, {f"refs/fabrik/{name}": commit})

    async def diff_stat(self, a: str, b: str) -> tuple[FileChange, ...]:
        """The files that differ between two commits, with lines added and removed. Raises VcsError."""
        return await reading.diff_stat(self.path, a, b)

    async def diff(self, a: str, b: str, max_bytes: int) -> Text:
        """The differences between two commits as a patch, cut at max_bytes. Raises VcsError."""
        return await reading.diff(self.path, a, b, max_bytes)

    async def patches(self, base: str, commit: str, *, max_bytes: int) -> Patches:
        """The differences as a whole, cut at max_bytes, and by file. Raises VcsError."""
        return await patches.read(self.path, base, commit, max_bytes=max_bytes)

    async def changed_files(
        self, base: str, commit: str, *, max_bytes: int = 1 << 20, most: int = 2000
    ) -> ChangedFiles:
        """What the files that differ held before and hold after, in git's order, at most `most` of them.

        max_bytes: of each content. Raises VcsError when a commit is not there, or an object of it.
        """
        return await changes.read(self.path, base, commit, max_bytes=max_bytes, most=most)

    async def contents(self, ids: Iterable[str], *, max_bytes: int) -> dict[str, bytes]:
        """Contents of blobs by their ids, without those larger than max_bytes. Raises VcsError."""
        return await changes.contents(self.path, ids, max_bytes=max_bytes)

    async def read_file(self, commit: str, path: str, max_bytes: int) -> bytes | None:
        """The first max_bytes of a regular file of a commit; None when there is none. Raises VcsError."""
        return await reading.read_file(self.path, commit, path, max_bytes)

    async def ls(self, commit: str) -> tuple[Entry, ...]:
        """All files of a commit. Raises VcsError."""
        return await reading.ls(self.path, commit)

    async def publish(self, commit: str, branch: str, target: str) -> None:
        """Put a commit on a new branch of a repository: see `fabrik.vcs.publish`."""
        await publish(self.path, commit, branch, target)
