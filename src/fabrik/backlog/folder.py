"""The backlog folder: where it is, and the specs in it.

ralph/
├── SCRATCHPAD.md           what one agent leaves for the next
├── ralph.log               what the runner did
├── runs/<spec>/<UTC>/      the full output of each attempt
└── specs/
    ├── 0001-seed.md, area/0002-feature.md
    ├── candidates/         <same path>.json: an implementer says it is done
    └── done/               <same path>.md: and a verifier, too
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from fabrik.backlog.files import read_bounded
from fabrik.errors import UsageError
from fabrik.problems import Problem, Problems, did_you_mean

SPEC_NAME = re.compile(r"\d{4}-.*\.md", re.ASCII)
MARKERS = ("candidates", "done")  # below specs/: no specs are looked for there
SPEC_BYTES = 1 << 20  # of one spec; nobody can read more


@dataclass(frozen=True, kw_only=True, order=True)
class SpecName:
    """A spec by its number and its path below specs/; sorted as specs are worked on."""

    number: int
    path: str  # below specs/, with slashes: "area/0002-feature.md"

    @property
    def id(self) -> str:
        """The path without its ending: the directory of its logs, and what people call it."""
        return self.path.removesuffix(".md")

    @property
    def name(self) -> str:
        """The file's own name."""
        return PurePosixPath(self.path).name


@dataclass(frozen=True, kw_only=True)
class Folder:
    """A backlog folder. Only paths: nothing is looked at."""

    directory: Path

    @property
    def specs(self) -> Path:
        return self.directory / "specs"

    @property
    def scratchpad(self) -> Path:
        return self.directory / "SCRATCHPAD.md"

    @property
    def log(self) -> Path:
        return self.directory / "ralph.log"

    def spec(self, spec: SpecName) -> Path:
        return self.specs / spec.path

    def candidate(self, spec: SpecName) -> Path:
        """The marker of a candidate: the spec's path, as JSON."""
        return self.specs / "candidates" / f"{spec.id}.json"

    def done(self, spec: SpecName) -> Path:
        """The marker of a spec that is done: the spec's path, as Markdown."""
        return self.specs / "done" / spec.path

    def runs(self, spec: SpecName, stamp: str) -> Path:
        """Where the logs of one go at a spec are. stamp: see `fabrik.backlog.logs.stamp`."""
        return self.directory / "runs" / spec.id / stamp


def find_folder(given: Path | None, here: Path) -> Folder:
    """The backlog folder: as given, else this directory, else `ralph/` below it.

    Raises UsageError when there is none.
    """
    tried = [given] if given else [here, here / "ralph"]
    for directory in tried:
        if (directory / "specs").is_dir():
            return Folder(directory=directory.absolute())
    if given and given.name == "specs" and given.is_dir():
        return Folder(directory=given.absolute().parent)
    raise UsageError(
        "there is no backlog: a folder with specs/NNNN-name.md in it",
        where=str(given or here),
        todo="name it with --dir, or begin one: mkdir -p ralph/specs, then write ralph/specs/0001-first.md",
    )


def spec_name(path: str) -> SpecName | None:
    """The spec that a path below specs/ stands for; None when it is no spec's path."""
    parts = PurePosixPath(path).parts
    if not parts or ".." in parts or parts[0] in ("/", *MARKERS) or not SPEC_NAME.fullmatch(parts[-1]):
        return None
    return SpecName(number=int(parts[-1][:4]), path="/".join(parts))


def find_specs(specs: Path) -> tuple[SpecName, ...]:
    """All specs below this directory, in the order of their numbers, then of their paths.

    Files with other names, and directories that begin with a dot, are not looked at.
    """
    return tuple(sorted(name for path in _files(specs) if (name := spec_name(path)) is not None))


def _files(top: Path) -> Iterator[str]:
    for directory, below, files in os.walk(top):
        here = Path(directory).relative_to(top)
        below[:] = sorted(
            name for name in below if not (name.startswith(".") or (name in MARKERS and not here.parts))
        )
        yield from ((here / name).as_posix() for name in files)


def read_spec(path: Path, shown: str) -> str | Problem:
    """The text of a spec, or what is wrong with the file. shown: how it is named to people."""
    if path.is_symlink():  # what it leads to may be no agent's business
        return Problem(file=shown, what="is a link", todo="put the file itself there")
    try:
        data = read_bounded(path, SPEC_BYTES + 1)
    except OSError as error:
        return Problem(file=shown, what=f"cannot be read: {error.strerror or error}")
    if data is None:
        return Problem(file=shown, what="is no plain file", todo="give it another name, or remove it")
    return spec_text(data, shown)


def spec_text(data: bytes, shown: str) -> str | Problem:
    """The content of a spec as text, or what is wrong with it."""
    if len(data) > SPEC_BYTES:
        return Problem(file=shown, what=f"is larger than {SPEC_BYTES >> 20} MiB", todo="take it apart")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return Problem(file=shown, what="is not UTF-8", todo="save it as UTF-8")
    if "\0" in text:
        return Problem(file=shown, what="is not text: it holds a NUL byte")
    if not text.strip():
        return Problem(file=shown, what="is empty", todo="write what is wanted, or remove the file")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def same_numbers(specs: Iterable[SpecName]) -> list[str]:
    """A remark for each number that more than one spec has: their order is then that of their paths."""
    by_number: dict[int, list[str]] = {}
    for spec in sorted(specs):
        by_number.setdefault(spec.number, []).append(spec.path)
    return [
        f"the number {number:04} is used {len(paths)} times, worked on in this order: {', '.join(paths)}"
        for number, paths in by_number.items()
        if len(paths) > 1
    ]


def named(given: Iterable[str], known: Iterable[SpecName]) -> tuple[SpecName, ...]:
    """The specs that paths on the command line mean: relative to specs/, perhaps with specs/ in front.

    Raises Problems with every one that is not there.
    """
    by_path = {spec.path: spec for spec in known}
    found, problems = [], []
    for text in given:
        path = PurePosixPath(text.strip()).as_posix().removeprefix("./")
        inside = path.rpartition("/specs/")[2].removeprefix("specs/")
        names = [inside, f"{inside}.md"]
        spec = next((by_path[name] for name in names if name in by_path), None)
        if spec is None:
            hint = did_you_mean(inside, sorted(by_path), noun="there are") if by_path else ""
            problems.append(Problem(file=text, what="there is no such spec", todo=hint))
        else:
            found.append(spec)
    if problems:
        raise Problems(problems)
    return tuple(dict.fromkeys(found))
