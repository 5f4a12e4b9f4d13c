"""How people and agents mark a thing as done or as not done: boxes, ticks, words, a status. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from fabrik.playbook.blocks import Node, walk
from fabrik.playbook.words import words

State = Literal["open", "done", "aside"]

TICKED = "xX✓✔✅"
_HEAD, _TAIL = 1500, 500  # characters of a line that are looked at
_TICKS = "✅☑✔✓🎉"
_CROSSES = "❌⬜☐🔲🚧⏳🔴🟡🔄"
_DONE = r"(?:done|completed?|finished|fixed|resolved|shipped|implemented|merged|verified|closed)"
_NOT_DONE = (
    r"(?:not\b|to ?do|in[ -]progress|partial(?:ly)?|pending|open|un\w+|incomplete|blocked|started|planned"
    r"|next|wip)"
)

_MARKUP = re.compile(r"\*\*|__|~~|`")
_LINK = re.compile(r"\[([^\]]*)\]\([^)\s]*\)")
_SIGNS = re.compile(rf"[{_TICKS}{_CROSSES}\ufe0f]")
_STRUCK = re.compile(r"\W*~~.+?~~")
_TITLE_BOX = re.compile(r"\\?\[(?P<mark>[ xX✓✔✅~-]?)\\?\](?!\()")
# "[DONE] text", "(done) text", "Done: text", "DONE text". "Done button is dead" is none of them.
_BEFORE = re.compile(
    rf"\W*?(?:[\[(]\s*{_DONE}\b[^\])]*[\])]|{_DONE}\s*(?::|[\u2014\u2013-](?=\s))|(?-i:DONE|COMPLETED?|FIXED)\b)[\s:\u2014\u2013-]*",
    re.IGNORECASE,
)
# "text (done 2026-01-03)", "text — done", "text | Completed", "text DONE".
_DATE = r"(?:\s+(?:on\s+|in\s+)?[\w./-]*\d[\w./-]*)?"
_AFTER = re.compile(
    rf"(?:\s*[\[(]\s*{_DONE}\b[^\])]*[\])]|\s*(?:\u2014|\u2013|\s-|:|\||→)\s*{_DONE}{_DATE}|\s+(?-i:DONE|COMPLETED?))[\s.!]*$",
    re.IGNORECASE,
)
_TICKED = re.compile(rf"[{_TICKS}]\ufe0f?\W*{_DONE}\b[^.]*$", re.IGNORECASE)  # "text ✅ Done in March"
_STATUS = re.compile(r"[*_]*status[*_]*\s*:[*_]*\s*(?P<value>.+)", re.IGNORECASE)
_FACTS = r"""
    status priority effort estimate[ds]? complexity size owner date author version branch (?:last_)?updated
    created generated depends(?:_on)? dependenc(?:y|ies) blocked_by blocks requires prerequisites? legend
    progress (?:affected_|key_)?files?(?:_to_\w+)? specs? spec(?:ification)?_refs? sources? references?
    commits?
"""
_FIELDS = """
    (?:required_)?tests?(?:_(?:requirements?|required|cases))? acceptance(?:_criteria)? criteria locations?
    modules? targets? why what where how notes? context goals? scope done_when definition_of_done validation
    deliverables? verification verify rationale reason risks? impact descriptions? details? steps? see related
    implementation approach gap current(?:_state)? expected example evidence
"""
_BEFORE_COLON = r"[*_]*(?:{})[*_]*\s*(?:\([^)]*\))?\s*:[*_]*(?:\s|$)"
_FACT = words(_FACTS, where=_BEFORE_COLON)
_FIELD = words(_FACTS + _FIELDS, where=_BEFORE_COLON)


def clipped(text: str) -> str:
    """A text of which the middle is left out where nobody would read it: its marks stand at its ends."""
    return text if len(text) <= _HEAD + _TAIL else f"{text[:_HEAD]} … {text[-_TAIL:]}"


def bare(text: str) -> str:
    """A line without markup, links, signs and checkboxes."""
    text = clipped(text)
    line = _TITLE_BOX.sub("", _LINK.sub(r"\1", text))
    return " ".join(_SIGNS.sub("", _MARKUP.sub("", line)).split())


def plain(text: str) -> str:
    """The words of an item on one line, also without its marks of done."""
    text = clipped(text)
    ticked = _TICKED.search(text)
    if ticked and re.search(r"\w", text[: ticked.start()]):  # not the tick that a line begins with
        text = text[: ticked.start()]
    line = bare(text)
    line = _AFTER.sub("", _BEFORE.sub("", line, count=1) if _BEFORE.match(line) else line)
    return line.strip("*_ ").strip()


def crossed(text: str) -> bool:
    """Whether a sign says that it is not done."""
    return any(sign in text for sign in _CROSSES)


def is_done(text: str) -> bool:
    """Whether an item's first line says that it is done: struck through, a tick, a word at either end."""
    line = clipped(text.strip().split("\n")[0].strip())
    if crossed(line):
        return False
    end = line.rstrip(" .*_)]!\ufe0f")
    ticked = any(sign in line[:6] or end.endswith(sign) for sign in _TICKS)
    if ticked or _STRUCK.match(line) or _TICKED.search(line):
        return True
    said = bare(line)
    return bool(_BEFORE.match(said) or _AFTER.search(said))


def title_box(title: str) -> str | None:
    """What stands in the checkbox of a heading; None where it has none."""
    match = _TITLE_BOX.search(title)
    return match["mark"] or " " if match else None


def box_state(box: str) -> State:
    """What a checkbox says; `[-]` is how people cross a thing off without doing it."""
    return "done" if box in TICKED else "aside" if box == "-" else "open"


def item_state(node: Node) -> State:
    """Whether a list item is done: its box decides, then its words, a status field, the boxes below it."""
    if node.box is not None:
        return box_state(node.box)
    return "done" if is_done(node.text) else state_below(node.children)


def state_below(nodes: Sequence[Node]) -> State:
    """What the nodes that belong to a thing say of it: a status field, else boxes of which all are ticked."""
    for node in nodes:
        for line in node.text.split("\n") if node.kind in ("item", "text") else ():
            if match := _STATUS.match(line):
                return "done" if status_done(match["value"]) else "open"
    boxes = [node.box for node in walk(list(nodes)) if node.box is not None]
    return "done" if boxes and all(box_state(box) != "open" for box in boxes) else "open"


def status_done(value: str) -> bool:
    """Whether what stands in a status field or column means done."""
    said = bare(value)
    if crossed(value) or re.match(rf"\W*{_NOT_DONE}", said, re.IGNORECASE):
        return False
    if any(sign in value for sign in _TICKS) or (title_box(value) or " ") in TICKED:
        return True
    return bool(re.match(rf"\W*(?:x|yes|100\s*%|{_DONE})(?!\w)", said, re.IGNORECASE))


def is_fact(text: str) -> bool:
    """Whether a line is a field that no thing to do begins like: "Last updated: …", "Status: 3 of 7"."""
    return bool(_FACT.match(text))


def is_field(text: str) -> bool:
    """Whether a line is a field of something ("Files: …") and not a thing to do."""
    return bool(_FIELD.match(text))
