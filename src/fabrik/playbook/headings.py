"""What the headings of a plan say of the items below them: done, put off, remarks, work. Pure.

Only the way a heading begins or ends counts: "Future work" puts off, "Reject future dates" does not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from fabrik.playbook import marks, required_tests
from fabrik.playbook.blocks import Node, Section

State = Literal["open", "done", "aside"]

_PARTICIPLES = r"(?:done|completed?|finished|fixed|resolved|shipped|implemented|merged|closed|verified)"
_THINGS = (
    r"(?:items?|tasks?|work|features?|bugs?|issues?|steps?|stories|phases?|milestones?|tickets?|so far|in"
    r"|this|today|earlier|recently|previously|and|since|during|iterations?|sessions?|for reference|log)"
)
_DONE = re.compile(
    r"(?:recently|already|previously|all|what(?:'s|’s| is)|works|(?:project|plan|everything)[\s_](?:is)?)?"
    rf"\s*{_PARTICIPLES}(?:\W*$|\W*\s{_THINGS}\b|\s*[(:\[—–/&]|\s+-)",
    re.IGNORECASE,
)
_UNDONE = re.compile(
    r"\b(?:not|to be|until|when|definition of|in progress|remaining|incomplete)\b", re.IGNORECASE
)

_PUT_OFF = (
    r"(?:future(?![\w-])|out[ -]of[ -]scope|non[ -]?goals?|not (?:in scope|planned|now)|deferred|postponed"
    r"|parked|parking lot|icebox|later(?: on)?\b|someday|won['’]?t (?:do|fix)|rejected|dropped|discarded"
    r"|excluded|beyond (?:this|the)\b)"
)
_ASIDE = re.compile(
    rf"{_PUT_OFF}|.*[(\[—–:]\s*{_PUT_OFF}[^()]*[)\]]?$|.*\b(?:out[ -]of[ -]scope|future work|parking lot)\b"
    r"|(?:items?|tasks?|work|ideas?)\s(?:for|deferred|postponed)\s(?:later|the future)",
    re.IGNORECASE,
)

_NOTE_LAST = (
    r"(?:notes?|discover(?:y|ies)|learnings?|lessons(?: learned)?|summary|overview|context|background|legend"
    r"|state|status|goals?|principles?|decisions?|assumptions?|questions?|architecture|scope|references?|glossary"
    r"|introduction|findings|analysis|observations?|rationale|conventions?|guidelines?|rules|constraints?"
    r"|stack|dependencies|risks?|metrics|changelog|history|log|progress|criteria|information|verification"
    r"|strateg(?:y|ies)|approach|requirements?|considerations?|structure|process|timeline|deliverables?"
    r"|instructions?|breaking changes|mitigations?|behaviou?rs?)"
)
_NOTE = re.compile(
    rf"(?:\S+\s+){{0,3}}{_NOTE_LAST}\W*$"
    r"|(?:notes?|summary|overview|context|background|legend|how (?:to|this)|current state|state of|about|why"
    r"|discoveries|learnings?|definition of|what (?:exists|we|is)|key (?:decisions|findings|files|facts))\b"
    r"|release(?:\W*$|\s*[:—–(]|\s+(?:scope|goal|summary))|(?:recommended|next|slc|this|the)\s.*\brelease\W*$",
    re.IGNORECASE,
)
_WORK = re.compile(
    r"\b(?:to[ -]?dos?|tasks?|remaining|next(?: up| steps)?|priorit(?:y|ies|i[sz]ed)|p[0-4]|high|medium|low"
    r"|critical|backlog|bugs?|issues?|pending|work items?|items|in progress|phase|milestone|sprint)\b",
    re.IGNORECASE,
)
_OPEN = re.compile(
    r"\b(?:remaining|in progress|to[ -]?dos?|incomplete|pending|not (?:done|started|yet)|up next)\b",
    re.IGNORECASE,
)

_DEEPEST = 7  # below all headings that Markdown has
_LABEL = re.compile(r"(?:\*\*|__)(?P<bold>[^*_:]{1,40}):?(?:\*\*|__):?|(?P<plain>[^*_:.!?`]{1,40}):")

_TASK_WORD = re.compile(r"(?:task|step|item|issue|story|ticket)\s*#?\d+", re.IGNORECASE)
_TASK_ID = re.compile(r"(?:[A-Z]{1,10}-\d+|[A-Z]\d+|\d+(?:\.\d+)*[.):]?)(?=\s|:|$)")


def state(section: Section) -> State:
    """What the headings over an item say of it; the innermost that says something decides."""
    for title in (section.title, *reversed(section.parents)):
        words = _words(title)
        if _ASIDE.match(words):
            return "aside"
        if is_done(title):
            return "done"
        if _OPEN.search(words):
            return "open"
    return "open"


def is_done(title: str) -> bool:
    """Whether a heading says that what stands below it is done."""
    if marks.crossed(title) or _UNDONE.search(title):
        return False
    return bool(_DONE.match(_words(title))) or marks.is_done(title)


def is_work(section: Section) -> bool:
    """Whether the heading says that a list below it is things to do."""
    return bool(_WORK.search(_words(section.title)))


def is_note(section: Section) -> bool:
    """Whether the headings say that a list below them is remarks. Below "Notes" all is, but what remains."""
    title = section.title
    if is_done(title) or _OPEN.search(_words(title)):
        return False
    above = section.parents[1:]  # the title of the file says nothing of its parts
    return any(_is_note(name) for name in above) or _is_note(title)


def parts(section: Section) -> list[Section]:
    """A section taken apart at paragraphs that stand over their lists as headings do: "**Remaining:**"."""
    found = [section]
    kept: list[Node] = []
    parents = (*section.parents, section.title) if section.title else section.parents
    nodes = kept
    for node in section.nodes:
        # After an item such a paragraph may belong to it, and the next item must not get lost below it.
        own = any(before.kind == "item" for before in kept)
        if node.kind == "text" and (title := _label(node.text, remarks=not own)):
            found.append(Section(number=node.number, level=_DEEPEST, title=title, parents=parents))
            nodes = found[-1].nodes
        else:
            nodes.append(node)
    return [replace(section, nodes=kept), *found[1:]]


def _label(text: str, *, remarks: bool) -> str:
    """The title that a paragraph is, when it says something of the list below it; else an empty text.

    remarks: also when it says that they are remarks.
    """
    match = _LABEL.fullmatch(text.strip())
    if match is None or required_tests.labelled(text) is not None:
        return ""
    title = str(match["bold"] or match["plain"])
    words = _words(title)
    said = is_done(title) or _OPEN.search(words) or _ASIDE.match(words) or _WORK.search(words)
    return title if said or (remarks and _NOTE.match(words)) else ""


def _is_note(title: str) -> bool:
    words = _words(title)
    return not _WORK.search(words) and not is_done(title) and bool(_NOTE.match(words))


def is_task(below: Sequence[Section]) -> bool:
    """Whether a heading, the first of these sections, is itself a thing to do; the rest stand below it.

    With a box, or a number after a word such as "Task", it is; a number or an id alone makes it one only when
    fields of a task ("Files: …") stand below. A heading over headings that are tasks is none.
    """
    section = below[0]
    if section.level < 2 or any(is_task([each]) for each in below[1:]):
        return False
    words = _words(section.title, number=True)
    if marks.title_box(section.title) is not None or _TASK_WORD.match(words):
        return True
    return bool(_TASK_ID.match(words)) and any(_has_fields(each.nodes) for each in below)


def task_state(below: Sequence[Section]) -> State:
    """Whether a heading that is a task is done, by its own marks, then by what stands below it."""
    section = below[0]
    above = state(Section(number=0, level=0, title="", parents=section.parents))
    if above == "aside" or _ASIDE.match(_words(section.title)):
        return "aside"
    if (box := marks.title_box(section.title)) is not None:
        return marks.box_state(box)
    if above == "done" or marks.is_done(section.title):
        return "done"
    return marks.state_below([node for each in below for node in each.nodes])


def _has_fields(nodes: Sequence[Node]) -> bool:
    return any(
        node.kind in ("item", "text") and node.box is None and marks.is_field(node.text) for node in nodes
    )


def _words(title: str, *, number: bool = False) -> str:
    """A heading without markup, signs and (unless wanted) the number before it."""
    words = re.sub(r"^\W+", "", marks.bare(title))
    return words if number else re.sub(r"^\d+(?:\.\d+)*[.)]?\s+", "", words)
