"""The exit contract: how an agent says that it is done. Required of it, and never proof of anything. Pure.

    DONE REPORT
    0123456789abcdef0123456789abcdef01234567
    I AM HYPER SURE I AM DONE!

The commit stands alone on a line, with its 40 characters as git prints them (64 in a SHA-256 repository); the
phrase is the last line that is not empty. Blanks and carriage returns around a line are no matter, anything
else is: an answer that ends in a code fence, or puts the commit in backticks, does not keep the contract. One
that opens a fence before them and never closes it keeps it: the last lines are what counts, as they stand.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

MAGIC_PHRASE = "I AM HYPER SURE I AM DONE!"

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_ALMOST = re.compile(r"\b[0-9a-fA-F]{7,64}\b")
_SHOWN = 80  # characters of a wrong line that are quoted


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What an answer claims."""

    commit: str | None  # as printed; None: it names none
    missing: tuple[str, ...]  # what the contract asks for and the answer does not have; (): it keeps it

    @property
    def kept(self) -> bool:
        return not self.missing


def read_contract(text: str, phrase: str = MAGIC_PHRASE, *, commit: bool = True) -> Claim:
    """Read an agent's answer. commit: whether one is asked for; a spec that commits nothing names none.

    Where several lines are commits, the last one before the phrase counts.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return Claim(commit=None, missing=("the answer is empty",))
    missing = []
    if lines[-1] != phrase.strip():
        missing.append(
            f"the last line is not `{phrase.strip()}` but `{_cut(lines[-1])}`{_why(lines, phrase)}"
        )
    found = [line for line in lines if _COMMIT.fullmatch(line)]
    if commit and not found:
        missing.append(f"no line is exactly a commit's id of 40 characters{_nearly(lines)}")
    return Claim(commit=found[-1] if found else None, missing=tuple(missing))


def _why(lines: Sequence[str], phrase: str) -> str:
    wanted = phrase.strip()
    if lines[-1].startswith(("```", "~~~")):
        return ": no code fence may stand around it"
    if wanted in lines[-1]:
        return ": it must stand alone on its line"
    return ": nothing may come after it" if wanted in lines else ""


def _nearly(lines: Sequence[str]) -> str:
    for line in reversed(lines):
        bare = line.strip("`*_\"' ")
        if bare != line and _COMMIT.fullmatch(bare):
            return f": `{_cut(line)}` has something around it"
        if _COMMIT.fullmatch(bare.lower()):
            return f": `{_cut(line)}` is not written as git prints it"
        if re.search(r"\b[0-9a-f]{40}\b", line):
            return f": in `{_cut(line)}` it does not stand alone on its line"
        if _ALMOST.fullmatch(line):
            return f": `{_cut(line)}` has {len(line)}"
    return ""


def _cut(line: str) -> str:
    return line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"
