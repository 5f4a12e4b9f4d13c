"""What is read of the base to find the judges that a check reaches in a roundabout way."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping

from fabrik.tampering.helpers_of_tests import MODULES
from fabrik.vcs.reading import Entry
from fabrik.workflows.work import Work

MOST_FILES = 400
MODULE = 2  # the rank of modules: after settings (0) and shell scripts (1)
MAX_BYTES = 256 << 10  # of one file; of a larger one nothing is known
_SETTINGS = frozenset({
    "Makefile", "makefile", "GNUmakefile", "justfile", "Justfile", ".justfile", "package.json",
    "pyproject.toml", "setup.cfg", "pytest.ini", "tox.ini", ".coveragerc", "noxfile.py",
})  # fmt: skip
_SHELL = (".sh", ".bash", ".bats", ".ksh", ".zsh", ".mk")


async def judging_contents(work: Work, base: Mapping[str, Entry]) -> Mapping[str, bytes]:
    """Contents of the files of the base that start, source or import others; the nearest to the root first.

    Settings and shell scripts come before modules, and modules are read only where all of them fit: who
    imports what is not to be told from a part. Raises VcsError.
    """
    chosen = sorted(_wanted(base.values()))
    if len(chosen) > MOST_FILES:
        chosen = [each for each in chosen if each[0] < MODULE][:MOST_FILES]
    ids = {path: base[path].id for _, _, path in chosen}
    contents = await work.repo.contents(ids.values(), max_bytes=MAX_BYTES)
    return {path: contents[at] for path, at in ids.items() if at in contents}


def _wanted(entries: Iterable[Entry]) -> Iterable[tuple[int, int, str]]:
    for entry in entries:
        name = posixpath.basename(entry.path)
        if not entry.mode.startswith("100"):
            continue
        if name in _SETTINGS:
            rank = 0
        elif name.endswith(_SHELL) or "." not in name:
            rank = 1
        elif name.endswith(MODULES):
            rank = MODULE
        else:
            continue
        yield rank, entry.path.count("/"), entry.path
