"""`fabrik review`: which commits are reviewed, and when there is nothing to review."""

from __future__ import annotations

from pathlib import Path

import pytest
from branch_kit import branched, commit, refused, review
from harness import World, git
from review_kit import few, plan, reports


@pytest.fixture
def world(tmp_path: Path) -> World:
    return branched(tmp_path)


def test_branches_with_nothing_to_review(world: World) -> None:
    project = world.project
    git("branch", "merged", "main~1", cwd=project)
    assert "has nothing that the base" in refused(world, branch="merged")
    assert "is the base itself" in refused(world, branch="main")
    git("checkout", "-q", "-b", "empty", cwd=project)
    git("commit", "-q", "--allow-empty", "-m", "nothing", cwd=project)
    assert "changes no file" in refused(world, branch="empty")
    git("checkout", "-q", "--orphan", "stranger", cwd=project)
    git("commit", "-q", "-m", "another history", cwd=project)
    assert "no history in common" in refused(world, branch="stranger")
    assert "there is no commit 'nowhere'" in refused(world, branch="nowhere")
    assert "there is no commit 'nowhere'" in refused(world, "--base", "nowhere")


def test_names_that_are_empty_are_not_taken_for_something_else(world: World) -> None:
    """As of a variable that is not set in a script: git would take it for HEAD, fabrik for all reviewers."""
    git("checkout", "-q", "feature", cwd=world.project)
    assert "names no branch" in refused(world, branch="")
    assert "names no reviewer" in refused(world, "--reviewers", ",")


def test_a_clone_without_its_history_says_so(world: World) -> None:
    clone = world.directory / "shallow"
    url = f"file://{world.project}"
    git("clone", "-q", "--depth=1", "--no-single-branch", url, str(clone), cwd=world.directory)
    done = world.fabrik(
        *("review", "--branch", "origin/feature", "--project", clone),
        *("--agent", "command", "--agent-command", plan(world)),
        status=2,
    )
    assert "no history in common" in done.stderr and "git fetch --unshallow" in done.stderr


@pytest.mark.parametrize("remote_first", [True, False])
def test_the_default_base_is_the_nearer_of_local_and_remote(world: World, remote_first: bool) -> None:
    """A local main that is old, and one that has what was not pushed."""
    clone = world.directory / "clone"
    git("clone", "-q", str(world.project), str(clone), cwd=world.directory)
    git("config", "user.name", "Ada", cwd=clone)
    git("config", "user.email", "ada@example.org", cwd=clone)
    other = World(world.directory)
    if remote_first:
        git("checkout", "-q", "-b", "mine", cwd=clone)
        git("branch", "-q", "-f", "main", "HEAD~1", cwd=clone)
    else:
        (clone / "unpushed.txt").write_text("x")
        git("add", "-A", cwd=clone)
        git("commit", "-q", "-m", "unpushed", cwd=clone)
        git("checkout", "-q", "-b", "mine", cwd=clone)
    fork = git("rev-parse", "HEAD", cwd=clone)
    (clone / "mine.txt").write_text("x")
    git("add", "-A", cwd=clone)
    git("commit", "-q", "-m", "mine", cwd=clone)
    done = other.fabrik(
        *(
            "review",
            "--branch",
            "mine",
            "--project",
            clone,
            "--agent",
            "command",
            "--agent-command",
            plan(other),
        )
    )
    assert other.last().base_commit == fork, done.stdout


def test_a_project_at_an_address(world: World) -> None:
    few(world, "security")
    world.fabrik(
        *("review", "--branch", "feature", "--repo", f"file://{world.project}"),
        *("--review-agent", "command", "--review-agent-command", plan(world)),
    )
    assert world.last().candidate == git("rev-parse", "feature", cwd=world.project)


def test_the_exact_commit_counts_though_the_branch_moves(world: World) -> None:
    review(world, "--detach", agent=plan(world, {"security": ["approve"]}))
    tip = git("rev-parse", "feature", cwd=world.project)
    git("checkout", "-q", "feature", cwd=world.project)
    commit(world, {"later.txt": "x\n"}, "Later")
    world.fabrik("run", "attach", "last")
    assert world.last().candidate == tip
    assert all(report.commit == tip for report in reports(world))
