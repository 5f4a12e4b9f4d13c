"""What a judge said, as a line of a run's story."""

from __future__ import annotations

from fabrik.cli.render.line import Data, Line, Renderer, bullet, clip
from fabrik.cli.screen import Tone
from fabrik.cli.text import neutralise, one_line

MARKS: dict[bool | None, tuple[str, str, Tone]] = {
    True: ("✓", "pass", "good"),
    False: ("✗", "fail", "bad"),
    None: ("!", "no verdict", "warn"),
}
FEEDBACK_LINES = 10


def _verdict(data: Data, _step: str) -> Line:
    mark, word, tone = MARKS[data.get("passed")]
    names = data.get("artifacts")
    shown = ", ".join(one_line(str(name), 60) for name in names) if isinstance(names, list) else ""
    first, *more = neutralise(str(data.get("feedback") or "")).strip().splitlines() or [""]
    said = bullet(word, artifacts=shown, feedback=one_line(first, 400))
    return Line(mark=mark, text=said, tone=tone, detail=clip(more, FEEDBACK_LINES))


JUDGE: dict[str, Renderer] = {"judge.verdict": _verdict}
