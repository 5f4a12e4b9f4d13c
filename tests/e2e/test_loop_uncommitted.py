"""What is not committed when a loop begins: told by name, no secrets, refused where it cannot land."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import World, git
from loop_kit import HONEST, ended, loop, playbook, status, subjects


def with_secrets(directory: Path) -> World:
    world = playbook(directory)
    (world.project / ".env.local").write_text("KEY=1\n")
    (world.project / "notes").mkdir()
    (world.project / "notes/n.txt").write_text("private\n")
    return world


def test_secrets_stay_and_the_rest_is_named(tmp_path: Path) -> None:
    world = with_secrets(tmp_path)
    agent = HONEST.replace("git add -A", "ls -A > seen.txt; git add -A")
    said = loop(world, "build", "1", agent=agent).stderr
    assert "uncommitted changes in 1 file: notes/n.txt" in said and "is committed, as" in said
    assert "look like those of secrets: .env.local" in said
    assert ".env.local" not in (world.project / "seen.txt").read_text()
    assert "notes" in (world.project / "seen.txt").read_text()
    assert status(world) == "?? .env.local" and (world.project / ".env.local").read_text() == "KEY=1\n"
    assert ".env.local" not in git("log", "--name-only", "--format=", "main", cwd=world.project)


def test_what_git_does_not_track_is_pushed_only_when_asked(tmp_path: Path) -> None:
    world = with_secrets(tmp_path)
    bare = tmp_path / "bare.git"
    git("init", "-q", "--bare", "-b", "main", str(bare), cwd=tmp_path)
    git("remote", "add", "origin", str(bare), cwd=world.project)
    said = loop(world, "build", "1", "--push", status=2).stderr
    assert "notes/n.txt" in said and ".gitignore" in said and "--include-untracked" in said
    assert not list(world.home.glob("runs/*")) and subjects(world) == []
    said = loop(world, "build", "1", "--push", "--include-untracked").stderr
    assert "is committed and pushed" in said
    pushed = git("ls-tree", "-r", "--name-only", "main", cwd=bare).splitlines()
    assert "notes/n.txt" in pushed and ".env.local" not in pushed


def test_a_secret_that_the_work_would_overwrite_is_in_the_way(tmp_path: Path) -> None:
    world = playbook(tmp_path)
    (world.project / ".env.local").write_text("KEY=1\n")
    agent = HONEST.replace("git add -A", "echo KEY=2 > .env.local; git add -A")
    loop(world, "build", "1", agent=agent, status=4)
    run = ended(world, "blocked", ".env.local has changes here that are not committed")
    assert "meanwhile" not in (run.failure_reason or "")
    assert (world.project / ".env.local").read_text() == "KEY=1\n"


@pytest.mark.parametrize("mode", ["plan", "plan-work", "build"])
def test_a_plan_that_git_has_in_two_ways_is_refused(tmp_path: Path, mode: str) -> None:
    world = playbook(tmp_path)
    git("switch", "-q", "-c", "work", cwd=world.project)
    git("rm", "-q", "--cached", "IMPLEMENTATION_PLAN.md", cwd=world.project)
    words = ["x"] if mode == "plan-work" else []
    said = loop(world, mode, *words, status=2).stderr
    assert "in two ways" in said and "IMPLEMENTATION_PLAN.md" in said
    assert not list(world.home.glob("runs/*"))


def test_a_plan_that_git_ignores_cannot_be_planned(tmp_path: Path) -> None:
    world = playbook(tmp_path, {"IMPLEMENTATION_PLAN.md": None, ".gitignore": "IMPLEMENTATION_PLAN.md\n"})
    assert "is ignored by git" in loop(world, "plan", "1", status=2).stderr
