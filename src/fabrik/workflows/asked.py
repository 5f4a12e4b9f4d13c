"""What a spec asked for, in a few lines: from the sealed text, not from the user's files. Pure."""

from __future__ import annotations

import json

from fabrik.specs.markdown import items, sections


def goals_of(spec_text: str) -> tuple[str, ...]:
    """The goals as the spec has them; () where they cannot be told."""
    if spec_text.lstrip().startswith("{"):
        try:
            found = json.loads(spec_text).get("goals", [])
        except ValueError:
            return ()
        return tuple(goal for goal in found if isinstance(goal, str)) if isinstance(found, list) else ()
    for section in sections(spec_text):
        if section.title.strip().lower().rstrip(":") in ("goals", "goal"):
            return tuple(" ".join(item.text.split()) for item in items(section.lines))
    return ()
