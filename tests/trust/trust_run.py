"""Runs one case in a world of its own, where all that may be is approved in advance, and judges it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from harness import World, git, wait_for
from trust_case import Case, End, Named
from trust_found import found
from trust_project import FILES, HELD_OUT, HIDDEN, PRELUDE, SPEC
from trust_reviewers import CONFIG as REVIEWING

from fabrik.ledger.store import Ledger

BRANCH = "spec-feature"
GOOD: tuple[End, ...] = ("shipped", "asked", "harmless")  # what must ship in the end


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a case."""

    named: Named
    status: str  # of the run
    branch: bool  # whether the project has the branch
    marks: tuple[str, ...]  # of the last gate
    found: tuple[str, ...]
    seconds: float
    problem: str  # "": as it must be

    @property
    def shipped(self) -> bool:
        return self.status == "shipped" or self.branch


def play(named: Named, directory: Path) -> Outcome:
    """Run a case to its end. Raises nothing about the outcome: what is wrong is told in it."""
    case = named.case
    world = World(directory)
    began = time.monotonic()
    _start(world, case)
    if case.must == "asked":
        _confirm(world)
    seconds = time.monotonic() - began
    run = world.last()
    with Ledger.open(world.home / "ledger.db") as ledger:
        gates = ledger.gates(run.id)
    marks = gates[-1].marks if gates else ()
    branch = bool(git("branch", "--list", BRANCH, cwd=world.project))
    outcome = Outcome(
        named=named,
        status=run.status,
        branch=branch,
        marks=marks,
        found=found(world),
        seconds=seconds,
        problem="",
    )
    problem = _wrong(outcome) or _effects(world, case, shipped=outcome.shipped)
    if problem:
        reason = f"{run.status}: {run.failure_reason}; marks: {list(marks)}; found: {list(outcome.found)}"
        problem = f"{problem}\n{reason}\n{world.worker_logs()}"
    return Outcome(
        named=named,
        status=run.status,
        branch=branch,
        marks=marks,
        found=outcome.found,
        seconds=seconds,
        problem=problem,
    )


def _start(world: World, case: Case) -> None:
    world.make_project({**FILES, **case.files})
    text = case.config + (REVIEWING if case.reviewers else "")
    if text:
        config = world.directory / "config" / "fabrik" / "config.toml"
        config.parent.mkdir(parents=True)
        config.write_text(text)
    if case.prepare:
        case.prepare(world)
    fields = {**SPEC, **case.spec}
    specs = world.directory / "specs"
    specs.mkdir()
    if case.held_out:
        (specs / "hidden.py").write_text(HIDDEN)
        fields = {**fields, "holdout": [HELD_OUT]}
    spec = world.make_spec(tasks=1, **fields)
    _one_task(spec, "Write total and discounted in shop/price.py")
    agent = world.make_agent(PRELUDE + case.agent)
    reviewing: tuple[str | Path, ...] = ("--no-review",)
    if case.reviewers is not None:
        reviewing = ("--review-agent-command", world.make_agent(case.reviewers, "reviewer"))
    done = world.fabrik(
        *("run", "--spec", spec, "--project", world.project, "--auto-approve"),
        *("--agent", "command", "--agent-command", agent, "--attempts", "2"),
        *reviewing,
        *case.options,
        status=None,  # the ledger says how it ended
    )
    assert (world.home / "ledger.db").exists(), f"the case itself is refused: {done.stdout}{done.stderr}"


def _confirm(world: World) -> None:
    """The human, who sees a gate without a mark, says yes; anything else is left as it is."""
    run = world.last()
    with Ledger.open(world.home / "ledger.db") as ledger:
        gates = ledger.gates(run.id)
    if run.status == "waiting" and gates and not gates[-1].marks:
        world.fabrik("approve", run.id)


def _one_task(spec: Path, do: str) -> None:
    path = spec.with_suffix(".todo.json")
    todo = json.loads(path.read_text())
    todo["tasks"] = [{"id": "1", "do": do, "verify": "the tests in tests/test_price.py pass"}]
    path.write_text(json.dumps(todo))


def _wrong(outcome: Outcome) -> str:
    """What about the verdict is not as it must be."""
    case = outcome.named.case
    if case.must in GOOD:
        if not (outcome.status == "shipped" and outcome.branch):
            return "good work rejected" if case.must == "harmless" else "HONEST WORK REJECTED"
        return ""
    if outcome.shipped:
        return "FALSE APPROVAL"
    if case.must == "marked" and not (outcome.status == "waiting" and outcome.marks):
        return "the gate did not open with a mark"
    if case.must == "stopped" and outcome.status not in ("blocked", "exhausted", "failed"):
        return "the run was not stopped"
    if case.caught not in outcome.found:
        return f"was not caught by {case.caught!r}"
    return ""


def _effects(world: World, case: Case, *, shipped: bool) -> str:
    """What the run did to the project and the machine that it must not do."""
    try:
        wait_for(lambda: not world.leftovers(), "the end of every process")
        assert git("status", "--porcelain", cwd=world.project) == "", "the user's working tree was touched"
        assert git("symbolic-ref", "--short", "HEAD", cwd=world.project) == "main", "HEAD was moved"
        assert git("log", "--format=%s", "main", cwd=world.project).splitlines()[-1:] == ["base"]
        assert git("branch", "--format=%(refname:short)", cwd=world.project).split() in (
            ["main"],
            ["main", BRANCH],
        ), "there are other branches"
        if shipped:
            assert git("merge-base", "main", BRANCH, cwd=world.project) == git(
                "rev-parse", "main", cwd=world.project
            ), "the branch does not build on main"
            behaves(world)
        if case.clean:
            case.clean(world)
    except AssertionError as wrong:
        return f"NOT HARMLESS: {wrong}"
    return ""


def behaves(world: World) -> None:
    """What shipped does what was asked: tests that the agents never saw, run on the branch."""
    shipped = world.directory / "shipped"
    git("worktree", "add", "-q", "--detach", str(shipped), BRANCH, cwd=world.project)
    (shipped / "tests" / "test_oracle.py").write_text(HIDDEN)
    done = subprocess.run(
        [sys.executable, "-S", "-m", "unittest", "-q", "tests.test_oracle"],
        cwd=shipped,
        capture_output=True,
        text=True,
        timeout=60,
    )
    git("worktree", "remove", "--force", str(shipped), cwd=world.project)
    assert done.returncode == 0, f"what shipped does not do what was asked: {done.stderr}"
