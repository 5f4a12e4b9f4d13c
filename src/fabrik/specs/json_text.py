"""JSON as people write it by hand: every mistake with its place, and nothing that is silently dropped."""

from __future__ import annotations

import json
from typing import Any

from fabrik.problems import Problem


def parse_object(text: str, file: str, problems: list[Problem]) -> dict[str, Any] | None:
    """The JSON object in the text, or None. Problems are added to the list; also when there is a result."""
    twice: list[str] = []

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key, value in items:
            if key in result:
                twice.append(key)
            result[key] = value
        return result

    try:
        document = json.loads(text, object_pairs_hook=pairs, parse_constant=_refuse)
        json.dumps(document, ensure_ascii=False).encode("utf-8")
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        hint = "remove the comma before the closing bracket" if _trailing_comma(text, error.pos) else ""
        problems.append(Problem(file=file, where=where, what=f"is not valid JSON: {error.msg}", todo=hint))
        return None
    except UnicodeEncodeError:
        problems.append(
            Problem(file=file, what="holds an escape that is no character (an unpaired surrogate)")
        )
        return None
    except RecursionError:
        problems.append(Problem(file=file, what="is nested too deeply"))
        return None
    except ValueError as error:  # a number of thousands of digits, NaN, Infinity
        problems.append(Problem(file=file, what=f"is not valid JSON: {error}"))
        return None
    problems += [
        Problem(file=file, what=f"the key `{key}` is there twice in one object", todo="keep one of them")
        for key in dict.fromkeys(twice)
    ]
    if not isinstance(document, dict):
        problems.append(Problem(file=file, what="must be an object: { … }"))
        return None
    return document


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON number")


def _trailing_comma(text: str, position: int) -> bool:
    before = text[:position].rstrip()
    return (before.endswith(",") and text[position:].lstrip()[:1] in ("]", "}")) or (
        text[position : position + 1] == "," and text[position + 1 :].lstrip()[:1] in ("]", "}")
    )
