"""A run on the long way: light review, two rounds of the full review, a rejection; and what it comes to.

Every session of the implementer adds one line to a file, so work that is done twice, or lost, shows.
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from harness import World, git, rows, wait_for
from review_kit import PROGRAM, few, plan

from fabrik.ledger.store import Ledger
from fabrik.ledger.types import Run
from fabrik.outcome import ExitStatus
from fabrik.paths import doors_directory

NOTES = "The tone is wrong: be kinder"
PAUSE = "0.3"  # seconds that a session lives on when it is done: more than what is told waits to be written

STORY = {  # what becomes of the file, one line a commit: subject → line
    "Do task 1": "done",
    "Fix review-task-code-quality-1": "fixed review-task-code-quality-1",
    "Fix review-task-security-1": "fixed review-task-security-1",
    "Fix review-task-verifier-1": "fixed review-task-verifier-1",
    "Take the feedback": "was kinder",
}
WORK = r"""
if role in ("implement", "fix"):
    key = step.split("/")
    if key[0] == "feedback":
        line, subject = "was kinder" if "be kinder" in prompt else "heard nothing", "Take the feedback"
    elif key[1] == "1":
        line, subject = "done", "Do task 1"
        pathlib.Path("done-1.txt").write_text("1\n")
    else:
        line, subject = f"fixed {key[1]}", f"Fix {key[1]}"
    with open("story.txt", "a") as story:
        story.write(line + "\n")
    commit(subject)
    time.sleep(PAUSE)
    sys.exit()
time.sleep(PAUSE)

"""
MARK = 'if role in ("review", "verify"):'


def _review(key: str, *reviewers: str) -> list[str]:
    return [*(f"{key}/{reviewer}" for reviewer in reviewers), key]


def _work(place: str) -> list[str]:
    return [f"{place}/implement#1", f"{place}/checks#1"]


def _proof(number: int) -> list[str]:
    return [f"candidate#{number}", f"verify#{number}"]


FULL = ("security", "simplicity", "verifier")
STEPS = [  # how a verification divides its work (`verify/1/…`) is its own affair
    "baseline",
    *_work("task/1"),
    *_review("task/1/review#1", "code-quality"),
    *_work("task/review-task-code-quality-1"),
    *_review("task/1/review#2", "code-quality"),
    *_proof(1),
    *_review("review#1", *FULL),
    *_work("task/review-task-security-1"),
    *_work("task/review-task-verifier-1"),
    *_proof(2),
    *_review("review#2", *FULL),
    "feedback/asked#1",
    *_work("feedback/1"),
    *_proof(3),
    *_review("review#3", *FULL),
    "feedback/asked#2",
    "ship",
]
VERDICTS = Counter(
    [
        ("light", 1, "code-quality", "changes_requested"),
        ("light", 2, "code-quality", "approved"),
        ("full", 1, "security", "changes_requested"),
        ("full", 1, "simplicity", "approved"),
        ("full", 1, "verifier", "changes_requested"),
        ("full", 1, "tampering", "approved"),
        *(("full", n, reviewer, "approved") for n in (2, 3) for reviewer in (*FULL, "tampering")),
    ]
)
ROUNDS = [
    ("task/1/review#1", "changes_requested"),
    ("task/1/review#2", "approved"),
    ("review#1", "changes_requested"),
    ("review#2", "approved"),
    ("review#3", "approved"),
]


def dispatched(directory: Path) -> tuple[World, str]:
    """A world with such a run, recorded; no worker has touched it yet."""
    directory.mkdir(exist_ok=True)
    world = World(directory)
    world.make_project()
    few(world, "security", "simplicity", light=["code-quality"])
    agent = plan(
        world,
        {"security": ["changes", "approve"], "verifier": ["changes", "approve"]},
        light={"code-quality": ["changes", "approve"]},
        text=PROGRAM.replace(MARK, WORK.replace("PAUSE", PAUSE) + MARK, 1),
    )
    return world, world.dispatch(
        spec=world.make_spec(tasks=1),
        project=world.project,
        agent="command",
        agent_command=agent,
        no_review=False,
    )


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a process of the crash tests ended."""

    status: int
    struck: bool
    number: int  # of transitions, of kills


def crash(module: str, world: World, run: str, *options: str | Path) -> Ended:
    """Run the crashing worker, or a chain of them, to its end, by itself or by force."""
    done = subprocess.run(
        [sys.executable, "-m", f"fabrik.testing.{module}", run, *map(str, options)],
        env=world.env(),
        capture_output=True,
        text=True,
        timeout=240,
    )
    known = (ExitStatus.OK, ExitStatus.WAITING, ExitStatus.STOPPED, ExitStatus.INTERRUPTED, -9)
    if done.returncode not in known:
        raise AssertionError(f"the worker ended with {done.returncode}: {done.stderr}\n{done.stdout}")
    said = done.stdout.split()
    number = said[-1] if len(said) > 1 and said[-2] in ("transitions", "killed") else "0"
    return Ended(status=done.returncode, struck="struck" in said, number=int(number))


def decide(world: World, run: str) -> bool:
    """Decide the open gate as its human does: reject the first candidate, approve the next. False: none is.

    The worker is not started here: between the two there is a moment, too.
    """
    with Ledger.open(world.home / "ledger.db") as ledger:
        found = ledger.gates(run)
        if not found or found[-1].state != "open":
            return False
        reject = found[-1].number == 1
        ledger.decide_gate(
            run, found[-1].number, approve=not reject, by="Ada", notes=NOTES if reject else None
        )
    return True


def to_the_end(world: World, run: str) -> None:
    """Take the run up until it has shipped, and decide its gates, as its human does."""
    for _ in range(6):
        if world.last().status == "shipped":
            return
        decide(world, run)
        world.fabrik("run", "resume", run, status=None)
    last = world.last()
    raise AssertionError(f"it does not end: {last.status} {last.failure_reason}\n{world.worker_logs()}")


def check_ended_well(world: World, run: str, point: str) -> None:
    """It ended as an undisturbed run ends, and left nothing behind."""
    with Ledger.open(world.home / "ledger.db") as ledger:
        found = ledger.find_run(run)
        assert ledger.check() == [], point
    assert (found.status, found.failure_reason) == ("shipped", None), point
    _check_work(world, found, point)
    _check_steps(world, point)
    _check_reviews(world, found, point)
    _check_people(world, point)
    _check_nothing_left(world, run, point)


def _check_work(world: World, run: Run, point: str) -> None:
    """Each piece of work is there once, in one commit, in its order."""
    assert world.commits() == list(STORY), point
    assert git("rev-parse", "spec-feature", cwd=world.project) == run.candidate, point
    for number, commit in enumerate(
        git("rev-list", "--reverse", "main..spec-feature", cwd=world.project).split(), 1
    ):
        told = git("show", f"{commit}:story.txt", cwd=world.project)
        assert told.splitlines() == list(STORY.values())[:number], point
        files = git("ls-tree", "-r", "--name-only", commit, cwd=world.project).splitlines()
        assert files == ["README.md", "done-1.txt", "story.txt"], point
    assert git("status", "--porcelain", cwd=world.project) == "", point


def own_steps(world: World) -> list[str]:
    """The keys of the steps in the order of their first start, without those within a verification."""
    keys = [key for (key,) in rows(world, "SELECT key FROM steps ORDER BY seq")]
    return [key for key in keys if not key.startswith("verify/")]


def _check_steps(world: World, point: str) -> None:
    """Every step is finished, once. One whose process was killed under the worker has a retry, no more."""
    steps = rows(world, "SELECT key, state FROM steps")
    assert {state for _, state in steps} == {"finished"}, point
    finished = rows(world, "SELECT step FROM events WHERE kind = 'step.finished'")
    assert Counter(step for (step,) in finished) == Counter(key for key, _ in steps), point
    assert {key.partition("/retry#")[0] for key in own_steps(world)} == set(STEPS), point


def _check_reviews(world: World, run: Run, point: str) -> None:
    """One row for each verdict, one for each round, each about the candidate that it saw."""
    reports = rows(world, "SELECT kind, round, reviewer, status FROM review_report")
    assert Counter(reports) == VERDICTS, point
    assert rows(world, "SELECT step, status FROM review_summary ORDER BY id") == ROUNDS, point
    said = rows(world, "SELECT count(*) FROM events WHERE kind IN ('review.report', 'review.summary')")
    assert said == [(len(reports) + len(ROUNDS),)], point
    differing = rows(
        world,
        "SELECT r.step FROM review_report r JOIN review_summary s"
        " ON s.kind = r.kind AND s.round = r.round WHERE r.commit_sha <> s.commit_sha",
    )
    assert differing == [], point
    [last] = rows(world, "SELECT commit_sha FROM review_summary WHERE step = 'review#3'")
    assert last == (run.candidate,), point


def _check_people(world: World, point: str) -> None:
    """Two gates, two decisions, each recorded once; each candidate was put forward once."""
    gates = rows(world, "SELECT number, state, marks, overriding, notes FROM human_gate ORDER BY number")
    assert gates == [(1, "rejected", "[]", 0, NOTES), (2, "approved", "[]", 0, None)], point
    feedback = rows(world, "SELECT gate, decision, notes, used_by FROM human_feedback ORDER BY id")
    assert feedback == [(1, "rejected", NOTES, None), (2, "approved", None, None)], point
    once = rows(
        world, "SELECT kind, count(*) FROM events WHERE kind LIKE 'gate.%' GROUP BY kind ORDER BY kind"
    )
    assert once == [("gate.approved", 1), ("gate.opened", 2), ("gate.rejected", 1)], point
    forward = [commit for (commit,) in rows(world, "SELECT data FROM events WHERE kind = 'run.candidate'")]
    assert len(forward) == len(set(forward)) == 3, point
    shipped = "SELECT count(*) FROM events WHERE kind = 'run.verdict' AND data LIKE '%shipped%'"
    assert rows(world, shipped) == [(1,)], point


def _check_nothing_left(world: World, run: str, point: str) -> None:
    """No process, no socket, no sandbox; the marker and the page are there."""
    directory = world.home / "runs" / run
    assert (directory / "reports" / "done.json").exists(), point
    assert (directory / "reports" / "evidence.md").exists(), point
    assert [path.name for path in (directory / "sandboxes").iterdir() if path.is_dir()] == [], point
    assert not doors_directory(run).exists(), point
    wait_for(lambda: not world.leftovers(), f"the end of every process; {point}")
