"""What a spec says about itself: what it is for, what it leaves alone, what it waits for. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection

from fabrik.problems import did_you_mean
from fabrik.specs.reviewing.finding import SERIOUS, SLIGHT, Finding, of
from fabrik.specs.reviewing.outline import Outline, Said

_SPEC_NAME = re.compile(r"(?<![\w/.-])((?:[\w.-]+/)*\d{3,4}-[\w.-]*\w)(?:\.(?:md|mdx|json))?(?![\w/])")
_EMPTY = re.compile(r"^\W*(?:none|no(?:ne|thing)?|n/?a|-)\b", re.IGNORECASE)


def purpose(spec: Outline, *, english: bool) -> list[Finding]:
    """Without a goal nobody can tell a good solution from one that only meets the letter."""
    where = spec.title or Said(text="", line=1)
    if not spec.goals and not spec.overview:
        why = "it does not say what it is for, and for whom"
        points = SERIOUS if english else SLIGHT  # its headings may say so in words that we do not know
        return [of(where, "missing-goals", why, "add `## Goals`: what users can do when it is done", points)]
    if not spec.non_goals and spec.runnable:
        why = "it does not say what is left alone: agents like to do more than was asked"
        return [
            of(
                where,
                "missing-non-goals",
                why,
                "add `## Non-Goals` with what looks related and stays",
                SLIGHT,
            )
        ]
    return []


def dependencies(spec: Outline, known: Collection[str]) -> list[Finding]:
    """Specs that it waits for and that are nowhere. `known`: ids and names of the specs around."""
    names = {_name(name) for name in known}
    found = []
    for said in spec.depends_on:
        if _EMPTY.match(said.text):
            continue
        exact = re.fullmatch(r"[\w.-]+", said.text)
        wanted = [said.text] if exact and not said.text.isdigit() else _SPEC_NAME.findall(said.text)
        for name in wanted:
            if _name(name) in names or (
                _name(name).isdigit() and any(one.startswith(f"{name}-") for one in names)
            ):
                continue
            why = f"it depends on {name!r}, and there is no such spec"
            others = sorted(names)
            instead = did_you_mean(_name(name), others, noun="there are") if 0 < len(others) <= 20 else ""
            found.append(
                of(
                    said,
                    "unknown-dependency",
                    why,
                    instead or "write that spec, or remove the dependency",
                    SERIOUS,
                )
            )
    return found


def _name(text: str) -> str:
    return re.sub(r"\.(?:md|mdx|markdown|json)$", "", text.rsplit("/", 1)[-1].casefold())
