"""What git itself reads from the change: attributes, submodules, links that lead out."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence

from pathspec import GitIgnoreSpec

from fabrik.tampering.model import ChangedFile
from fabrik.tampering.notes import Found
from fabrik.tampering.text import added_lines, named, quoted, text_of

MAX_LINES = 500  # added lines of one .gitattributes
# Drivers that git has built in; any other name runs a program of somebody's configuration.
_DIFFS = named(
    "ada bash bibtex cpp csharp css dts elixir fortran fountain golang html java kotlin markdown matlab"
    " objc pascal perl php python ruby rust scheme tex"
)
_MERGES = named("text binary union")
_GENERATED = GitIgnoreSpec.from_lines(
    [
        "*lock*",
        "*.min.*",
        "dist/",
        "vendor/",
        "*.svg",
        "*.snap",
        "*generated*",
        "*.pb.*",
        "go.sum",
        "*_pb2.py",
    ]
)
_CODE_ENDS = tuple(
    f".{end}" for end in named("py js jsx ts tsx go rs java kt c h cc cpp cs swift rb php sh pl lua")
)


def git_files(changes: Sequence[ChangedFile]) -> Iterator[Found]:
    """Remarks on attributes, submodules and links."""
    paths = [each.path for each in changes if each.after is not None]
    for change in changes:
        name = posixpath.basename(change.path)
        if name == ".gitattributes":
            yield from _attributes(change, paths)
        elif name == ".gitmodules":
            gone = change.after is None
            yield _git(
                change.path, None, f"the submodules were {'removed' if gone else 'changed'}", holds=True
            )
        elif name == ".lfsconfig":
            yield _git(change.path, None, "it says from where git-lfs takes contents", holds=True)
        after, before = change.after, change.before
        if after is None or after == before:
            continue
        if after.mode == "160000":
            what = (
                "it is a new submodule"
                if before is None or before.mode != "160000"
                else "the submodule moved"
            )
            yield _git(change.path, None, what, holds=True)
        elif after.mode == "120000":
            leads = after.content[:4096].decode("utf-8", errors="replace")
            if leads_out(change.path, leads):
                what = f"the link leads out of the repository: {quoted(leads)}"
                yield _git(change.path, None, what, holds=True)


def leads_out(path: str, target: str) -> bool:
    """Does a symbolic link at a path of the repository lead out of it, or into git's own folder?"""
    if target.startswith(("/", "~")) or "\0" in target:
        return True
    joined = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
    first = joined.split("/")[0]
    return first == ".." or first.lower() == ".git"


def _attributes(change: ChangedFile, paths: Sequence[str]) -> Iterator[Found]:
    for number, line in added_lines(text_of(change.before), text_of(change.after))[:MAX_LINES]:
        words = line[:1000].split()
        if not words or words[0].startswith("#"):
            continue
        pattern, attributes = words[0], words[1:]
        for attribute in attributes:
            key, _, value = attribute.partition("=")
            if (
                (key == "filter" and value not in ("", "lfs"))
                or (key == "diff" and value and value not in _DIFFS | {"lfs"})
                or (key == "merge" and value and value not in _MERGES | {"lfs"})
                or key == "working-tree-encoding"
                or pattern.startswith("[attr]")
            ):
                what = f"git treats files by a driver that is not its own: {quoted(line)}"
                yield _git(change.path, number, what, holds=True)
                break
            if attribute in ("-diff", "binary") and (hidden := _hides(change.path, pattern, paths)):
                what = f"the change of {quoted(hidden)} and its like is not shown: {quoted(line)}"
                yield _git(change.path, number, what, holds=True)
                break


def _hides(attributes: str, pattern: str, paths: Sequence[str]) -> str | None:
    """A changed source that the pattern hides."""
    try:
        spec = GitIgnoreSpec.from_lines([pattern.strip('"')])
    except Exception:  # noqa: BLE001 (whatever the library cannot read, git may)
        return None
    folder = posixpath.dirname(attributes)
    for path in paths:
        inside = posixpath.relpath(path, folder) if folder else path
        if inside.startswith("..") or not path.endswith(_CODE_ENDS) or _GENERATED.match_file(path):
            continue
        if spec.match_file(inside):
            return path
    return None


def _git(path: str, line: int | None, what: str, *, holds: bool) -> Found:
    return Found(kind="git", path=path, line=line, what=what, holds=holds)
