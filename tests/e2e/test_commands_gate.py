"""The approval gate: a run waits, shows its evidence, and does what the human decides."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from harness import HONEST, World, git, rows
from trouble_kit import (
    finish,
    given,
    kill,
    lines,
    nothing_left,
    refused,
    shipped_well,
    start,
    waiting_run,
    worker_of,
    world_at,
)

from fabrik.ledger.store import Ledger


@pytest.fixture
def world(tmp_path: Path) -> World:
    return world_at(tmp_path)


def test_approve(world: World) -> None:
    done = world.fabrik("run", *given(world), status=3)
    run = world.last()
    assert f"fabrik approve {run.id[-8:]}" in done.stdout
    assert (run.status, run.alive) == ("waiting", False)
    assert git("branch", "--list", "spec-feature", cwd=world.project) == ""
    # What there is to look at before deciding.
    evidence = world.home / "runs" / run.id / "reports" / "evidence.md"
    assert str(evidence) in done.stdout
    page = evidence.read_text()
    for words in (str(run.candidate), "task 1", "passed", "Sealed inputs", run.base_commit):
        assert words in page
    shown = world.fabrik("runs", "show", run.id).stdout
    assert "Approval gates" in shown
    assert "2 checks passed in a fresh clone" in shown
    approved = world.fabrik("approve", run.id[-8:], "--notes", "Nice — danke ✓")
    assert "shipped" in approved.stdout
    shipped_well(world, run.id)
    assert len(world.events("session.started")) == 2  # nothing was done again
    [gate] = json.loads(world.fabrik("runs", "show", "last", "--json").stdout)["gates"]
    assert (gate["state"], gate["candidate"], gate["notes"]) == ("approved", run.candidate, "Nice — danke ✓")
    assert gate["decided_by"]
    feedback = "SELECT decision, notes, spec_path FROM human_feedback"
    assert rows(world, feedback) == [("approved", "Nice — danke ✓", run.spec_path)]
    assert "Nice — danke ✓" in evidence.read_text()


def test_approve_twice(world: World) -> None:
    run = world.run(status=3)
    world.fabrik("approve", run.id)
    said = refused(world, "approve", run.id)
    assert "the run is shipped" in said
    assert "the run is shipped" in refused(world, "reject", run.id, "--notes", "too late")
    assert len(rows(world, "SELECT * FROM human_feedback")) == 1


def test_approve_and_reject_at_once(world: World) -> None:
    """One decision counts, and it is the one that is carried out."""
    run = world.run(status=3)
    both = [
        start(world, "approve", run.id, "--detach"),
        start(world, "reject", run.id, "--end", "--notes", "no", "--detach"),
    ]
    ended = [finish(process) for process in both]
    assert all("Traceback" not in done.stderr for done in ended)
    assert [done.returncode for done in ended].count(0) == 1
    assert [done.returncode for done in ended].count(2) == 1
    world.fabrik("run", "attach", run.id, status=None)
    [(decision,)] = rows(world, "SELECT decision FROM human_feedback")
    assert world.last().status == {"approved": "shipped", "rejected": "rejected"}[decision]


def test_approve_as_json(world: World) -> None:
    run = world.run(status=3)
    *events, last = lines(world.fabrik("approve", run.id, "--json").stdout)
    assert events[0]["kind"] == "gate.approved"
    assert "shipped" in [event["kind"] for event in events]
    assert last["run"]["status"] == "shipped"


def test_approve_detached(world: World) -> None:
    run = world.run(status=3)
    done = world.fabrik("approve", run.id, "--detach")
    assert f"fabrik run attach {run.id[-8:]}" in done.stdout
    world.fabrik("run", "attach", run.id)
    shipped_well(world, run.id)


def test_approve_when_the_branch_is_in_the_way(world: World) -> None:
    """The decision is kept: after the branch is gone, `run resume` ships without asking again."""
    run = world.run(status=3)
    git("branch", "spec-feature", cwd=world.project)
    assert "is there already" in world.fabrik("approve", run.id, status=4).stdout
    git("branch", "-D", "spec-feature", cwd=world.project)
    world.fabrik("run", "resume", run.id)
    shipped_well(world, run.id)


def test_a_decision_that_no_worker_took_up(world: World) -> None:
    """The machine went down between the decision and the worker's start."""
    run = world.run(status=3)
    with Ledger.open(world.home / "ledger.db") as ledger:
        ledger.decide_gate(run.id, 1, approve=True, by="ada", notes=None)
    said = refused(world, "approve", run.id)
    assert "approved already by ada" in said
    assert f"fabrik run resume {run.id[-8:]}" in said
    world.fabrik("run", "resume", run.id)
    shipped_well(world, run.id)


# Does its task; after a rejection it does what the notes ask for.
WILLING = HONEST.replace(
    "set -eu\n",
    """set -eu
case "$FABRIK_STEP" in feedback/*)
  echo "as you wish" > wish.txt; git add wish.txt; git commit -q -m "Do what was asked"; exit 0;;
esac
""",
)


def test_reject_goes_back_to_the_implementer(world: World) -> None:
    """The notes are in the prompt, a new candidate comes to a gate of its own, and it ships."""
    agent = world.make_agent(WILLING)
    first = world.run(agent=agent, status=3)
    done = world.fabrik("reject", first.id, "--notes", "write down the wish", status=3)
    assert "rejected" in done.stdout
    assert "fabrik approve" in done.stdout
    run = world.last()
    assert (run.id, run.status) == (first.id, "waiting")
    assert run.candidate != first.candidate
    gates = json.loads(world.fabrik("runs", "show", run.id, "--json").stdout)["gates"]
    assert [(gate["state"], gate["candidate"]) for gate in gates] == [
        ("rejected", first.candidate),
        ("open", run.candidate),
    ]
    stat = world.fabrik("runs", "diff", run.id, "--stat").stdout
    assert "wish.txt" in stat
    world.fabrik("approve", run.id)
    assert world.commits() == ["Do task 1", "Do task 2", "Do what was asked"]
    feedback = json.loads(world.fabrik("runs", "feedback", run.id, "--json").stdout)
    assert [(said["decision"], said["notes"]) for said in feedback] == [
        ("rejected", "write down the wish"),
        ("approved", None),
    ]
    nothing_left(world)


def test_reject_for_good(world: World) -> None:
    run = world.run(status=3)
    notes = "the file must end with a full stop"
    done = world.fabrik("reject", run.id, "--end", "--notes", notes, status=4)
    assert "rejected" in done.stdout
    assert notes in done.stdout
    found = world.last()
    assert found.status == "rejected"
    assert notes in str(found.failure_reason)
    assert git("branch", "--list", "spec-feature", cwd=world.project) == ""
    feedback = rows(world, "SELECT run_id, gate, decision, notes FROM human_feedback")
    assert feedback == [(run.id, 1, "rejected", notes)]
    assert not (world.home / "runs" / run.id / "reports" / "done.json").exists()
    assert "rejected" in (world.home / "runs" / run.id / "reports" / "evidence.md").read_text()
    # It has ended for good; what was made is kept.
    assert "has ended (rejected)" in refused(world, "run", "resume", run.id)
    assert "the run is rejected" in refused(world, "approve", run.id)
    assert world.fabrik("run", "attach", run.id, status=4).stdout
    repository = world.home / "runs" / run.id / "repo.git"
    assert git("rev-parse", "refs/fabrik/candidate", cwd=repository) == run.candidate
    nothing_left(world)


def test_reject_needs_a_reason(world: World) -> None:
    run = world.run(status=3)
    assert "--notes" in refused(world, "reject", run.id)
    assert "say what is wrong" in refused(world, "reject", run.id, "--notes", "  ")
    assert world.last().status == "waiting"


def test_help_promises_what_reject_does(world: World) -> None:
    assert "Send a waiting candidate back" in world.fabrik("--help").stdout
    said = " ".join(world.fabrik("reject", "--help").stdout.split())
    assert "your notes go to the implementer, and the run goes on" in said
    assert "--end End the run as rejected instead." in said


def test_nothing_to_decide(world: World) -> None:
    assert "there are no runs yet" in refused(world, "approve", "last")
    keeper, run = waiting_run(world)
    assert "the run is running" in refused(world, "approve", run.id)
    kill(worker_of(world, run.id))
    assert "the run is interrupted" in refused(world, "reject", run.id, "--notes", "no")
    keeper.let_go()
    world.fabrik("run", "resume", run.id)
    shipped_well(world, run.id)
