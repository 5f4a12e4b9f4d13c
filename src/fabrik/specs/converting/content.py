"""All that a spec file and its todo say, whatever the format."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from fabrik.specs.documents import CheckDocument, HeldOutDocument, PlaceDocument, SpecDocument
from fabrik.specs.model import Spec, Todo

Entry = str | PlaceDocument  # a line as it is, or a place for a value

LISTS = ("goals", "nonGoals", "api", "behavior", "obs", "accept", "assume")
ATTRIBUTE = {"nonGoals": "non_goals", "mayChange": "may_change"}  # where a list is called otherwise inside


@dataclass(frozen=True, kw_only=True)
class Content:
    """What a spec says, in the words of spec.json."""

    id: str
    title: str
    status: str
    version: str
    last_updated: str
    lists: dict[str, tuple[str, ...]]  # those of LISTS, and mayChange
    supersedes: tuple[str, ...]
    depends_on: tuple[str, ...]
    env: tuple[str, ...] | None
    checks: tuple[CheckDocument, ...]
    holdout: tuple[HeldOutDocument, ...]
    prose: tuple[Entry, ...] = ()
    comments: tuple[str, ...] = ()  # of the front matter


def of_document(document: SpecDocument) -> Content:
    """What a spec.json says."""
    return Content(
        id=document.id,
        title=document.title,
        status=document.status,
        version=document.version,
        last_updated=document.last_updated,
        lists={
            "goals": tuple(document.goals),
            "nonGoals": tuple(document.non_goals),
            "api": tuple(document.req.api),
            "behavior": tuple(document.req.behavior),
            "obs": tuple(document.req.obs),
            "accept": tuple(document.accept),
            "assume": tuple(document.assume),
            "mayChange": tuple(dict.fromkeys(document.may_change)),
        },
        supersedes=tuple(document.supersedes),
        depends_on=tuple(document.depends_on),
        env=tuple(document.cfg.env) if document.cfg else None,
        checks=tuple(document.checks),
        holdout=tuple(document.holdout),
        prose=tuple(line for entry in document.prose for line in _lines(entry)),
        comments=tuple(line for comment in document.comments for line in comment.splitlines()),
    )


def _lines(entry: Entry) -> list[Entry]:
    return list(entry.splitlines() or [""]) if isinstance(entry, str) else [entry]


def check_json(check: CheckDocument) -> Any:
    """A check as it is written in JSON and YAML: its command alone where that is all."""
    values = check.model_dump(by_alias=True, exclude_none=True)
    if not values.get("files"):
        values.pop("files", None)
    return check.run if set(values) == {"run"} else values


def differences(one: Spec, other: Spec) -> list[str]:
    """The fields in which two specs differ; where they come from and how they are written does not count."""
    same = replace(other, source=one.source, path=one.path)
    return [name for name in vars(one) if getattr(one, name) != getattr(same, name)]


def same_todo(one: Todo | None, other: Todo | None) -> bool:
    """Whether two todos ask for the same."""
    return one == other
