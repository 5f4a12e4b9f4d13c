"""A backlog from its folder to done markers, as a first user sees it."""

from __future__ import annotations

from pathlib import Path

from backlog_kit import Backlog
from harness import git


def test_two_specs_in_order_are_verified_and_done(tmp_path: Path) -> None:
    world = Backlog(tmp_path)
    world.begin()
    world.spec("area/0002-second.md", depends=("0001-first.md",))
    world.spec("0001-first.md")
    told = world.backlog().stdout

    assert "all 2 specs are done" in told
    assert git("log", "--reverse", "--format=%s", cwd=world.project).splitlines() == [
        "base",
        "Do 0001",
        "Do 0002",
    ]
    assert git("status", "--porcelain", cwd=world.project) == ""
    assert (world.project / "done-0002.txt").read_text() == "0002\n"
    first = git("rev-parse", "HEAD^", cwd=world.project)
    assert first in (world.done("0001-first.md") or "")
    assert world.head() in (world.done("area/0002-second.md") or "")
    candidate = world.candidate("area/0002-second.md")
    assert candidate is not None and candidate["commit"] == world.head()
    assert "VERIFICATION REPORT" in world.logs("area/0002-second.md", "verify.log")[0]
    assert "DONE REPORT" in world.logs("0001-first.md", "impl-attempt-1.log")[0]
    assert {entry["state"] for entry in world.status().values()} == {"done"}
