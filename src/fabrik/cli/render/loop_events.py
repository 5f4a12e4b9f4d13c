"""What happens in a loop, as lines of its story."""

from __future__ import annotations

from fabrik.cli.render.line import Data, Line, Renderer, bullet, text_of
from fabrik.cli.text import one_line

MOST = 5  # names on one line


def _names(data: Data, key: str, width: int = 60) -> str:
    found = data.get(key)
    if not isinstance(found, list):
        return ""
    more = f" and {len(found) - MOST} more" if len(found) > MOST else ""
    return ", ".join(one_line(str(name), width) for name in found[:MOST]) + more


def _landed(data: Data, _step: str) -> Line:
    commit, branch = text_of(data, "commit")[:10], text_of(data, "branch", 60)
    tag = text_of(data, "tag", 60)
    text = bullet(f"on {branch}", commit=commit, tag=tag and f"tag {tag}", done=_names(data, "finished", 100))
    return Line(mark="✔", text=text, tone="good")


def _kept(data: Data, _step: str) -> Line:
    paths = _names(data, "paths")
    why = f"it meets what came meanwhile in {paths}" if paths else "it was not accepted"
    return Line(mark="○", text=bullet("kept aside", why=why, ref=text_of(data, "ref")), tone="warn")


def _nothing(data: Data, _step: str) -> Line:
    return Line(mark="○", text=bullet("nothing was changed", why=text_of(data, "why")), tone="warn")


def _left_out(data: Data, _step: str) -> Line:
    text = f"only the plan is taken over; left out: {_names(data, 'paths')}"
    return Line(mark="!", text=bullet(text, ref=text_of(data, "ref")), tone="warn")


def _moved(data: Data, _step: str) -> Line:
    text = f"{text_of(data, 'branch', 60)} has moved to {text_of(data, 'commit')[:10]}: it goes on from there"
    return Line(mark="↳", text=text, tone="plain")


def _pushed(data: Data, _step: str) -> Line:
    return Line(
        mark="↑",
        text=bullet(f"pushed to {text_of(data, 'remote', 60)}", tags=_names(data, "tags")),
        tone="plain",
    )


def _push_failed(data: Data, _step: str) -> Line:
    text = f"not pushed to {text_of(data, 'remote', 60)}, it is tried again"
    return Line(mark="!", text=bullet(text, why=text_of(data, "why", 300)), tone="warn")


LOOP: dict[str, Renderer] = {
    "loop.landed": _landed,
    "loop.kept": _kept,
    "loop.nothing": _nothing,
    "loop.left_out": _left_out,
    "loop.moved": _moved,
    "loop.pushed": _pushed,
    "loop.push_failed": _push_failed,
}
