"""Reviews of a run: who is asked, what comes back, and what it takes to be approved."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import World, git, rows, wait_for
from review_kit import few, gates, plan, reports, rounds, steps

FULL = (
    "code-quality",
    "correctness-guarantees",
    "maintainability",
    "production-monitoring",
    "security",
    "simplicity",
    "test-coverage",
    "tigerstyle",
)


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.make_project()
    return world


def test_everybody_approves_and_it_ships(world: World) -> None:
    run = world.run("--auto-approve", agent=plan(world), review=True)
    assert run.status == "shipped"
    [found] = rounds(world)
    assert sorted(opinion.reviewer for opinion in found.opinions) == sorted((*FULL, "verifier", "tampering"))
    assert found.approved and found.commit == run.candidate
    assert [(c.met, c.kind, c.where) for c in found.criteria] == [(True, "check", "task 1")]
    light = [key for key in steps(world) if key.startswith("task/") and "/review#" in key]
    assert light == [
        key
        for task in ("1", "2")
        for key in (
            f"task/{task}/review#1/code-quality",
            f"task/{task}/review#1/maintainability",
            f"task/{task}/review#1",
        )
    ]
    assert rows(world, "SELECT count(*), sum(status = 'approved') FROM review_report") == [(14, 14)]
    assert rows(world, "SELECT kind, status FROM review_summary ORDER BY id") == [
        ("light", "approved"),
        ("light", "approved"),
        ("full", "approved"),
    ]
    wait_for(lambda: not world.leftovers(), "the end of every process")


def test_findings_are_fixed_and_reviewed_again(world: World) -> None:
    few(world, "security", "simplicity")
    agent = plan(world, {"security": ["changes", "approve"], "simplicity": ["approve"]})
    run = world.run("--auto-approve", agent=agent, review=True)
    assert run.status == "shipped"
    first, second = rounds(world)
    assert [finding.id for finding in first.findings] == ["review-task-security-1"]
    assert second.approved and second.commit == run.candidate != first.commit
    assert "task/review-task-security-1/implement#1" in steps(world)
    assert "review-task-security-1.txt" in git("ls-tree", "--name-only", "spec-feature", cwd=world.project)
    # A verdict counts for the commit that it saw: everybody looked again.
    again = [report.reviewer for report in reports(world) if report.commit == second.commit]
    assert sorted(again) == ["security", "simplicity", "tampering", "verifier"]


def test_rounds_that_run_out_open_a_marked_gate(world: World) -> None:
    few(world, "security", rounds=1)
    agent = plan(world, {"security": ["changes"]})
    run = world.run("--auto-approve", agent=agent, review=True, status=3)
    assert run.status == "waiting"
    assert [found.findings[0].id for found in rounds(world)] == [
        "review-task-security-1",
        "review-task-security-2",
    ]
    [gate] = gates(world)
    assert gate.marks == ("review-task-security-2: README.md:1: security wants more",)
    assert "NOT APPROVED" in gate.reason
    shown = world.fabrik("approve", run.id, "--notes", "I know better")
    assert "OVERRIDING" in shown.stdout
    assert world.last().status == "shipped"
    assert [(gate.state, gate.overriding) for gate in gates(world)] == [("approved", True)]
    assert rows(world, "SELECT decision, overriding, notes FROM human_feedback") == [
        ("approved", 1, "I know better")
    ]


def test_the_same_candidate_is_not_asked_about_twice(world: World) -> None:
    few(world, "security", "simplicity", rounds=5)
    agent = plan(world, {"security": ["changes"]}, fixes=False)
    run = world.run("--auto-approve", agent=agent, review=True, status=3)
    assert run.status == "waiting" and len(rounds(world)) == 1


def test_an_unmet_criterion_goes_back(world: World) -> None:
    few(world, "security")
    agent = plan(world, {"verifier": ["changes", "approve"]})
    run = world.run("--auto-approve", agent=agent, review=True)
    assert run.status == "shipped"
    first, second = rounds(world)
    assert [finding.id for finding in first.findings] == ["review-task-verifier-1"]
    assert not first.criteria[0].met and second.criteria[0].met


def test_a_light_review_sends_back_and_never_blocks(world: World) -> None:
    few(world, "security", light=["code-quality"], rounds=1)
    agent = plan(world, light={"code-quality": ["changes"]})
    run = world.run("--auto-approve", agent=agent, review=True)
    assert run.status == "shipped"
    keys = steps(world)
    assert keys.index("task/1/review#1") < keys.index("task/review-task-code-quality-1/implement#1")
    assert keys.index("task/review-task-code-quality-1/implement#1") < keys.index("task/1/review#2")
    assert "task/2/review#2" in keys  # the findings of every task have numbers of their own
    assert "task/review-task-code-quality-3/implement#1" in keys


def test_what_a_reviewer_gets_to_see(world: World) -> None:
    few(world, "security")
    look = r"""
if role == "review":
    out = subprocess.run("git rev-parse HEAD; git log --format=%s%n%b%an; git status --porcelain; ls; "
        "touch x 2>&1; echo y > README.md; git commit --allow-empty -m no 2>&1; cat $HOME/change/files.txt; "
        "cat $HOME/change/whole.patch; env | sort", shell=True, capture_output=True, text=True)
    pathlib.Path("/tmp/seen").write_text(out.stdout)
    print("SEEN<<" + out.stdout + out.stderr + ">>SEEN<<" + prompt + ">>")
"""
    from review_kit import PROGRAM

    program = PROGRAM.replace(
        'if role in ("review", "verify"):', look + 'if role in ("review", "verify"):', 1
    )
    run = world.run("--auto-approve", agent=plan(world, says=True, text=program), review=True)
    assert run.status == "shipped"
    log = (world.home / "runs" / run.id).rglob("*.log")
    [seen] = [path.read_text() for path in log if "SEEN<<" in path.read_text(errors="replace")]
    inside = seen.split("SEEN<<")[1]
    assert run.candidate is not None
    assert inside.startswith(f"{run.candidate}\nThe change under review")
    assert "Do task" not in inside.split("diff --git")[0] and "SECRETSTORY" not in seen
    assert "APPROVED by all reviewers" not in seen  # the implementer's words in its commit messages
    assert "Read-only file system" in inside
    assert "done-1.txt" in inside and "+1" in inside
    assert f"FABRIK_COMMIT={run.candidate}" in inside and "FABRIK_REVIEWER=security" in inside
    assert git("show", "spec-feature:README.md", cwd=world.project) == "# project"


def test_reject_goes_back_with_the_notes(world: World) -> None:
    few(world, "security")
    run = world.run(agent=plan(world), review=True, status=3)
    first = run.candidate
    world.fabrik("reject", run.id, "--notes", "The tone is wrong: be kinder", status=3)
    run = world.last()
    assert run.status == "waiting" and run.candidate != first
    assert [(gate.number, gate.state, gate.notes) for gate in gates(world)] == [
        (1, "rejected", "The tone is wrong: be kinder"),
        (2, "open", None),
    ]
    assert "feedback/1/implement#1" in steps(world)
    world.fabrik("approve", run.id)
    assert world.last().status == "shipped"
    assert "be kinder" in git("show", "spec-feature:feedback.txt", cwd=world.project)


def test_a_rejection_for_good(world: World) -> None:
    few(world, "security")
    run = world.run(agent=plan(world), review=True, status=3)
    world.fabrik("reject", run.id, "--end", "--notes", "no", status=4)
    assert world.last().status == "rejected"


def test_no_review_is_said(world: World) -> None:
    run = world.run(agent=plan(world), status=3)
    assert run.status == "waiting"
    assert "UNREVIEWED" in gates(world)[0].reason
    assert [opinion.reviewer for opinion in rounds(world)[0].opinions] == ["tampering"]
