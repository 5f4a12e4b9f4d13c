"""The reports of a reviewer and of the verifier (the page command-agent), made from a script's short form.

What the script says stands as it is, so that a wrong report is as easily written as a right one.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from .doing import StepFailed

if TYPE_CHECKING:
    Report = dict[str, Any]

ALL = "all"
HEADING = re.compile(r"#{1,6} ")
ITEM = re.compile(r"(\d+)[.)] ")


def review(said: Report) -> Report:
    """A reviewer's report: who, and on which commit, is known without saying it."""
    return {**_known(), **said}


def verification(said: Report, prompt: str) -> Report:
    """The verifier's report, with the numbers of the criteria and their evidence filled in.

    Raises StepFailed when all criteria are meant and the prompt has no place for them.
    """
    rest = {name: value for name, value in said.items() if name not in ("criteria", "where")}
    where, criteria = said.get("where", ""), said["criteria"]
    if criteria == ALL:
        count = listed(prompt)
        if count is None:
            raise StepFailed("the prompt lists no acceptance criteria")
        criteria = [{}] * count
    entries = [_criterion(number, entry, where) for number, entry in enumerate(criteria, 1)]
    return {**_known(), "criteria": entries, **rest}


def listed(prompt: str) -> int | None:
    """How many criteria the prompt lists right below its last heading that names them; None: it has none.

    The specification, which comes before it, may have such a heading too. A list that begins again at 1
    is another one.
    """
    lines = prompt.splitlines()
    headings = [n for n, line in enumerate(lines) if HEADING.match(line) and "criteria" in line.lower()]
    if not headings:
        return None
    found = 0
    for line in filter(str.strip, lines[headings[-1] + 1 :]):
        item = ITEM.match(line)
        number = int(item[1]) if item else 0
        # The first line begins the list, or there is none; no later one begins it.
        if HEADING.match(line) or (number == 1) == bool(found):
            break
        if number == found + 1:
            found = number
    return found


def _known() -> Report:
    env = os.environ
    return {"v": 1, "reviewer": env.get("FABRIK_REVIEWER", ""), "commit": env.get("FABRIK_COMMIT", "")}


def _criterion(number: int, entry: Report, where: str) -> Report:
    met = entry.get("met", True)
    kind = entry.get("kind", "check" if met else "none")
    usual = {
        "n": number,
        "met": met,
        "kind": kind,
        "where": "" if kind == "none" else where,
        "why": "It was looked at." if met else "There is no evidence.",
    }
    return {**usual, **entry}
