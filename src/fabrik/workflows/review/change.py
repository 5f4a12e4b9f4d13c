"""The text of a change for those who judge it: whole when it fits, else by file, with the rest at hand. Pure.

What is not seen is made to be seen: the patch in the prompt names invisible characters, and every file is in
the list with its lines added and removed, whether its patch is shown or not. Paths of the change are data
of the implementer: they are never the name of a file that the host writes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from fabrik.prompts.render import fence
from fabrik.workflows.results import FileChanged
from fabrik.workflows.review.text import readable, visible

DIRECTORY = "change"  # where the change lies, below HOME
BUDGET = 120_000  # characters of patches in a prompt: some 30,000 to 40,000 tokens
LIST_SHARE = 4  # the list of files may take this part of the budget
FENCE_CHARACTERS = 20  # around each patch
NAMED = 8  # files that are named in the sentence about what is not shown
NAME_CHARACTERS = 120  # of a path in that sentence

EMPTY = "(The commit changes nothing against the base.)"

_DOCUMENTS = frozenset({".md", ".rst", ".txt", ".adoc", ".svg", ".csv"})
_GENERATED = re.compile(
    r"(^|/)(vendor|third_party|node_modules|dist|__snapshots__)/"
    r"|(^|/)[^/]*(\.lock|\.lockb|-lock\.[a-z]+|\.min\.[a-z]+|\.map|\.snap|_pb2\.pyi?|\.pb\.go)$"
    r"|(^|/)go\.sum$"
)
_TELLING = re.compile(
    r"(^|/)(\.github|\.gitlab|\.circleci|\.husky|tests?|specs?|__tests__)/"
    r"|(^|/)(test_|conftest\.py|sitecustomize\.py|Makefile|Dockerfile|Jenkinsfile|\.git)[^/]*$"
    r"|[_.-](test|spec)s?\.[a-z]+$"
    r"|\.(toml|cfg|ini|ya?ml|pth)$",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class ChangeText:
    """A change as agents read it."""

    inline: str  # Markdown for the prompt
    partial: str  # one sentence about what the prompt does not show; "": it shows everything
    files: Mapping[str, bytes]  # to be put below HOME: path there → content


def pack(
    whole: str,
    whole_truncated: bool,
    files: Sequence[tuple[str, str]],
    stat: Sequence[FileChanged],
    *,
    cut: Collection[str] = (),
    budget: int = BUDGET,
) -> ChangeText:
    """The change for a prompt of `budget` characters, and the files that hold all of it.

    whole: the patch of everything, as far as the host has read it. files: path and patch of each file. stat:
    every file that was changed; one without a patch in `files` is listed all the same. cut: the paths of
    files whose patches the host has not read to their ends.

    When the whole does not fit, files are shown in whole or not at all. Those are chosen first that judge the
    work or steer tools (tests, CI, configuration), then source code, then documents, then what is generated
    or not text; among equals the smallest, so that as many as possible are seen. They stand in the order of
    `files`.
    """
    at_hand = _at_hand(whole, whole_truncated, files, stat)
    if not whole_truncated and len(whole) <= budget and len(text := visible(whole)) <= budget:
        return ChangeText(inline=fence(text, "diff") if text.strip() else EMPTY, partial="", files=at_hand)
    numbers = {path: number for number, (path, _) in enumerate(files, 1)}
    listed, listed_all = _list(stat, numbers, budget // LIST_SHARE)
    shown = _choose([(path, patch) for path, patch in files if path not in cut], stat, budget - len(listed))
    parts = [f"All files of the change{'' if listed_all else ', as far as there is room'}:", fence(listed)]
    parts += (fence(visible(patch), "diff") for path, patch in files if path in shown)
    return ChangeText(
        inline="\n\n".join(parts), partial=_partial(shown, stat, numbers, whole_truncated), files=at_hand
    )


def _choose(files: Sequence[tuple[str, str]], stat: Sequence[FileChanged], room: int) -> set[str]:
    """The paths of the files that are shown."""
    binary = {file.path for file in stat if file.added is None}
    ranked = [
        (_rank(path, path in binary), len(patch), path, patch) for path, patch in files if patch.strip()
    ]
    shown = set()
    for _, size, path, patch in sorted(ranked):
        # The visible form is the longer one, and making it is work: only for what may fit.
        if size <= room and (needed := len(visible(patch)) + FENCE_CHARACTERS) <= room:
            shown.add(path)
            room -= needed
    return shown


def _rank(path: str, binary: bool) -> int:
    if binary or _GENERATED.search(path):
        return 3
    if _TELLING.search(path):
        return 0
    return 2 if PurePosixPath(path).suffix.lower() in _DOCUMENTS else 1


def _list(stat: Sequence[FileChanged], numbers: Mapping[str, int], room: int) -> tuple[str, bool]:
    """One line for each file, as many as there is room for, and whether that is all of them."""
    lines: list[str] = []
    for file in stat:
        line = _line(file, numbers)
        room -= len(line) + 1
        if room < 0:
            lines.append(f"… and {len(stat) - len(lines)} more files, in {DIRECTORY}/files.txt")
            return "\n".join(lines), False
        lines.append(line)
    return "\n".join(lines), True


def _line(file: FileChanged, numbers: Mapping[str, int]) -> str:
    number = numbers.get(file.path)
    patch = "no patch  " if number is None else _file(number)
    return f"{patch}  {_size(file)}  {readable(file.path)}"


def _size(file: FileChanged) -> str:
    if file.added is None or file.removed is None:
        return "not text"
    return f"+{file.added} -{file.removed}"


def _file(number: int) -> str:
    return f"{number:04}.patch"


def _partial(
    shown: set[str], stat: Sequence[FileChanged], numbers: Mapping[str, int], truncated: bool
) -> str:
    """One sentence: which files are not shown, and where they are."""
    missing = [file for file in stat if file.path not in shown]
    where = [f"{readable(file.path)[:NAME_CHARACTERS]} ({_where(file, numbers)})" for file in missing[:NAMED]]
    named = ", ".join(where) + (f", and {len(missing) - NAMED} more" if len(missing) > NAMED else "")
    cut = f"{DIRECTORY}/whole.patch is cut because the change is so large" if truncated else ""
    if not missing:
        return f"All files are shown above, but {cut}." if cut else ""
    also = f"; {cut}" if cut else ""
    are = "is" if len(missing) == 1 else "are"
    return f"Of {len(stat)} changed files, {len(missing)} {are} not shown above: {named}{also}."


def _where(file: FileChanged, numbers: Mapping[str, int]) -> str:
    number = numbers.get(file.path)
    return "no patch" if number is None else f"{DIRECTORY}/files/{_file(number)}"


def _at_hand(
    whole: str, truncated: bool, files: Sequence[tuple[str, str]], stat: Sequence[FileChanged]
) -> dict[str, bytes]:
    numbers = {path: number for number, (path, _) in enumerate(files, 1)}
    lines = "".join(f"{_line(file, numbers)}\n" for file in stat)
    end = "\n[The host has cut the patch here: it is too large. See files.txt for the rest.]\n"
    found = {
        f"{DIRECTORY}/whole.patch": _bytes(whole + end if truncated else whole),
        f"{DIRECTORY}/files.txt": _bytes(lines),
    }
    for number, (_, patch) in enumerate(files, 1):
        found[f"{DIRECTORY}/files/{_file(number)}"] = _bytes(patch)
    return found


def _bytes(text: str) -> bytes:
    """As the bytes that git gave, where the text still has them."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")
