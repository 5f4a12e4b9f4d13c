"""A loop beside a human at work in the same checkout; pushes; stop and resume; kill -9."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from harness import World, git, wait_for
from loop_kit import HONEST, dispatched, ended, kept, loop, playbook, reports, status, subjects

from fabrik.ledger.store import Ledger

# The session waits until the test has done something beside it.
WAITS = """
if [ "$FABRIK_STEP" = build/1/session#1 ]; then
    touch {here}/begun
    while [ ! -e {here}/go ]; do sleep 0.02; done
fi
"""


def beside(world: World, agent: str = HONEST) -> str:
    """An agent whose first session waits for the file `go`; without isolation, so that it sees it."""
    return agent.replace("set -eu\n", "set -eu\n" + WAITS.format(here=world.directory), 1)


def begin(world: World, *options: str, agent: str = HONEST) -> None:
    loop(world, "build", *options, "--sandbox", "none", "--detach", agent=beside(world, agent))
    wait_for(lambda: (world.directory / "begun").exists(), "the first session")


def go_on(world: World) -> None:
    (world.directory / "go").touch()
    wait_for(lambda: world.last().status != "running", "the end of the loop")


def test_commits_that_come_meanwhile_are_kept_and_checked_together(tmp_path: Path) -> None:
    world = playbook(tmp_path)
    begin(world)
    (world.project / "mine.txt").write_text("mine\n")
    git("add", "-A", cwd=world.project)
    git("commit", "-q", "-m", "Mine", cwd=world.project)
    (world.project / "loose.txt").write_text("not committed\n")
    go_on(world)
    ended(world, "done", "3 iterations, 3 landed")
    found = subjects(world)  # the second session had begun before the first landed
    merges = [subject for subject in found if subject.startswith("Bring iteration")]
    assert merges == ["Bring iteration 1 together with what came meanwhile"], "one foreign commit, one merge"
    assert set(found) - {*merges} == {
        "Mine",
        "Do the first thing",
        "Do the second thing",
        "Do the third thing",
    }
    assert status(world) == "?? loose.txt" and (world.project / "mine.txt").exists()
    with Ledger.open(world.home / "ledger.db") as ledger:
        keys = [step.key for step in ledger.steps(world.last().id)]
    assert "build/1/merged#1" in keys, "what was put together was checked"


def test_commits_that_meet_the_work_have_the_word(tmp_path: Path) -> None:
    world = playbook(tmp_path)
    begin(world)
    (world.project / "out").mkdir()
    (world.project / "out/first-thing").write_text("ok, but mine\n")
    git("add", "-A", cwd=world.project)
    git("commit", "-q", "-m", "Mine", cwd=world.project)
    go_on(world)
    ended(world, "done")
    assert subjects(world)[0] == "Mine" and subjects(world).count("Do the first thing") == 1
    assert kept(world, "kept/iteration-1", "out/first-thing") == "ok"
    assert "first thing" in reports(world)[-1].work or status(world) == ""


def test_files_in_the_way_stop_the_loop_and_land_when_it_is_resumed(tmp_path: Path) -> None:
    world = playbook(tmp_path)
    begin(world, "2")
    plan = world.project / "IMPLEMENTATION_PLAN.md"
    before = plan.read_text()
    plan.write_text(before + "- [ ] one more\n")
    go_on(world)
    ended(world, "blocked", "iteration 1 cannot land", "IMPLEMENTATION_PLAN.md has changes here")
    assert plan.read_text() == before + "- [ ] one more\n" and subjects(world) == []
    assert status(world) == "M IMPLEMENTATION_PLAN.md".rjust(1)
    world.fabrik("run", "resume", "last", status=4)
    ended(world, "blocked", "cannot land")
    plan.write_text(before)
    world.fabrik("run", "resume", "last")
    ended(world, "done", "the bound of 2")
    assert subjects(world) == ["Do the first thing", "Do the second thing"] and status(world) == ""


def test_another_branch_is_checked_out_meanwhile(tmp_path: Path) -> None:
    world = playbook(tmp_path)
    begin(world, "2")
    git("switch", "-q", "-c", "mine", cwd=world.project)
    go_on(world)
    ended(world, "done")
    assert subjects(world) == ["Do the first thing", "Do the second thing"]
    assert git("rev-parse", "--abbrev-ref", "HEAD", cwd=world.project) == "mine"
    assert status(world) == "" and not (world.project / "out").exists()


def test_uncommitted_work_that_is_committed_meanwhile(tmp_path: Path) -> None:
    world = playbook(tmp_path)
    (world.project / "mine.txt").write_text("mine\n")
    begin(world, "1")
    git("add", "-A", cwd=world.project)
    git("commit", "-q", "-m", "Mine", cwd=world.project)
    go_on(world)
    ended(world, "done", "1 landed")
    assert status(world) == "" and (world.project / "out/first-thing").exists()
    assert git("log", "--format=%s", "--first-parent", "main", cwd=world.project).splitlines()[1:] == [
        "Mine",
        "base",
    ]


def remote(world: World) -> Path:
    bare = world.directory / "bare.git"
    git("init", "-q", "--bare", "-b", "main", str(bare), cwd=world.directory)
    git("remote", "add", "origin", str(bare), cwd=world.project)
    return bare


def test_a_push_after_each_iteration(tmp_path: Path) -> None:
    world = playbook(tmp_path)
    bare = remote(world)
    hook = world.project / ".git/hooks/pre-push"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
    hook.chmod(0o755)
    done = loop(world, "build", "--push")
    assert git("rev-parse", "main", cwd=bare) == git("rev-parse", "main", cwd=world.project)
    assert git("tag", cwd=bare).split() == ["0.0.0", "0.0.1", "0.0.2"]
    assert done.stdout.count("pushed to origin") == 3
    assert git("rev-parse", "--abbrev-ref", "main@{upstream}", cwd=world.project) == "origin/main"
    assert not (tmp_path / "sprung").exists(), "hooks may be files that an agent wrote"


def test_a_push_that_fails_is_told_and_tried_again(tmp_path: Path) -> None:
    world = playbook(tmp_path)
    bare = remote(world)
    away = bare.with_name("away.git")
    bare.rename(away)
    done = loop(world, "build", "2", "--push", status=4)
    ended(world, "blocked", "2 landed", "landed, but not pushed")
    assert done.stdout.count("not pushed to origin") == 2
    away.rename(bare)
    loop(world, "build", "1", "--push")
    ended(world, "done")
    assert git("rev-parse", "main", cwd=bare) == git("rev-parse", "main", cwd=world.project)


def test_stop_and_resume(tmp_path: Path) -> None:
    """A cancelled loop goes on with its iteration, from the branch as it is then."""
    world = playbook(tmp_path)
    begin(world)
    world.fabrik("run", "cancel", "last")
    ended(world, "cancelled")
    assert subjects(world) == [] and not world.leftovers()
    (world.project / "mine.txt").write_text("mine\n")
    git("add", "-A", cwd=world.project)
    git("commit", "-q", "-m", "Mine", cwd=world.project)
    (tmp_path / "go").touch()
    world.fabrik("run", "resume", "last")
    ended(world, "done", "3 iterations, 3 landed")
    assert subjects(world) == ["Mine", "Do the first thing", "Do the second thing", "Do the third thing"]


SLOW = f"{HONEST}sleep 0.3\n"  # it lives when what was told of its start is written: a transition


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("mode", "when", "kill"),
    [
        ("build", "before", "worker"),
        ("build", "after", "both"),
        ("plan", "before", "both"),
        ("plan", "after", "worker"),
    ],
)
def test_killed_at_every_transition(tmp_path: Path, mode: str, when: str, kill: str) -> None:
    world = playbook(tmp_path)
    bare = remote(world)
    (world.project / "mine.txt").write_text("uncommitted\n")
    agent = SLOW if mode == "build" else "#!/bin/sh\necho '- [ ] item' >> IMPLEMENTATION_PLAN.md; sleep 0.3\n"
    run = dispatched(world, mode=mode, most=2, push=True, include_untracked=True, agent=agent)
    argv = ["--each", tmp_path / "seen", "--when", when, "--kill", kill]
    done = subprocess.run(
        [sys.executable, "-m", "fabrik.testing.crash_chain", run, *map(str, argv)],
        env=world.env(),
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    killed = int(done.stdout.split("killed ")[1].split()[0])
    assert killed > 10
    ended(world, "done", "the bound of 2 is reached: 2 iterations, 2")
    with Ledger.open(world.home / "ledger.db") as ledger:
        finished = Counter(
            event.step for event in ledger.events(run) if event.kind == "step.finished" and event.step
        )
        assert ledger.check() == [] and set(finished.values()) == {1}
    if mode == "build":
        assert subjects(world) == [
            "Uncommitted work, as it was when the loop began", "Do the first thing", "Do the second thing",
        ]  # fmt: skip
        assert status(world) == "" and git("tag", cwd=bare).split() == ["0.0.0", "0.0.1"]
    else:
        assert len(subjects(world)) == 2 and status(world) == "?? mine.txt"
    assert git("rev-parse", "main", cwd=bare) == git("rev-parse", "main", cwd=world.project)
    assert not [*(world.project / ".git").rglob("*.lock"), *(world.project / ".git").glob("*fabrik*")]
    wait_for(lambda: not world.leftovers(), "the end of every process")
