"""Whether anything can prove a spec, and whether what is meant to prove it can fail at all. Pure."""

from __future__ import annotations

import re

from fabrik.problems import Problem
from fabrik.specs.model import Spec

# Commands that succeed whatever was built.
_EMPTY = re.compile(r"^(?:true|:|exit(?:\s+0)?|(?:echo|printf)\b[^;&|`$<]*)$")
_HOPELESS = re.compile(r"^(?:.*[;&|]\s*)?(?:false|exit\s+[1-9]\d*)$", re.DOTALL)
_FORGIVEN = re.compile(r"(?:\|\||;)\s*(?:true|:|exit\s+0)\s*;?$")


def unchecked(spec: Spec) -> Problem | None:
    """The problem of a spec without a single check that could prove it; None when it has one."""
    if spec.checks or spec.holdout:
        return None
    markdown = spec.path.name.lower().endswith((".md", ".mdx", ".markdown", ".md.min.json"))
    how = (
        "a section `## Verification` with a code block, one command per line"
        if markdown
        else '`"checks": ["make test"]`'
    )
    return Problem(
        file=str(spec.path),
        what="has no check: nothing could prove that it is done",
        todo=f"add {how}; or run it with --allow-unchecked, and the result is marked as unchecked for ever",
    )


def weak(spec: Spec) -> list[Problem]:
    """Checks that always pass, or always fail: worth telling, but no error, for shell is hard to judge."""
    found = []
    for check in (*spec.checks, *spec.holdout):
        run = check.run.strip()
        if _EMPTY.match(run) or _FORGIVEN.search(run):
            what = "can never fail, so it proves nothing"
            todo = "let it end with another exit status than 0 while the work is not done"
        elif _HOPELESS.match(run) and not re.search(r"\|\||\bif\b|\bcase\b", run):
            what = "can never pass"
            todo = "replace it with a command that passes when the work is done"
        else:
            continue
        where = f"check {check.name!r}"
        found.append(Problem(file=str(spec.path), where=where, what=what, todo=todo))
    return found
