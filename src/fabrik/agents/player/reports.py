"""The reports of a reviewer and of the verifier (docs/command-agent.md), made from a script's short form.

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

    Raises StepFailed when all criteria are meant and the prompt lists none.
    """
    rest = {name: value for name, value in said.items() if name not in ("criteria", "where")}
    where, criteria = said.get("where", ""), said["criteria"]
    if criteria == ALL:
        count = listed(prompt)
        if not count:
            raise StepFailed("the prompt lists no acceptance criteria")
        criteria = [{}] * count
    entries = [_criterion(number, entry, where) for number, entry in enumerate(criteria, 1)]
    return {**_known(), "criteria": entries, **rest}


def listed(prompt: str) -> int:
    """How many criteria the prompt lists: the numbered list below its last heading that names criteria.

    The specification, which comes before it, may have such a heading too. A list that begins again at 1
    is another one.
    """
    found, reading = 0, False
    for line in prompt.splitlines():
        if HEADING.match(line):
            reading = "criteria" in line.lower()
            found = 0 if reading else found
        elif reading and (item := ITEM.match(line)):
            number = int(item[1])
            if number == 1 and found:
                reading = False
            elif number == found + 1:
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
