"""What somebody meant to write and did not: open questions, marks like TBD, text of templates. Pure."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

from fabrik.specs.reviewing.finding import NOTABLE, SERIOUS, Finding, of
from fabrik.specs.reviewing.outline import Outline, Said
from fabrik.specs.reviewing.words import without_quotes

_MARK = re.compile(
    r"\b(?:TBD|TBC|TBA|FIXME|XXX+|WIP)\b|\bTODO\b(?!\s+(?:list|item|comment|app|file|entr)s?)|\?{2,}|"
    r"(?i:\bto be (?:decided|defined|determined|discussed|specified|confirmed|clarified|agreed|filled "
    r"in)\b|"
    r"\blorem ipsum\b|\b(?:not sure|unclear|undecided) (?:yet|whether|if|how|what|which)\b|\bneed(?:s)? "
    r"to (?:decide|figure out|"
    r"find out|clarify|discuss)\b|\bopen question\b|\bask (?:the )?(?:team|product|design|\w+ about)\b|"
    r"\bplaceholder (?:text|value)?\b(?= (?:here|for now))|\bfill (?:this )?in\b(?=\s*(?:later|$)))"
)
_HOLE = re.compile(
    r"\{\{\s*\w+\s*\}\}|<(?:insert|your|name of|describe|fill|add|todo|tbd|placeholder)[^>\n]*>|"
    r"\[(?:insert|your|describe|fill in|todo|tbd|placeholder)[^\]\n]*\](?!\()",
    re.IGNORECASE,
)
# `[ -f x ]` is a command.
_NO_COMMAND = re.compile(r"\[[^\]\s][^\]]*\]|<\w[^<>|&;]*>|(?:TODO|TBD|FIXME)\b[^|&;]*")
# Lines of the templates that may stay: they hold, and can be checked, as they are.
_HOLD = frozenset(
    {
        "all tests that pass today pass, and none was changed",
        "what users see: nothing about it changes",
        "what is written by the version before is still read",
    }
)
_NOTHING = re.compile(r"^\W*(?:none|no|n/?a|nothing|all (?:answered|resolved|closed))\b", re.IGNORECASE)
_ANSWERED = re.compile(r"\b(?:answer|decision|decided|resolved|yes|no)\s*[:,.—-]|→|=>", re.IGNORECASE)


def unfinished(spec: Outline) -> list[Finding]:
    """Everything that is still to be decided or written."""
    found: list[Finding] = []
    for said in spec.questions:
        if not _NOTHING.match(said.text) and not _ANSWERED.search(said.text):
            why = "a question is still open: the agent would answer it by a guess"
            instead = "answer it here, or take what depends on it out of this spec"
            found.append(of(said, "open-question", why, instead, SERIOUS))
    asked = {said.line for said in spec.questions}
    for said in (*spec.everything(), *(said for said in spec.non_goals if _is_hint(said))):
        if said.line in asked:
            continue
        bare = without_quotes(said.text)
        if match := _MARK.search(bare):
            why = f"“{match[0]}”: this is not decided yet"
            found.append(of(said, "open-question", why, "decide it and write down the decision", SERIOUS))
        elif match := _HOLE.search(bare):
            why = f"“{match[0]}” is a gap to be filled in"
            found.append(
                of(said, "placeholder", why, "write what belongs there, or remove the line", SERIOUS)
            )
        elif _is_hint(said):
            why = "this is the text of the template, not of this spec"
            found.append(
                of(said, "placeholder", why, "replace it by what holds here, or remove the line", SERIOUS)
            )
    statements = [*spec.criteria, *spec.requirements]
    for said in statements:
        if said.text.rstrip().endswith("?") and not said.text.rstrip().endswith("??"):
            why = "this is a question, and nothing can check a question"
            found.append(of(said, "open-question", why, "write the answer", SERIOUS))
    for check in spec.checks:
        if "write the check that proves this" in check.run or _NO_COMMAND.fullmatch(check.run.strip()):
            said = Said(text=check.run, line=check.line)
            why = "this is the place of a check, not a check"
            found.append(of(said, "placeholder", why, "write the command that proves this spec", SERIOUS))
    for said in spec.comments:
        if re.search(r"\b(?:TODO|TBD|FIXME)\b", said.text):
            why = "a comment says that something is still to be decided"
            found.append(of(said, "open-question", why, "decide it, then remove the comment", NOTABLE))
    return found


def _is_hint(said: Said) -> bool:
    text = " ".join(said.text.split()).casefold()
    return (
        len(text) > 12
        and text.rstrip(".") not in _HOLD
        and any(text == hint or text.endswith(hint) for hint in _hints())
    )


@cache
def _hints() -> frozenset[str]:
    """The items of the templates that say what belongs there."""
    found = set()
    for entry in (resources.files("fabrik.specs") / "templates").iterdir():
        if not entry.name.endswith(".md"):
            continue
        text = re.sub(r"<!--.*?-->", "", entry.read_text(encoding="utf-8"), flags=re.DOTALL)
        for line in text.splitlines():
            match = re.match(r"\s*(?:[-*]|\d+\.)\s+(?:\[ \]\s+)?(.*\S)", line)
            if match:
                hint = match[1].replace("{{title}}: ", "").replace("{{title}}", "")
                hint = " ".join(hint.split()).casefold()
                if len(hint) > 12:
                    found.add(hint)
    return frozenset(found)
