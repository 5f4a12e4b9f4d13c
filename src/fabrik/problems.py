"""What is wrong in files that people write (specs, todos, config), all of it at once.

The rooms that read such files share this: one form for a problem, one error that carries many, and one
translation of pydantic's errors into our words. pydantic itself is not imported here.
"""

from __future__ import annotations

import difflib
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fabrik.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that is wrong in a file, and what to do about it."""

    file: str  # as the user named it
    where: str = ""  # inside the file: "tasks[2].id", "line 12"; empty: the file as a whole
    what: str
    todo: str = ""

    def __str__(self) -> str:
        head = ": ".join(part for part in (self.file, self.where, self.what) if part)
        return f"{head}\n  → {self.todo}" if self.todo else head


class Problems(UsageError):
    """Files that cannot be used as they are. Carries every problem of every file."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        if len(self.problems) == 1:
            only = self.problems[0]
            where = ": ".join(part for part in (only.file, only.where) if part)
            super().__init__(only.what, where=where, todo=only.todo)
            return
        lines = "\n".join(str(problem) for problem in self.problems).replace("\n", "\n  ")
        super().__init__(f"{len(self.problems)} errors\n  {lines}")


def closest(word: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The known word that was probably meant, or None."""
    by_fold = {_fold(name): name for name in known}
    if exact := by_fold.get(_fold(word)):
        return exact
    found = difflib.get_close_matches(_fold(word[:100]), list(by_fold), n=1, cutoff=cutoff)
    return by_fold[found[0]] if found else None


def did_you_mean(word: str, known: Sequence[str], *, noun: str = "known keys") -> str:
    """A hint for a word that is not known: the one that was meant, or all there are."""
    if (meant := closest(word, known)) is not None:
        return f"did you mean `{meant}`?"
    return f"{noun}: {', '.join(known)}"


def place(loc: Sequence[int | str]) -> str:
    """A path in a document as people write it: ("tasks", 2, "id") → tasks[2].id."""
    text = ""
    for part in loc:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part != "[key]":  # pydantic's mark for an error in a key; the key itself stands before it
            text += f".{part}" if text else part
    return text


def explain(errors: Iterable[Mapping[str, Any]], model: type, file: str) -> list[Problem]:
    """pydantic's `error.errors()` of `model` as problems in our words.

    A validator of ours passes its advice as `todo` in the context of a PydanticCustomError.
    """
    return [_explain(error, model, file) for error in errors]


_KINDS = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
_WANTED = {
    "string_type": "a text in quotes",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "an object",
    "mapping_type": "an object",
    "model_type": "an object",
}


def _explain(error: Mapping[str, Any], model: type, file: str) -> Problem:
    loc, kind, value = tuple(error["loc"]), str(error["type"]), error.get("input")
    context = error.get("ctx") or {}
    what, todo = str(error["msg"]), ""
    if kind == "missing":
        what, todo = "is missing", f'add the key "{loc[-1]}"'
    elif kind == "extra_forbidden":
        what, todo = "is not a known key", did_you_mean(str(loc[-1]), _keys(model, loc[:-1]))
    elif kind in _WANTED:
        what = f"must be {_WANTED[kind]}, not {_KINDS.get(type(value), 'a number')}"
    elif kind == "literal_error":
        allowed = _keys_of_literal(str(context.get("expected", "")))
        what = (
            f"must be {' or '.join(allowed)}" if len(allowed) < 3 else f"must be one of {', '.join(allowed)}"
        )
        if isinstance(value, str) and (meant := closest(value, allowed)):
            todo = f"did you mean `{meant}`?"
    elif kind in ("too_short", "string_too_short"):
        what = "must not be empty"
    elif kind in ("greater_than", "greater_than_equal"):
        bound = context.get("gt", context.get("ge"))
        what = f"must be {'more than' if 'gt' in context else 'at least'} {bound}"
    elif kind == "finite_number":
        what = "must be a finite number"
    elif kind == "string_unicode":
        what = "holds characters that are no valid text (an unpaired surrogate)"
    else:
        todo = str(context.get("todo", ""))
    return Problem(file=file, where=place(loc), what=what, todo=todo)


def _keys_of_literal(expected: str) -> list[str]:
    """pydantic gives the allowed values of a literal as "'a', 'b' or 'c'"."""
    return [part.strip().strip("'") for part in expected.replace(" or ", ", ").split(",") if part.strip()]


def _keys(model: Any, loc: Sequence[int | str]) -> list[str]:
    """The keys that are known at a place of a document described by a pydantic model."""
    for part in loc:
        if isinstance(part, int):
            continue
        fields: Mapping[str, Any] = getattr(model, "model_fields", {})
        field = next((f for name, f in fields.items() if part in (name, f.alias)), None)
        if field is None:  # a key of a mapping, whose values are what comes next
            continue
        model = _model_in(field.annotation)
    return [field.alias or name for name, field in getattr(model, "model_fields", {}).items()]


def _model_in(annotation: Any) -> Any:
    """The model inside list[Model], Model | None and the like."""
    if hasattr(annotation, "model_fields"):
        return annotation
    for argument in typing.get_args(annotation):
        if (found := _model_in(argument)) is not None:
            return found
    return None


def _fold(word: str) -> str:
    """Spellings that people mix up: goals, Goals, non_goals, nonGoals, non-goals."""
    return "".join(char for char in word.casefold() if char.isalnum())
