"""Loops that would spend money for ever: the same lines anew, time limits, the same failure."""

from __future__ import annotations

from pathlib import Path

from harness import git
from loop_kit import ended, loop, playbook, reports, subjects


def test_an_agent_that_only_writes_the_same_line_anew_is_stopped(tmp_path: Path) -> None:
    world = playbook(tmp_path)
    agent = '#!/bin/sh\necho "# $(date +%s%N)" > src/calc.py; git add -A; git commit -qm noise\n'
    loop(world, "build", agent=agent, status=4)
    ended(world, "blocked", "10 landings in a row only rewrote the lines of the one before them")
    assert len(subjects(world)) == 11
    assert git("tag", cwd=world.project) == "", "no item was finished: there is no version"


def test_sessions_that_always_reach_their_time_limit_are_stopped(tmp_path: Path) -> None:
    world = playbook(tmp_path)
    agent = "#!/bin/sh\necho x >> src/calc.py; git add -A; git commit -qm more; sleep 600\n"
    loop(world, "build", "--session-minutes", "0.03", agent=agent, status=4)
    ended(world, "blocked", "3 sessions in a row reached their time limit")
    assert len(subjects(world)) == 3


def test_the_same_failure_ends_the_iteration_and_soon_the_loop(tmp_path: Path) -> None:
    world = playbook(tmp_path)
    agent = (
        "#!/bin/sh\nmkdir -p out; echo wrong > out/x; date +%s%N > other; git add -A; git commit -qm wrong\n"
    )
    loop(world, "build", agent=agent, status=4)
    ended(world, "blocked", "no progress in iterations 1, 2 and 3: the same failure came again (Tests")
    assert len(reports(world)) == 9
    assert "kept/iteration-3" in world.fabrik("runs", "show", "last", "--events").stdout
