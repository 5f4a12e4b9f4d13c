"""What an interview is about and what is said in it. Orders and replies are stored as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["feature", "bug", "refactoring", "release"]
KINDS: tuple[Kind, ...] = ("feature", "bug", "refactoring", "release")

MOST = 12  # questions, unless the person says otherwise
CHANGE = "The specification was shown to the person, who wants something changed. What?"


@dataclass(frozen=True, kw_only=True)
class Order:
    """What the person asked for."""

    about: str  # the first idea, in the person's words; "": not said
    kind: Kind | None
    id: str | None  # of the spec; None: the agent names it
    directory: str  # absolute: where the spec goes
    as_json: bool  # write JSON instead of Markdown
    most: int  # questions
    today: str  # ISO 8601, when it began
    taken: tuple[str, ...]  # ids of the specs that are in the directory
    no_project: str  # why there is no project to look at; "": there is one


@dataclass(frozen=True, kw_only=True)
class Question:
    """One question of the agent."""

    text: str
    why: str = ""
    options: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A spec as the agent has written it, validated."""

    id: str
    title: str
    document: Mapping[str, Any]  # as spec.json has it
    markdown: str


Asked = Question | Proposal

ReplyKind = Literal["answer", "skip", "back", "done", "write"]


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What the person did with a question or a proposal."""

    kind: ReplyKind
    text: str = ""  # of an answer; of a proposal: what is to be changed


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """A question and its answer."""

    asked: Asked
    answer: str | None  # None: skipped


@dataclass(frozen=True, kw_only=True)
class Written:
    """Where the spec was written."""

    path: str
