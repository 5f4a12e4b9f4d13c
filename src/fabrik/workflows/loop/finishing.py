"""Whether items that an iteration closed were worked on, and whether it left a plan at all. Pure.

A session that builds closes an item by ticking it, or by taking it out of the plan. That counts where it
changed something that can be the item's work: code, tests, data; text only for an item that speaks of it.
An item whose required tests stand in the commit needs nothing else: these are proof enough (see proof.py).
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from fabrik.playbook.layout import PLAN
from fabrik.playbook.plan import Changes, Item
from fabrik.vcs.changes import SUBMODULE, FileContent, FilePair

# Notes and specs. What is written for users is work: the README, the list of changes, a folder of documents.
_TEXT = re.compile(
    r"^(?!(?:.*/)?(?:readme|change-?log|changes|contributing|news)\b|(?:.*/)?(?:docs?|manual|site|book)/)"
    r"(?:.*\.(?:md|markdown|mdx|rst|adoc)$|(?:.*/)?specs/[^.]*(?:\.(?:json|ya?ml|txt))?$)",
    re.IGNORECASE,
)
_WRITING = re.compile(
    r"\b(?:read ?me|docs?|document\w*|change ?log|guides?|manuals?|tutorials?|specs?|specif\w+|notes?"
    r"|release notes|how-?to|wiki|faq|prose|texts?|chapters?|articles?|copy)\b",
    re.IGNORECASE,
)
_REMOVING = re.compile(
    r"\b(?:remov|delet|drop|prun|clean|strip|unused|dead|obsolete|deprecat|retir|get(?:ting)? rid|eliminat"
    r"|uninstall|disabl|purg|simplif|dedup|duplicat|undo|revert|shrink|reduc|trim|cut|no longer)",
    re.IGNORECASE,
)
WANTED = (
    "do the work; or, if it is there already, add a test that shows it; or leave the item open. Only planning"
    " takes items out"
)


@dataclass(frozen=True, kw_only=True)
class Closed:
    """What to make of the items that are closed now."""

    finished: tuple[Item, ...] = ()
    refused: tuple[str, ...] = ()  # why not all of that counts
    put_back: bool = False  # items have vanished that may not: the plan of before is to stand again


def wrong_with_plan(before: FileContent | None, after: FileContent | None) -> str:
    """Why what a session left is no plan: "is gone", "is a symbolic link"; "" where it is one."""
    if after is None:
        return "is gone"
    if after.mode == SUBMODULE:
        return "is a repository"
    if not after.mode.startswith("100"):
        return "is a symbolic link"
    if after.mode != "100644" and (before is None or before.mode != after.mode):
        return "is executable"
    if after.cut and not (before and before.cut):
        return "is larger than 1 MiB"
    if b"\0" in after.content or (
        not after.cut and not _is_text(after) and (before is None or _is_text(before))
    ):
        return "is not text"
    return "" if after.content.strip() else "is empty"


def _is_text(file: FileContent) -> bool:
    try:
        file.content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def closed(
    changes: Changes, aside: Sequence[str], files: Sequence[FilePair], *, more: bool = False
) -> Closed:
    """What a session that builds has closed, by what it changed since the iteration began.

    aside: what the plan puts off now. more: more files differ than these.
    """
    work = [pair for pair in files if not _TEXT.search(pair.path)]
    texts = [pair for pair in files if _TEXT.search(pair.path) and pair.path != PLAN]
    gone = list(changes.removed)
    refused: list[str] = []
    put_off = {_words(text) for text in aside}
    for item in [item for item in gone if _words(item.text) in put_off]:
        refused.append(f"{item.text}: it was put off, which is for people and for planning")
        gone.remove(item)
    dropped = len(gone) - len(changes.added)  # more than these were put into other words
    resolving = [item for item in gone if item.required_tests] if dropped <= 0 else gone
    if not work and not more:
        unworked = [
            item
            for item in (gone if dropped > 0 else [])
            if not any(_speaks_of(item, pair.path) for pair in texts)
        ]
    else:
        unworked = gone if dropped > 1 else []
    refused += [f"{item.text}: it has vanished from the plan" for item in unworked]
    recorded = changes.recorded if work or more else ()  # it closes nothing that was open
    finished = (*changes.finished, *recorded, *(item for item in gone if dropped > 0))
    for item in () if more else changes.finished:
        if item.required_tests.paths:
            continue
        own = work or [pair for pair in texts if _speaks_of(item, pair.path)]
        if not own:
            refused.append(f"{item.text}: it was closed, and nothing but planning text was changed")
        elif all(map(_only_deletes, own)) and not _REMOVING.search(item.text):
            refused.append(f"{item.text}: it was closed, and all that was done is deleting")
    if not more and not unworked and dropped > 0:
        refused += [
            f"{item.text}: it was closed, and all that was done is deleting"
            for item in gone
            if work and all(map(_only_deletes, work)) and not _REMOVING.search(item.text)
        ]
    # An item in other words takes its required tests along, or has them already.
    reworded = tuple(item for item in resolving if dropped <= 0 and _lost(item, changes.added))
    return Closed(
        finished=(*finished, *reworded),
        refused=tuple(refused),
        put_back=bool(unworked) or any("put off" in reason for reason in refused),
    )


def _lost(item: Item, added: Sequence[Item]) -> bool:
    kept = {path for other in added for path in other.required_tests.paths}
    return bool(item.required_tests.paths) and not set(item.required_tests.paths) <= kept


def _words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def _speaks_of(item: Item, path: str) -> bool:
    """Whether a text can be what the item is about."""
    if _WRITING.search(item.text):
        return True
    names = [word for word in re.findall(r"\w+", posixpath.splitext(path)[0].lower()) if len(word) > 2]
    said = set(re.findall(r"\w+", item.text.lower()))
    return any(name in said for name in names)


def _only_deletes(pair: FilePair) -> bool:
    if pair.after is None:
        return True
    if pair.before is None or pair.before.mode != pair.after.mode or b"\0" in pair.after.content:
        return False
    if pair.before.cut or pair.after.cut or pair.before.content == pair.after.content:
        return False
    kept = Counter(line.strip() for line in pair.before.content.splitlines())
    return not Counter(line.strip() for line in pair.after.content.splitlines() if line.strip()) - kept
