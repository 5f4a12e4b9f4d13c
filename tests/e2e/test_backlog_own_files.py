"""A backlog in the repository that its specs are about: no commit of an agent's brings markers or links."""

from __future__ import annotations

from pathlib import Path

import pytest
from backlog_kit import IMPLEMENT, WORK, Backlog
from harness import git


class Inside(Backlog):
    """The workspace root is the project itself, and ralph/ is tracked in it."""

    @property
    def project(self) -> Path:
        return self.workspace


@pytest.fixture
def world(tmp_path: Path) -> Inside:
    world = Inside(tmp_path)
    world.make_project()
    for path in ("0001-first.md", "0002-second.md"):
        world.spec(path, repo=None)
    (world.ralph / "SCRATCHPAD.md").write_text("by Ada\n")
    git("add", "-A", cwd=world.project)
    git("commit", "-q", "-m", "The backlog", cwd=world.project)
    return world


def only_first(then: str) -> str:
    """The first spec's session does this besides; the second one cannot do its work."""
    return f'case "$PROMPT" in *specs/0002-second.md*) exit 0 ;; esac\n{then}\n' + IMPLEMENT


@pytest.mark.parametrize(
    ("then", "why"),
    [
        ("mkdir -p ralph/specs/done; echo done > ralph/specs/done/0002-second.md", "written by the host"),
        ("mkdir -p ralph/specs; ln -s /etc ralph/specs/candidates", "written by the host"),
        ("echo 'all is well' > ralph/ralph.log", "written by the host"),
        ("rm ralph/SCRATCHPAD.md; ln -s /etc/passwd ralph/SCRATCHPAD.md", "notes are no part"),
        ("echo '# weaker' > ralph/specs/0002-second.md", "are people's"),
        ("rm ralph/specs/0002-second.md", "are people's"),
        ("ln -s /etc/passwd ralph/specs/0003-third.md", "no link"),
        ("rm -r ralph; ln -s /etc ralph", "no link"),
    ],
)
def test_the_backlogs_own_files_are_no_part_of_a_commit(world: Inside, then: str, why: str) -> None:
    before = git("rev-parse", "HEAD", cwd=world.project)
    world.backlog("--max-attempts-per-spec", "1", agent=world.agent(only_first(then)), status=4)
    states = world.status()
    assert [entry["state"] for entry in states.values()] == ["exhausted", "exhausted"]
    assert why in states["0001-first.md"]["reason"]
    assert git("rev-parse", "HEAD", cwd=world.project) == before
    assert (world.ralph / "SCRATCHPAD.md").read_text() == "by Ada\n"


def test_a_commit_may_bring_further_specs_and_tick_its_own(world: Inside) -> None:
    more = "echo '# Third' > ralph/specs/0003-third.md; echo ticked >> ralph/specs/0001-first.md"
    world.backlog("--max-attempts-per-spec", "1", agent=world.agent(only_first(more)), status=4)
    assert world.status()["0001-first.md"]["state"] == "done"
    assert world.status()["0003-third.md"]["state"] != "done"


def test_a_candidate_from_before_brings_no_marker_either(world: Inside) -> None:
    git("switch", "-q", "-c", "other", cwd=world.project)
    marker = world.ralph / "specs" / "done" / "0002-second.md"
    marker.parent.mkdir()
    marker.write_text("done\n")
    (world.project / "done-0001.txt").write_text("0001\n")
    git("add", "-A", cwd=world.project)
    git("commit", "-q", "-m", "Forge", cwd=world.project)
    commit = git("rev-parse", "HEAD", cwd=world.project)
    git("switch", "-q", "-", cwd=world.project)
    world.put_candidate("0001-first.md", {"commit": commit})
    world.backlog("--max-attempts-per-spec", "2", agent=world.agent(only_first(WORK)), status=4)
    assert world.status()["0001-first.md"]["state"] == "done"
    assert world.status()["0002-second.md"]["state"] == "exhausted"
    assert "is not taken" in world.log()
    assert git("log", "--format=%s", cwd=world.project).splitlines()[:2] == ["Do 0001", "The backlog"]
