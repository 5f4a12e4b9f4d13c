"""Which scripts of package.json and its like judge."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from fabrik.tampering.checked import JUDGING_WORDS


def judging_scripts(
    before: Mapping[str, Any], after: Mapping[str, Any], targets: Collection[str]
) -> list[str]:
    """Scripts of the base that judge, those that run around them, and those that they run."""
    judging = {
        name for name in before if name in targets or set(re.split(r"[^A-Za-z0-9]+", name)) & JUDGING_WORDS
    }
    waiting = list(judging)
    while waiting:
        text = before.get(waiting.pop())
        words = set(re.split(r"[\s\"'&|;]+", text)) if isinstance(text, str) else set()
        for name in (words & set(before)) - judging:
            judging.add(name)
            waiting.append(name)
    around = {f"{part}{name}" for name in judging for part in ("pre", "post")} & set(after)
    return sorted(judging | around)
