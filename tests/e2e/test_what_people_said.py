"""What a human has said counts: rejections, notes and answers are never lost, and nothing ships past them."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import World, git, rows, wait_for
from review_kit import PROGRAM, few, gates, plan, rounds, steps


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.make_project()
    return world


def saying(addition: str) -> str:
    """The agent that plays every role, which does this first when it implements."""
    return PROGRAM.replace(
        'if role in ("review", "verify"):', addition + '\nif role in ("review", "verify"):', 1
    )


NO_ANSWER = """
if step.startswith("feedback/"):
    sys.exit(0)
"""
ASKS = """
if role in ("implement", "fix"):
    leave(v=1, taskId="x", status="blocked", issues=["the spec contradicts itself"], next=["A or B?"])
"""


def test_a_rejection_that_changes_nothing_is_no_answer(world: World) -> None:
    few(world, "security", rounds=0)
    agent = plan(world, {"security": ["changes", "approve"]}, text=saying(NO_ANSWER))
    run = world.run("--auto-approve", agent=agent, review=True, status=3)
    world.fabrik("reject", run.id, "--notes", "not like this", status=4)
    run = world.last()
    assert run.status == "blocked" and "makes no progress" in str(run.failure_reason)
    assert git("branch", "--list", "spec-feature", cwd=world.project) == ""
    assert len(gates(world)) == 1


def test_who_has_rejected_is_asked_again(world: World) -> None:
    few(world, "security", rounds=0)
    agent = plan(world, {"security": ["changes", "approve"]})
    run = world.run("--auto-approve", agent=agent, review=True, status=3)
    world.fabrik("reject", run.id, "--notes", "not like this", status=3)
    assert [(gate.state, gate.marks) for gate in gates(world)][1] == ("open", ())


def test_a_question_of_accepted_work_is_put_to_the_human(world: World) -> None:
    few(world, "security")
    run = world.run("--auto-approve", agent=plan(world, text=saying(ASKS)), review=True, status=3)
    assert run.status == "waiting"
    marks = gates(world)[0].marks
    assert len(marks) == 2 and all("contradicts itself" in mark for mark in marks)
    assert marks[0].startswith("task 1: the implementer asks:")


def test_a_note_during_the_review_is_taken_up_before_anything_ships(world: World) -> None:
    few(world, "security", rounds=0)
    flag = world.directory / "go"
    waits = f"""
if role == "review" and step.startswith("review#1/"):
    while not os.path.exists({str(flag)!r}):
        time.sleep(0.05)
"""
    agent = plan(world, text=saying(waits))
    world.fabrik(
        *("run", "--spec", world.make_spec(), "--project", world.project, "--agent", "command"),
        *("--agent-command", agent, "--auto-approve", "--detach", "--sandbox", "none"),
    )
    wait_for(lambda: "review#1/security" in steps(world), "the reviewer's start")
    world.fabrik("feedback", "last", "--notes", "Do NOT ship this without a bow")
    flag.touch()
    wait_for(lambda: world.last().status == "shipped", "the end of the run")
    assert "feedback/note-1/implement#1" in steps(world)
    assert "without a bow" in git("show", "spec-feature:feedback.txt", cwd=world.project)
    assert rows(world, "SELECT used_by FROM human_feedback WHERE decision = 'noted'") == [
        ("feedback/note-1/implement#1",)
    ]
    assert len(rounds(world)) == 2


def test_every_later_prompt_has_what_a_human_has_asked_for(world: World) -> None:
    few(world, "security", rounds=1)
    tells = """
if "PURPLE" in prompt:
    print("KNOWS " + step)
"""
    agent = plan(world, {"security": ["approve", "changes", "approve"]}, text=saying(tells))
    run = world.run(agent=agent, review=True, status=3)
    world.fabrik("reject", run.id, "--notes", "make it PURPLE", status=3)
    logs = (world.home / "runs" / run.id / "logs").rglob("stdout.log")
    know = {line.split()[1] for log in logs for line in log.read_text().splitlines() if "KNOWS" in line}
    assert {
        "feedback/1/implement#1",
        "task/review-task-security-1/implement#1",
        "review#2/security",
        "review#3/verifier",
    } <= know


def test_a_finding_keeps_its_number_while_the_commit_is_the_same(world: World) -> None:
    few(world, "security", "simplicity", rounds=1)
    agent = plan(world, {"security": ["changes"], "simplicity": ["malformed"]}, fixes=False)
    world.run("--auto-approve", agent=agent, review=True, status=3)
    assert [[finding.id for finding in found.findings] for found in rounds(world)] == [
        ["review-task-security-1"],
        ["review-task-security-1"],
    ]
    assert [key for key in steps(world) if "implement#1" in key and "review-task" in key] == [
        "task/review-task-security-1/implement#1"
    ]


def test_a_finding_that_nobody_can_fix_does_not_end_the_run(world: World) -> None:
    few(world, "security", rounds=1)
    dies = """
if step.startswith("task/review-task-"):
    os.kill(os.getpid(), 9)
"""
    agent = plan(world, {"security": ["changes"]}, text=saying(dies))
    run = world.run("--auto-approve", agent=agent, review=True, status=3)
    assert run.status == "waiting"
    assert [mark.split(":")[0] for mark in gates(world)[0].marks] == [
        "review-task-security-1",
        "review-task-security-1 could not be resolved",
    ]


def test_asking_the_silent_again_uses_up_no_round_of_fixing(world: World) -> None:
    few(world, "security", rounds=2)
    agent = plan(world, {"security": ["malformed", "malformed", "changes", "approve"]})
    run = world.run("--auto-approve", agent=agent, review=True)
    assert run.status == "shipped"
    assert "task/review-task-security-1/implement#1" in steps(world)


def test_nothing_of_the_reviewers_is_left_at_the_end(world: World) -> None:
    few(world, "security", light=["simplicity"])
    gives_up = """
if role in ("implement", "fix") and "task/2" in step:
    sys.exit(0)
"""
    run = world.run("--auto-approve", agent=plan(world, text=saying(gives_up)), review=True, status=4)
    assert run.status in ("blocked", "exhausted")
    left = world.home / "runs" / run.id / "sandboxes"
    assert [place.name for place in left.iterdir() if place.name.startswith("review")] == []


def test_ids_that_fabrik_gives_are_refused_in_a_todo(world: World) -> None:
    spec = world.make_spec(tasks=1)
    todo = spec.with_suffix(".todo.json")
    todo.write_text(todo.read_text().replace('"id": "1"', '"id": "review-task-security-1"'))
    done = world.fabrik("spec", "validate", spec, todo, status=2)
    assert "review-task-security-1" in done.stderr + done.stdout


def test_no_end_of_findings_still_comes_to_a_gate(world: World) -> None:
    few(world, "security", rounds=2)
    many = PROGRAM.replace(
        '[f"README.md:1: {who} wants more"]', '[f"README.md:{n}: more" for n in range(1, 9)]'
    )
    run = world.run(
        "--iterations", "5", agent=plan(world, {"security": ["changes"]}, text=many), review=True, status=3
    )
    assert run.status == "waiting"
    marks = gates(world)[0].marks
    assert any("used up its 5 sessions" in mark for mark in marks)


def test_a_check_that_wavers_must_hold_many_times(world: World) -> None:
    """It passes, then fails with nothing changed; a commit that changes nothing about it does not help."""
    count = world.directory / "count"
    count.mkdir()
    few(world, "security")
    spec = world.make_spec(
        tasks=1,
        checks=[
            {"name": "task 1", "run": "test -f done-1.txt"},
            # In the baseline, after the task and the first way it passes; then every third time it does not.
            {"name": "wavers", "run": f"n=$(ls {count} | wc -l); touch {count}/$n; test $((n % 4)) != 3"},
        ],
    )
    run = world.run(
        "--auto-approve", "--sandbox", "none", "--attempts", "2", spec=spec, agent=plan(world), status=4
    )
    assert run.status in ("blocked", "exhausted")
    assert "wavers" in str(run.failure_reason)
    assert "\n" not in str(run.failure_reason)
