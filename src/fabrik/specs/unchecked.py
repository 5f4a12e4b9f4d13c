"""Whether anything can prove a spec, and whether what is meant to prove it can fail at all. Pure."""

from __future__ import annotations

import re

from fabrik.problems import Problem
from fabrik.specs.model import Spec

# Commands that succeed whatever was built.
_EMPTY = re.compile(r"^(?:true|:|exit(?:\s+0)?|(?:echo|printf)\b[^;&|`$<]*)$")
_HOPELESS = re.compile(r"^(?:.*[;&|]\s*)?(?:false|exit\s+[1-9]\d*)$", re.DOTALL)
_FORGIVEN = re.compile(r"(?:\|\||;)\s*(?:true|:|exit\s+0)\s*;?$")
_SWALLOWED = re.compile(r"\|\|\s*(?:echo|printf)\b[^;&|]*$")
_PIPED = re.compile(r"(?<!\|)\|(?!\|)\s*(?:tee|cat|head|tail|less|more|wc|sort|sed|tr|cut)\b[^;&|)]*$")
_TAUTOLOGY = re.compile(r"^(?:\[|test)\s+(\S+)\s+(?:=|==|-eq)\s+\1\s*\]?$|^(?:\[|test)\s+1\s*\]?$")
_TELLS = re.compile(r"^(?:ls|pwd|date|whoami|sleep\s+\S+|uname|env|git\s+(?:status|log))\b(?:\s+-\S+)*$")

_BACKGROUND = re.compile(r"(?<![&>])&\s*$")
_RUNS_NOTHING = re.compile(
    r"\b(?:pytest|py\.test)\b[^|;&]{0,400}\s--(?:collect-only|co|setup-plan|fixtures)\b|\bjest\b[^|;&]{0,400}--listTests\b|"
    r"\bcargo test\b[^|;&]{0,400}--no-run\b|\bplaywright test\b[^|;&]{0,400}--list\b|"
    r"\bctest\b[^|;&]{0,400}\s(?:-N|--show-only)\b"
)
_IF_PRESENT = re.compile(r"\b(?:npm|pnpm|yarn)\b[^|;&]{0,400}\s--if-present\b")
_GREPPED = re.compile(
    r"\b(?:pytest|test|tests|unittest|jest|vitest|rspec|mocha)\b[^;&|]{0,400}(?<!\|)\|(?!\|)&?\s*grep\s+(?:-\w+\s+)*"
    r"['\"]?(?:passed|pass|ok|success\w*|passing)['\"]?\s*$",
    re.IGNORECASE,
)
_ENDS_ITSELF = re.compile(r"\bexit\s+[1-9$]|\breturn\s+[1-9]|\bset\s+-\w*e|\bfalse\b|\bkill\b")
_SAYS_LAST = re.compile(r";\s*(?:echo|printf)\b[^;&|`]*;?$")
_SAYS = r"(?:echo|printf|true\b|:)[^;&|`]*"
_SAYS_BOTH = re.compile(rf"^if\s[^;]+;\s*then\s+{_SAYS};\s*(?:else\s+{_SAYS};\s*)?fi\s*;?$")


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


def left_to_the_project(problem: Problem) -> Problem:
    """The same as a remark, where the project's AGENTS.md names checks: a run uses those then."""
    return Problem(
        file=problem.file,
        what="has no check of its own: those of AGENTS.md are used, and a verifier sees to the criteria",
        todo=problem.todo.partition(";")[0],
    )


def can_never_fail(run: str) -> str | None:
    """Why a command passes whatever was built; None when it can fail, as far as its text tells.

    More is said here than `weak` warns of: a review may be stricter than a run.
    """
    command = run.strip()
    if _EMPTY.match(command) or _TAUTOLOGY.match(command) or _TELLS.match(command):
        return "it passes whatever was built"
    if _FORGIVEN.search(command) or _SWALLOWED.search(command):
        return "its failure is thrown away at its end"
    if _PIPED.search(command) and "pipefail" not in command:
        return "a pipe ends with the status of its last command, so a failure before it is lost"
    return _mostly_passes(command)


def _mostly_passes(command: str) -> str | None:
    if _BACKGROUND.search(command):
        return "it is started in the background, and nobody waits for its status"
    if _RUNS_NOTHING.search(command):
        return "it runs no test: it only lists, builds or plans them"
    if _IF_PRESENT.search(command):
        return "with `--if-present` it passes where there is no such script"
    if _GREPPED.search(command) and "pipefail" not in command:
        return "the word that it looks for is there too when some tests failed"
    if not _ENDS_ITSELF.search(command) and (_SAYS_LAST.search(command) or _SAYS_BOTH.search(command)):
        return "it ends with the status of `echo`, which always succeeds"
    return None


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
