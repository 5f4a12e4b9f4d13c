"""The "Required tests:" of a plan's item: inline, on lines below it, as a list. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fabrik.playbook.blocks import Node

LABEL = (
    r"(?:required[ \t]+(?:unit[ \t]+|acceptance[ \t]+)?tests?|tests?[ \t]+required|test[ \t]+requirements?"
    r"|required[ \t]+test[ \t]+cases|tests?[ \t]+to[ \t]+(?:write|add))"
)
# At the start of a line a plain "Tests:" says the same; inside a sentence it does not.
_AT_START = re.compile(
    rf"^[*_\s]*(?:{LABEL}|tests?)\b[ \t]*(?:\([^)]*\))?[*_]*[ \t]*:[*_]*[ \t]*", re.IGNORECASE
)
_INSIDE = re.compile(
    rf"(?<![\w-])[*_]{{0,6}}{LABEL}[ \t]*(?:\([^)]*\))?[*_]*[ \t]*:[*_]*[ \t]*", re.IGNORECASE
)
# The next field on the same line: ". Spec: specs/a.md", " | Files: …", "(Spec: …".
_NEXT_FIELD = re.compile(r"(?:\.|\||;|—|–)[ \t]+[*_]*[A-Z][A-Za-z ]{1,20}[*_]*:(?=[ \t*])|[ \t]\|[ \t]")
_NOTHING = re.compile(
    r"^(?:none|n/?a|-|–|—|no tests?(?: required| needed)?|not applicable)\.?$", re.IGNORECASE
)
_FIELD = re.compile(r"^[*_]*[A-Z][A-Za-z /-]{1,24}[*_]*:[*_]*(?:[ \t]|$)")

_SUFFIX = (
    r"\.(?:pyi?|[cm]?[jt]sx?|vue|svelte|rs|go|rb|java|kts?|scala|swift|cs|fs|php|exs?|erl|hs|cc?|cpp|lua|r|R|jl"
    r"|dart|sh|bats|sql|feature|ipynb|zig|nim|clj|ml|pl|t)"
)
_PATH = re.compile(
    rf"(?<![\w/.:-])(?P<path>\.?/?(?:[\w.@+-]+/)*[\w.@+-]*\w{_SUFFIX}(?:::[\w.:\[\]<>,=+-]+|#\w[\w-]*)?)(?![\w/])"
)


@dataclass(frozen=True, kw_only=True)
class RequiredTests:
    """What must exist and pass before an item is done."""

    paths: tuple[str, ...] = ()  # "tests/test_x.py::test_name", "src/parse.test.ts"
    prose: tuple[str, ...] = ()  # "an empty file gives no rows"

    def __bool__(self) -> bool:
        return bool(self.paths or self.prose)

    def lacks(self, later: RequiredTests) -> RequiredTests:
        """What of these is not among the later ones any more, however it is spelt."""
        kept = {_fold(entry) for entry in (*later.paths, *later.prose)}
        return RequiredTests(
            paths=tuple(entry for entry in self.paths if _fold(entry) not in kept),
            prose=tuple(entry for entry in self.prose if _fold(entry) not in kept),
        )


def split_off(text: str) -> tuple[str, list[str]]:
    """An item's own text without its required tests, and the entries that stood in it.

    An entry may be empty: the label alone, whose list follows below.
    """
    kept: list[str] = []
    entries: list[str] = []
    found = False
    goes_on = False  # the lines below the label belong to it, until a line that is a field of its own
    for line in text.split("\n"):
        match = (_AT_START.match(line) if kept else None) or _INSIDE.search(line)
        if match:
            head, tail = line[: match.start()], line[match.end() :]
            tail, rest = _cut(tail)
            if head := head.rstrip(" \t(-—–|;"):
                kept.append(head)
            entries += inline(tail)
            found, goes_on = True, not rest
        elif goes_on and not _FIELD.match(line):
            entries += inline(line)
        else:
            goes_on = False
            kept.append(line)
    if found and not entries:
        entries.append("")
    return "\n".join(kept).strip(), entries


def awaits(text: str) -> bool:
    """Whether an item's own text ends with the label, so that what comes next are its tests."""
    return split_off(text)[1] == [""]


def labelled(text: str, *, plain: bool = True) -> list[str] | None:
    """The entries of a line that begins with the label, maybe none; None when it does not begin with it.

    plain: "Tests:" alone is the label as well.
    """
    first, _, rest = text.partition("\n")
    if (match := (_AT_START if plain else _INSIDE).match(first)) is None:
        return None
    tail, _ = _cut(first[match.end() :])
    entries = inline(tail)
    for line in rest.split("\n"):
        if _FIELD.match(line):
            break
        entries += inline(line)
    return entries


def listed(nodes: Iterable[Node]) -> Iterator[str]:
    """The entries of a list, with what is nested in it, and of the lines of a code block."""
    for node in nodes:
        if node.kind == "item":
            # A bullet that announces what is nested below it ("Edge cases:") is no test itself.
            if (text := node.text.strip()) and not (text.endswith(":") and node.children):
                yield " ".join(text.split())
            yield from listed(node.children)
        elif node.kind == "code":
            yield from (
                text.strip() for _, text in node.lines if text.strip() and not text.strip().startswith("#")
            )


def inline(text: str) -> list[str]:
    """The entries of one line: between semicolons, or else commas, outside of brackets and backticks."""
    text = text.strip()
    if not text or _NOTHING.match(text.strip("*_ ")):
        return []
    parts = _split(text, ";")
    if len(parts) == 1:
        parts = _split(text, ",")
    cleaned = (re.sub(r"^(?:and|or|plus)\s+", "", part.strip()).strip() for part in parts)
    return [part for part in cleaned if part]


def gather(entries: Iterable[str]) -> RequiredTests:
    """Entries sorted into those that name a file and those that are words."""
    paths: list[str] = []
    prose: list[str] = []
    for entry in entries:
        if not (plain := entry.strip()) or _NOTHING.match(plain.strip("*_ ")):
            continue
        found = [match["path"].rstrip(".,:") for match in _PATH.finditer(plain.replace("`", " "))]
        if tests := [path for path in found if is_test(path)]:
            paths += tests
        else:
            prose.append(re.sub(r"\s+", " ", plain).strip().rstrip("."))
    return RequiredTests(paths=tuple(dict.fromkeys(paths)), prose=tuple(dict.fromkeys(prose)))


def is_test(path: str) -> bool:
    """Whether a path is that of tests: it names one of them, or its name or directory says so."""
    file = path.partition("::")[0].partition("#")[0]
    if file != path:
        return True
    words = re.split(r"[^a-z]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", file).lower())
    return any(word in {"test", "tests", "spec", "specs", "bats", "feature", "e2e", "t"} for word in words)


def _cut(text: str) -> tuple[str, str]:
    """What belongs to the label, and the field that begins after it on the same line."""
    if (match := _NEXT_FIELD.search(text)) is None:
        return text.rstrip(" \t)") if text.count(")") > text.count("(") else text, ""
    return text[: match.start()], text[match.start() :].lstrip(".|;—– \t")


def _split(text: str, at: str) -> list[str]:
    parts, part, depth, ticked = [], "", 0, False
    for char in text:
        ticked ^= char == "`"
        depth += 0 if ticked else (char in "([{") - (char in ")]}")
        if char == at and depth <= 0 and not ticked:
            parts.append(part)
            part = ""
        else:
            part += char
    return [*parts, part]


def _fold(text: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", text.casefold()))
