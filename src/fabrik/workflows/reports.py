"""What the readers of agents' documents share: texts without what is not seen, and problems in one line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from fabrik.problems import Problem
from fabrik.workflows.consult import Unusable
from fabrik.workflows.review.document import one_line
from fabrik.workflows.review.text import plain


def unusable(problems: Sequence[str], more: Iterable[Problem] = ()) -> Unusable:
    """A report with these problems."""
    texts = [
        ": ".join(filter(None, (each.where, each.what))) + (f" ({each.todo})" if each.todo else "")
        for each in more
    ]
    return Unusable(problem=one_line([*problems, *texts]))


def clean(value: Any) -> Any:
    """A JSON value with nothing in its texts that is not seen."""
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, list):
        return [clean(item) for item in value]
    if isinstance(value, dict):
        return {key: clean(item) for key, item in value.items()}
    return value
