"""Changes written as two small trees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fabrik.tampering.model import ChangedFile, FileVersion, Restoration, Tamper
from fabrik.tampering.protected import DEFAULT_PROTECTED, Protection
from fabrik.tampering.restore import restoration
from fabrik.tampering.scan import scan

Content = str | bytes | FileVersion
Tree = Mapping[str, Content]


def version(content: Content) -> FileVersion:
    if isinstance(content, FileVersion):
        return content
    data = content.encode() if isinstance(content, str) else content
    return FileVersion(content=data, mode="100644")


def link(target: str) -> FileVersion:
    return FileVersion(content=target.encode(), mode="120000")


def changes_of(base: Tree, after: Tree) -> tuple[ChangedFile, ...]:
    """What differs between two trees."""
    return tuple(
        ChangedFile(
            path=path,
            before=version(base[path]) if path in base else None,
            after=version(after[path]) if path in after else None,
        )
        for path in sorted({*base, *after})
        if path not in base or path not in after or version(base[path]) != version(after[path])
    )


class Case:
    """A base and what a change makes of it."""

    def __init__(
        self,
        base: Tree,
        after: Tree,
        *,
        commands: Sequence[str] = ("pytest -q",),
        globs: Sequence[str] = DEFAULT_PROTECTED,
        may_change: Sequence[str] = (),
    ) -> None:
        self.changes = changes_of(base, after)
        self.base = tuple(base)
        contents = {path: version(content).content for path, content in base.items()}
        self.protection = Protection.of(globs, commands, self.base, may_change, contents)

    @property
    def tampers(self) -> tuple[Tamper, ...]:
        return scan(self.changes, self.protection, base_paths=self.base)

    @property
    def held(self) -> tuple[Tamper, ...]:
        return tuple(each for each in self.tampers if each.holds)

    @property
    def held_kinds(self) -> set[str]:
        return {each.kind for each in self.held}

    @property
    def restored(self) -> Restoration:
        return restoration(self.changes, self.protection)


def with_(base: Tree, edits: Mapping[str, Content | None]) -> dict[str, Content]:
    """The base with some files replaced or added; None takes one away."""
    after = dict(base)
    for path, content in edits.items():
        if content is None:
            del after[path]
        else:
            after[path] = content
    return after
