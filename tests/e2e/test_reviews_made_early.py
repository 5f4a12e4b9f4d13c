"""A light review is made ready before it is wanted: it is used as it is, or given up without a trace."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from harness import World, git, rows, wait_for
from review_kit import PROGRAM, few, plan, reports, steps
from trouble_kit import finish, kill, start, worker_of

from fabrik.outcome import ExitStatus
from fabrik.paths import doors_directory
from fabrik.sandboxes import procs

MARK = 'if role in ("review", "verify"):'
# Reviewers leave in their logs what they were told and what lay in HOME.
TOLD = r"""
if role == "review":
    print("TOLD<<" + prompt + ">>TOLD")
    print("HOME", sorted(str(p.relative_to(env["HOME"])) for p in pathlib.Path(env["HOME"]).rglob("*")))
"""
WRONG_AT_FIRST = r"""
if role == "implement" and step == "task/1/implement#1":
    pathlib.Path("wrong.txt").write_text("first\n")
    commit("Do it wrong")
    sys.exit()
"""
ALWAYS_WRONG = (
    WRONG_AT_FIRST.replace(' and step == "task/1/implement#1"', "")
    .replace('role == "implement"', 'role in ("implement", "fix")')
    .replace('"first\\n"', "step")
)


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.make_project()
    few(world, "security", light=["code-quality", "simplicity"])
    return world


def agent(world: World, more: str = "") -> Path:
    return plan(world, text=PROGRAM.replace(MARK, TOLD + more + MARK, 1))


def logs(world: World, step: str, attempt: int = 1) -> Path:
    return world.home / "runs" / world.last().id / "logs" / step.replace("/", ".") / str(attempt)


def early(world: World, task: int) -> bool:
    """Whether the desk of a task's review was laid before the review."""
    return (logs(world, f"task/{task}/review#1", 0) / "checkout.log").exists()


def nothing_left(world: World) -> None:
    run = world.last().id
    wait_for(lambda: not world.leftovers(), "the end of every process")
    assert not doors_directory(run).exists()


def test_it_is_told_what_came_of_the_checks(world: World) -> None:
    run = world.run("--auto-approve", agent=agent(world), review=True)
    assert run.status == "shipped"
    for task in (1, 2):
        assert early(world, task)
        for reviewer in ("code-quality", "simplicity"):
            step = f"task/{task}/review#1/{reviewer}"
            said = (logs(world, step) / "stdout.log").read_text()
            assert f"+{task}\n" in said
            assert '`test "$(cat done-1.txt)" = 1` passed' in said
            second = "passed" if task == 2 else "FAILED (1)"
            assert f'`test "$(cat done-2.txt)" = 2` {second}' in said
            assert "'change/whole.patch'" in said and "prompt" not in said.split("HOME", 1)[1]
    [count] = rows(world, "SELECT count(*) FROM events WHERE kind = 'session.started'")
    assert count == (2 + 4 + 2,)
    nothing_left(world)


def test_checks_that_fail_after_it_was_begun(world: World) -> None:
    spec = world.make_spec(tasks=1)  # in the last task every check counts
    run = world.run("--auto-approve", spec=spec, agent=agent(world, WRONG_AT_FIRST), review=True)
    assert run.status == "shipped"
    assert early(world, 1)
    [first] = rows(world, "SELECT commit_sha FROM task_report WHERE step = 'task/1/checks#1'")
    [second] = rows(world, "SELECT commit_sha FROM task_report WHERE step = 'task/1/checks#2'")
    light = [report for report in reports(world) if report.step.startswith("task/1/")]
    assert {(report.commit,) for report in light} == {second} != {first}
    assert [key for key in steps(world) if key.startswith("task/1/")] == [
        "task/1/implement#1",
        "task/1/checks#1",
        "task/1/implement#2",
        "task/1/checks#2",
        "task/1/review#1/code-quality",
        "task/1/review#1/simplicity",
        "task/1/review#1",
    ]
    said = (logs(world, "task/1/review#1/simplicity") / "stdout.log").read_text()
    assert "+++ b/done-1.txt" in said and "+++ b/wrong.txt" in said
    nothing_left(world)


def test_a_run_that_ends_before_it_is_wanted(world: World) -> None:
    spec = world.make_spec(tasks=1)
    run = world.run(spec=spec, agent=agent(world, ALWAYS_WRONG), review=True, status=None)
    assert run.status == "exhausted"
    assert early(world, 1)
    assert [key for key in steps(world) if "/review#" in key] == []
    assert rows(world, "SELECT count(*) FROM events WHERE step LIKE '%review%'") == [(0,)]
    nothing_left(world)


def test_nobody_is_to_look(world: World) -> None:
    few(world, "security")
    run = world.run("--auto-approve", agent=agent(world), review=True)
    assert run.status == "shipped"
    assert not early(world, 1)
    nothing_left(world)


@pytest.mark.parametrize("kill", ["worker", "sandbox", "both"])
@pytest.mark.parametrize(
    "event",
    [
        "step.finished task/1/implement#1",
        "step.finished task/1/checks#1",
        "step.started task/1/review#1/simplicity",
    ],
)
def test_killed_when_it_was_begun(world: World, event: str, kill: str) -> None:
    run = world.dispatch(
        spec=world.make_spec(tasks=2),
        project=world.project,
        agent="command",
        agent_command=agent(world),
        auto_approve=True,
        no_review=False,
    )
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "fabrik.testing.crash_worker",
            run,
            "--on",
            event,
            "--when",
            "after",
            "--kill",
            kill,
        ],
        env=world.env(),
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert "struck" in done.stdout, done.stderr
    if world.last().status != "shipped":
        world.fabrik("run", "resume", run, status=ExitStatus.OK)
    assert world.last().status == "shipped"
    assert world.commits() == [f"Do task {n}. APPROVED by all reviewers." for n in (1, 2)]
    finished = Counter(rows(world, "SELECT step FROM events WHERE kind = 'step.finished'"))
    assert set(finished.values()) == {1}
    assert {state for (state,) in rows(world, "SELECT state FROM steps")} == {"finished"}
    said = Counter((report.kind, report.reviewer, report.commit) for report in reports(world))
    assert set(said.values()) == {1}
    head = git("rev-parse", "spec-feature", cwd=world.project)
    assert ("light", "simplicity", head) in said and ("light", "code-quality", head) in said
    nothing_left(world)


# The implementer goes on when there is a file `go` beside its work.
HELD = r"""
if role == "implement" and step.endswith("/implement#1"):
    while not os.path.exists("go"):
        time.sleep(0.02)
    os.unlink("go")
"""
SEATS = ("review-code-quality", "review-simplicity")


@contextmanager
def waiting_readers(world: World) -> Iterator[subprocess.Popen[str]]:
    """A run whose implementer works, with both reviewers of its task held beside it."""
    where = ("--spec", world.make_spec(tasks=1), "--project", world.project, "--auto-approve")
    with start(world, "run", *where, "--agent", "command", "--agent-command", agent(world, HELD)) as running:
        try:
            wait_for(lambda: all(held(world, seat) for seat in SEATS), "reviewers that are ready to start")
            yield running
        finally:
            running.kill()


def held(world: World, seat: str) -> bool:
    """Whether the forwarder of this reviewer's sandbox is there: it waits for the word."""
    for sandbox in world.home.glob(f"runs/*/sandboxes/{seat}"):
        for pid in procs.marked(f"{world.last().id}/{seat}"):
            with suppress(OSError):
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                if words[0] != b"bwrap" and b"--go" in words and sandbox.is_dir():
                    return True
    return False


def go_on(world: World) -> None:
    [work] = world.home.glob("runs/*/sandboxes/work/workspace")
    (work / "go").touch()


def test_readers_that_are_killed_while_they_wait(world: World) -> None:
    """They had not begun: they are started anew, and nobody has crashed."""
    with waiting_readers(world) as running:
        assert not early(world, 1)
        for seat in SEATS:
            assert procs.kill_marked(f"{world.last().id}/{seat}")
        go_on(world)
        assert finish(running).returncode == 0
    assert world.last().status == "shipped"
    assert early(world, 1)
    for reviewer in ("code-quality", "simplicity"):
        said = (logs(world, f"task/1/review#1/{reviewer}") / "stdout.log").read_text()
        assert "+1\n" in said and said.count("TOLD<<") == 1
    assert [key for key in steps(world) if "retry" in key] == []
    [count] = rows(world, "SELECT count(*) FROM events WHERE kind = 'session.started'")
    assert count == (1 + 2 + 2,)
    nothing_left(world)


def test_cancelled_while_readers_wait(world: World) -> None:
    with waiting_readers(world) as running:
        world.fabrik("run", "cancel", world.last().id)
        finish(running)
    assert world.last().status == "cancelled"
    assert rows(world, "SELECT count(*) FROM events WHERE step LIKE '%review%'") == [(0,)]
    nothing_left(world)


def test_killed_while_readers_wait(world: World) -> None:
    with waiting_readers(world) as running:
        kill(worker_of(world, world.last().id))
        finish(running)
        wait_for(lambda: not any(procs.marked(f"{world.last().id}/{seat}") for seat in SEATS), "their end")
    agent(world)
    world.fabrik("run", "resume", world.last().id)
    assert world.last().status == "shipped"
    assert early(world, 1)
    nothing_left(world)
