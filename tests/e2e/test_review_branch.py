"""`fabrik review`: a branch that fabrik did not make, read by reviewers and proven by the host."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest
from branch_kit import branched, commit, result, review
from harness import World, git, wait_for
from review_kit import few, plan, reports, rounds, steps
from reviewed_run import crash

from fabrik.workflows.review_dispatch import ReviewRequest, dispatch_review

# A reviewer that searches for the words of whoever made the branch, wherever it can look.
SNOOP = r"""#!/bin/sh
if [ "$FABRIK_ROLE" != review ]; then exit 1; fi
found=""
prompt=$(cat)
case $prompt in *SECRETSTORY*) found="prompt " ;; esac
if git log --all -p 2>/dev/null | grep -q SECRETSTORY; then found="$found log "; fi
if git --no-replace-objects cat-file -p "$FABRIK_COMMIT" 2>/dev/null | grep -q SECRETSTORY
then found="$found raw "; fi
if git cat-file --batch-all-objects --batch 2>/dev/null | grep -aq SECRETSTORY
then found="$found objects "; fi
if [ "$(git rev-parse HEAD)" != "$FABRIK_COMMIT" ]; then found="$found head "; fi
status=approved issues='[]'
if [ -n "$found" ]; then status=changes_requested issues="[\"README.md:1: saw it in $found\"]"; fi
printf '{"v": 1, "reviewer": "%s", "commit": "%s", "status": "%s", "issues": %s, "next": []}' \
  "$FABRIK_REVIEWER" "$FABRIK_COMMIT" "$status" "$issues" > "$FABRIK_REPORT"
"""


@pytest.fixture
def world(tmp_path: Path) -> World:
    return branched(tmp_path)


def evidence(world: World) -> str:
    return (world.home / "runs" / world.last().id / "reports" / "evidence.md").read_text()


def test_everybody_approves(world: World) -> None:
    before = git("for-each-ref", cwd=world.project)
    done = review(world, "--check", "test -f done-1.txt")
    run = world.last()
    tip, fork = (
        git("rev-parse", "feature", cwd=world.project),
        git("merge-base", "main", "feature", cwd=world.project),
    )
    assert (run.workflow, run.status, run.candidate, run.base_commit) == ("review", "done", tip, fork)
    [found] = rounds(world)
    assert {one.reviewer: one.status for one in found.opinions} == {
        "security": "approved", "simplicity": "approved", "tampering": "approved",
    }  # fmt: skip
    assert steps(world) == [
        *("subject", "baseline", "candidate#1", "verify#1", "verify/1/checks", "verify/1/protected"),
        *("review#1/security", "review#1/simplicity", "review#1"),
    ]
    assert "2 commits, 2 files, since it left main at " in done.stdout
    assert "feature at" in (run.failure_reason or "") and "3 reviewers; 1 check passed" in (
        run.failure_reason or ""
    )
    assert "approved by all · 3 approved" in done.stdout  # the same number everywhere
    page = evidence(world)
    for words in ("**done**", "as it stands", "test -f done-1.txt", "review#1", tip, fork):
        assert words in page
    assert "The verifier gave no verdict" not in page  # nobody asked it
    assert git("for-each-ref", cwd=world.project) == before  # nothing is shipped
    wait_for(lambda: not world.leftovers(), "the end of every process")


def test_findings_are_shown_in_full_and_nothing_is_fixed(world: World) -> None:
    done = review(world, agent=plan(world, {"security": ["changes"]}), status=4)
    assert "review-task-security-1\n    README.md:1: security wants more" in done.stdout
    assert world.last().status == "rejected"
    assert [key for key in steps(world) if "implement" in key or "fix" in key or "gate" in key] == []
    why = world.fabrik("why", "last").stdout
    assert "fabrik review --branch feature" in why and "fabrik run --spec" not in why


def test_json_for_machines(world: World) -> None:
    done = review(world, "--json", agent=plan(world, {"security": ["changes"]}), status=4)
    first = json.loads(done.stdout.splitlines()[0])
    found = result(done)
    assert first["dispatched"] == found["run"] == world.last().id
    assert (found["approved"], found["status"], found["branch"]) == (False, "rejected", "feature")
    assert found["commit"] == first["commit"] == git("rev-parse", "feature", cwd=world.project)
    assert [(one["id"], one["reviewer"]) for one in found["findings"]] == [
        ("review-task-security-1", "security")
    ]
    assert result(review(world, "--json"))["approved"] is True
    documented = (Path(__file__).parents[2] / "src/fabrik/manual/pages/json.md").read_text()
    assert [name for name in found if f"`{name}`" not in documented] == []


@pytest.mark.parametrize(
    "action", ["crash", "exit", "babble", "malformed", "empty", "other-commit", "other-reviewer"]
)
def test_no_verdict_is_no_approval(world: World, action: str) -> None:
    few(world, "security", "simplicity", rounds=0)
    review(world, agent=plan(world, {"security": [action]}), status=4)
    run = world.last()
    assert run.status == "blocked" and "no verdict of security" in (run.failure_reason or "")


def test_who_was_silent_is_asked_again_and_nobody_else(world: World) -> None:
    few(world, "security", "simplicity", rounds=1)
    review(world, agent=plan(world, {"security": ["babble", "approve"]}))
    assert [key for key in steps(world) if key.endswith("/simplicity")] == ["review#1/simplicity"]
    assert [key for key in steps(world) if key.endswith("/security")] == [
        "review#1/security",
        "review#2/security",
    ]


def test_a_blocked_review_is_resumed(world: World) -> None:
    few(world, "security", "simplicity", rounds=0)
    review(world, agent=plan(world, {"security": ["babble", "approve"]}), status=4)
    world.fabrik("run", "resume", "last")
    assert world.last().status == "done"
    assert len(rounds(world)) == 2


def test_the_words_of_the_branchs_commits_reach_no_reviewer(world: World) -> None:
    review(world, agent=world.make_agent(SNOOP))


@pytest.mark.parametrize("ref", ["feature", "feature~1"])
def test_nor_do_they_when_another_run_began_on_that_branch(world: World, ref: str) -> None:
    world.dispatch(
        spec=world.make_spec(),
        project=world.project,
        ref=ref,
        agent="command",
        agent_command=world.make_agent(),
    )
    review(world, agent=world.make_agent(SNOOP))


def test_a_large_change_is_told_and_reviewed(world: World) -> None:
    git("checkout", "-q", "-b", "large", cwd=world.project)
    commit(world, {f"many/{number}.txt": "x\n" * 60 for number in range(201)}, "Much")
    done = review(world, branch="large")
    assert "the change is large: 201 files, 12,060 lines" in done.stderr
    assert world.last().status == "done"


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_each_transition_in_turn(world: World, when: str) -> None:
    run = dispatched(world)
    ended = crash(
        "crash_chain", world, run, "--each", world.directory / "seen", "--when", when, "--kill", "both"
    )
    assert ended.status == 0, world.last()
    assert ended.number > 2 * 8  # where each step begins and where it ends
    assert world.last().status == "done"
    [found] = rounds(world)
    assert found.approved
    assert len(reports(world)) == 3
    wait_for(lambda: not world.leftovers(), "the end of every process")


def dispatched(world: World) -> str:
    """A review that is recorded; no worker has touched it yet."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(world.env())
    request = ReviewRequest(
        branch="feature",
        project=world.project,
        agent="command",
        agent_command=plan(world),
        check=("test -f done-1.txt",),
    )
    try:
        return asyncio.run(dispatch_review(request, lambda _: None)).run
    finally:
        os.environ.clear()
        os.environ.update(before)
