"""The section "May Change" of a Markdown spec: globs of protected files, each an item of a list."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fabrik.problems import Problem
from fabrik.specs import rules
from fabrik.specs.markdown import Section, items

_QUOTED = re.compile(r"(`+)(.+?)\1(?!`)\s*(.*)", re.DOTALL)


def globs_in(sections: Sequence[Section], file: str, problems: list[Problem]) -> tuple[str, ...]:
    """The globs. One that stands in backticks may be followed by the reason, which agents read."""
    found = []
    for section in sections:
        for item in items(section.lines):
            quoted = _QUOTED.fullmatch(item.text)
            glob = quoted[2].strip() if quoted else item.text.strip()
            broken = rules.glob_problem(glob)
            if broken is None and not quoted and re.search(r"\s", glob):
                broken = (
                    f"{glob[:80]!r} is no glob of paths",
                    "put the glob into backticks; the reason may follow: - `tests/test_total.py`: why",
                )
            if broken:
                where = f"line {item.number}"
                problems.append(Problem(file=file, where=where, what=broken[0], todo=broken[1]))
            else:
                found.append(glob)
    if sections and not any(items(section.lines) for section in sections):
        what = f"the section {sections[0].title!r} names no files"
        todo = "list them: - `tests/test_total.py`, or remove the heading"
        problems.append(Problem(file=file, where=f"line {sections[0].number}", what=what, todo=todo))
    return tuple(found)
