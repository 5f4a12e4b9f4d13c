"""What checks a spec of a backlog: the forms of its commands, where they run, and when nothing does."""

from __future__ import annotations

from pathlib import Path

import pytest
from backlog_kit import IMPLEMENT, VERIFY, Backlog
from harness import git


@pytest.fixture
def world(tmp_path: Path) -> Backlog:
    world = Backlog(tmp_path)
    world.begin()
    return world


def verified_by(world: Backlog, verification: str, *, repo: str = "Repo: repo-a") -> None:
    """The spec 0001 with this section as it is."""
    text = f"# 0001 - Do it\n\n{repo}\n\n## Verification (fast-first)\n\n{verification}\n"
    (world.ralph / "specs" / "0001-first.md").write_text(text)


def test_a_command_in_backticks_decides(world: Backlog) -> None:
    verified_by(world, "- `false`\n- run pytest -q")
    told = world.backlog("--max-attempts-per-spec", "1", status=4)
    assert "false: exit status 1" in told.stdout
    for said in (told.stderr, world.log()):
        assert "nobody runs this: run pytest -q" in said
    assert world.done("0001-first.md") is None


@pytest.mark.parametrize("verification", ["run pytest -q", "```bash\n# make test\n```", ""])
def test_what_nothing_checks_is_told_everywhere(world: Backlog, verification: str) -> None:
    verified_by(world, verification)
    told = world.backlog()
    words = "nothing but agents checks 0001-first.md"
    assert words in told.stderr and words in world.log()
    assert "checked by agents alone: 0001-first.md" in told.stdout
    assert 'checked_by="agents alone"' in world.log()
    assert "- Verified by: an agent alone; no command was run" in (world.done("0001-first.md") or "")
    assert world.last().unchecked
    assert world.status()["0001-first.md"]["unchecked"] is True
    table = world.fabrik("backlog", "status", "--dir", world.ralph).stdout
    assert "nothing but agents checked it" in table


def test_what_commands_check_is_not_told(world: Backlog) -> None:
    verified_by(world, "- `test -e done-0001.txt`")
    told = world.backlog()
    assert "agents" not in told.stdout + told.stderr
    assert "- Verified by: commands that the host ran, and an agent" in (world.done("0001-first.md") or "")
    assert world.status()["0001-first.md"]["unchecked"] is False


FROM_ABOVE = [
    "- `cd repo-a && test -e done-0001.txt`",
    "```bash\ncd repo-a\ntest -e done-0001.txt\n```",
    "```bash\n(cd ./repo-a; test -e done-0001.txt)\ntest -e repo-a/done-0001.txt\n```",
    "```bash\ngit -C repo-a log -1 --format=%s | grep -q 'Do 0001'\n```",
    "```bash\nset -o pipefail\ncd repo-a\ncd ..\ncd repo-a && ls done-*.txt | grep -q 0001\n```",
    "- `pushd repo-a > /dev/null; test -e done-0001.txt`",
]


@pytest.mark.parametrize("verification", FROM_ABOVE)
def test_commands_from_the_workspace_root(world: Backlog, verification: str) -> None:
    if "pushd" in verification:
        verification = f"```bash\nset -o pipefail\n{verification.strip('- `')}\n```"
    verified_by(world, verification)
    world.backlog("--max-attempts-per-spec", "1")
    assert "mktemp" not in (world.done("0001-first.md") or "") + world.log()
    (world.ralph / "specs" / "0001-first.md").write_text(
        "# T\n\nRepo: repo-a\n\n## Verification\n"
        + (
            verification.replace("done-0001", "none-0001")
            .replace("Do 0001", "None 0001")
            .replace("grep -q 0001", "grep -q none")
        )
    )
    world.backlog("--max-attempts-per-spec", "1", "--force", "0001-first.md", status=4)


def test_a_workdir_below_the_repository_from_the_workspace_root(world: Backlog) -> None:
    header = "Repo: repo-a\nWorkdir: repo-a/pkg"
    verified_by(world, "- `cd repo-a/pkg && test -e here.txt`\n- `cd pkg && test -e here.txt`", repo=header)
    world.backlog(agent=world.agent("mkdir pkg; touch pkg/here.txt\n" + IMPLEMENT))


def test_a_directory_of_its_own_by_that_name_is_meant(world: Backlog) -> None:
    (world.project / "repo-a").mkdir()
    (world.project / "repo-a" / "here.txt").write_text("x")
    git("add", "-A", cwd=world.project)
    git("commit", "-q", "-m", "A package of the same name", cwd=world.project)
    verified_by(world, "- `cd repo-a && test -e here.txt`")
    world.backlog()


def test_agents_are_told_where_they_are(world: Backlog) -> None:
    verified_by(world, "- `cd repo-a && test -e done-0001.txt`")
    look = 'printf %s "$PROMPT" | grep -q "says .cd repo-a. or names a path" || exit 1\n'
    agent = world.agent(look + IMPLEMENT, look + VERIFY)
    world.backlog("--max-attempts-per-spec", "1", agent=agent)


def test_the_same_failure_three_times_ends_the_spec(world: Backlog) -> None:
    verified_by(world, "- `echo never; false`")
    tries = 'echo "$FABRIK_RUN $(date +%N)" >> tries.txt\n'
    agent = world.agent(tries + IMPLEMENT)
    told = world.backlog(agent=agent, status=4).stdout
    why = "the same failure three times: echo never; false: exit status 1"
    assert why in told and why in world.log()
    assert world.sessions("implement#[0-9]*") == 3
    world.backlog(agent=agent, status=4)
    assert world.sessions("implement#[0-9]*") == 6


def test_a_failure_that_moves_has_all_its_attempts(world: Backlog) -> None:
    verified_by(world, "- `wc -l < tries.txt; test $(wc -l < tries.txt) -ge 5`")
    world.backlog(agent=world.agent("echo x >> tries.txt\n" + IMPLEMENT))
    assert world.sessions("implement#[0-9]*") == 5
