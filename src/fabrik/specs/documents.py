"""The shapes of spec.json, todo.json and the front matter, as pydantic checks them.

The fields are those that users of the original have in their files; `checks`, `holdout` and `mayChange` are
ours.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from fabrik.specs import rules
from fabrik.specs.model import Status

# The original took any text here, and its own specs say "Proposed".
_STATUS_WORDS = {"proposed": "draft", "inprogress": "in-progress"}


def _broken(found: rules.Broken | None) -> None:
    if found is not None:
        raise PydanticCustomError("spec", "{what}", {"what": found[0], "todo": found[1]})


def _id(value: str) -> str:
    _broken(rules.id_problem(value))
    return value


def _line(value: str) -> str:
    _broken(rules.line_problem(value))
    return value.strip()


def _name(value: str) -> str:
    _broken(rules.line_problem(value, rules.NAME_CHARACTERS))
    return value.strip()


def _text(value: str) -> str:
    if not value.strip():
        _broken(("must not be empty", ""))
    if "\0" in value:
        _broken(("must not contain a NUL character", ""))
    return value.strip()


def _said(value: str) -> str:
    return _text(value) if value.strip() else ""


def _status(value: object) -> object:
    if not isinstance(value, str):
        return value
    word = re.sub(r"[\s_]+", "-", value.strip().casefold())
    return _STATUS_WORDS.get(word.replace("-", ""), word)


def _check(value: object) -> object:
    """A check may be written as its command alone."""
    return {"run": value} if isinstance(value, str) else value


def _files(value: object) -> object:
    """Held-out files may be written as a list: each goes to the same path in the repository."""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return {item: item for item in value}
    return value


def _destination(value: str) -> str:
    _broken(rules.destination_problem(value))
    return value


def _glob(value: str) -> str:
    _broken(rules.glob_problem(value))
    return value


Id = Annotated[str, AfterValidator(_id)]
Line = Annotated[str, AfterValidator(_line)]
Text = Annotated[str, AfterValidator(_text)]
Glob = Annotated[str, AfterValidator(_glob)]
Said = Annotated[str, AfterValidator(_said)]  # may be empty
Texts = list[Text]
SomeTexts = Annotated[list[Text], Field(min_length=1)]


class Document(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, alias_generator=to_camel)


class CheckDocument(Document):
    name: Annotated[str, AfterValidator(_name)] | None = None
    run: Text
    seconds: Annotated[float, Field(gt=0, le=7 * 86400, allow_inf_nan=False)] | None = None


class HeldOutDocument(CheckDocument):
    files: Annotated[
        dict[Annotated[str, AfterValidator(_destination)], Text],
        BeforeValidator(_files, json_schema_input_type=dict[str, str] | list[str]),
    ] = {}


Checks = list[Annotated[CheckDocument, BeforeValidator(_check, json_schema_input_type=str | CheckDocument)]]
HeldOut = list[
    Annotated[HeldOutDocument, BeforeValidator(_check, json_schema_input_type=str | HeldOutDocument)]
]


class RequirementsDocument(Document):
    api: Texts
    behavior: Texts
    obs: Texts


class EnvironmentDocument(Document):
    env: Texts


class PlaceDocument(Document):
    """Where a value of the spec stands in its prose."""

    put: Literal[
        "title",
        "goals",
        "nonGoals",
        "api",
        "behavior",
        "obs",
        "accept",
        "assume",
        "mayChange",
        "checks",
        "tasks",
    ]
    n: Annotated[int, Field(ge=1)] | None = (
        None  # which one, from 1; None: all that have no place of their own
    )
    before: str = ""  # on its line: the list's marker, the heading's
    after: str = ""


class SpecDocument(Document):
    """spec.json"""

    schema_: Annotated[str, Field(alias="$schema")] = ""  # for editors; nothing else reads it
    v: Literal[1]
    id: Id
    title: Line
    status: Annotated[Status, BeforeValidator(_status)]
    version: str
    last_updated: str
    goals: SomeTexts
    non_goals: Texts
    req: RequirementsDocument
    accept: SomeTexts
    assume: Texts
    supersedes: list[Id] = []
    depends_on: list[Id] = []
    cfg: EnvironmentDocument | None = None
    checks: Checks = []
    holdout: HeldOut = []
    may_change: list[Glob] = []
    prose: list[str | PlaceDocument] = []  # the lines of a Markdown spec around these values
    comments: list[str] = []  # of its front matter


class FrontMatterDocument(Document):
    """What may stand before a Markdown spec; its content is in sections."""

    v: Literal[1] = 1
    id: Id | None = None
    title: Line | None = None
    status: Annotated[Status, BeforeValidator(_status)] = "ready"
    version: str = ""
    last_updated: str = ""
    goals: Texts = []  # this one and the next four: texts that no Markdown list can hold
    non_goals: Texts = []
    req: RequirementsDocument | None = None
    accept: Texts = []
    assume: Texts = []
    supersedes: list[Id] = []
    depends_on: list[Id] = []
    cfg: EnvironmentDocument | None = None
    checks: Checks = []
    holdout: HeldOut = []
    may_change: list[Glob] = []


class TaskDocument(Document):
    id: Id
    do: Text
    verify: Said  # empty: the acceptance criteria that it is about
    checks: Checks = []


class TodoDocument(Document):
    """todo.json"""

    schema_: Annotated[str, Field(alias="$schema")] = ""
    v: Literal[1]
    id: Id
    tdd: bool
    dod: Texts
    tasks: Annotated[list[TaskDocument], Field(min_length=1)]
