"""Agents that hang, flood, fork, lie or break things: the right verdict, bounded cost, no leftover."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import HONEST, World, git, wait_for

DO_TASK = HONEST.partition("set -eu\n")[2]


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.make_project()
    return made


def agent(body: str) -> str:
    return f"#!/bin/sh\n{body}\n"


def test_says_all_done_and_does_nothing(world: World) -> None:
    liar = agent(
        'echo "All done! <promise>COMPLETE</promise>"; echo \'{"v":1,"status":"done"}\' > $FABRIK_REPORT'
    )
    run = world.run("--auto-approve", agent=world.make_agent(liar), status=4)
    assert run.status == "blocked"
    assert "no progress" in str(run.failure_reason)
    assert len(world.events("session.started")) == 2
    assert git("branch", "--list", "spec-feature", cwd=world.project) == ""
    wait_for(lambda: not world.leftovers(), "the end of every process")


def test_claims_with_an_irrelevant_change(world: World) -> None:
    liar = agent('date +%s%N >> notes.txt; git add -A; git commit -qm "All tests pass"')
    run = world.run("--auto-approve", "--attempts", "3", agent=world.make_agent(liar), status=4)
    assert run.status == "exhausted"
    assert git("branch", "--list", "spec-feature", cwd=world.project) == ""


def test_a_check_that_proves_nothing_does_not_let_an_empty_candidate_through(world: World) -> None:
    spec = world.make_spec(tasks=1, checks=["true"])
    run = world.run("--auto-approve", spec=spec, agent=world.make_agent(agent("exit 0")), status=4)
    assert run.status == "blocked"


def test_leaves_its_work_uncommitted(world: World) -> None:
    lazy = agent('id=$(printf %s "$FABRIK_STEP" | cut -d/ -f2); echo "$id" > "done-$id.txt"')
    run = world.run("--auto-approve", agent=world.make_agent(lazy))
    assert run.status == "shipped"
    assert world.commits() == ["Do task 1", "Do task 2"]
    body = git("log", "-1", "--format=%an <%ae>%n%b", "spec-feature", cwd=world.project)
    assert "Ada <ada@example.org>" in body
    assert f"Fabrik-Run: {run.id}" in body


def test_deletes_git(world: World) -> None:
    run = world.run("--auto-approve", agent=world.make_agent(HONEST + "rm -rf .git\n"))
    assert run.status == "shipped"
    assert len(world.commits()) == 2


def test_plants_hooks_and_config(world: World) -> None:
    planted = HONEST + (
        "printf '#!/bin/sh\\ntouch /workspace/HOOKED; exit 1\\n' > .git/hooks/pre-commit\n"
        "chmod +x .git/hooks/pre-commit\n"
        "cp .git/hooks/pre-commit .git/hooks/post-checkout\n"
        "git config core.fsmonitor /workspace/evil\n"
        "git config core.hooksPath /workspace/.git/hooks\n"
        "git config filter.evil.clean 'touch /workspace/FILTERED; cat'\n"
        "echo '* filter=evil' > .git/info/attributes\n"
        "git config core.worktree /tmp\n"
    )
    run = world.run("--auto-approve", spec=world.make_spec(tasks=1), agent=world.make_agent(planted))
    assert run.status == "shipped"
    names = git("ls-tree", "-r", "--name-only", "spec-feature", cwd=world.project).split()
    assert names == ["README.md", "done-1.txt"]


def test_rewrites_history(world: World) -> None:
    rewriter = agent(
        'id=$(printf %s "$FABRIK_STEP" | cut -d/ -f2); echo "$id" > "done-$id.txt"\n'
        "git add -A; git checkout -q --orphan other; git commit -qm 'a new beginning'\n"
        "git branch -D work 2>/dev/null; true"
    )
    run = world.run("--auto-approve", agent=world.make_agent(rewriter))
    assert run.status == "shipped"
    assert len(world.commits()) == 2
    assert git("merge-base", "main", "spec-feature", cwd=world.project) == git(
        "rev-parse", "main", cwd=world.project
    )


def test_hangs(world: World) -> None:
    hanging = agent(DO_TASK + "trap '' TERM INT HUP; while :; do sleep 1000; done")
    run = world.run(
        *("--auto-approve", "--session-minutes", "0.03"),
        spec=world.make_spec(tasks=1),
        agent=world.make_agent(hanging),
    )
    assert run.status == "shipped"  # the work was there: the checks decide, not the ending
    assert [event.data["cause"] for event in world.events("session.ended")] == ["timed_out"]
    wait_for(lambda: not world.leftovers(), "the end of every process")


def test_leaves_daemons(world: World) -> None:
    forking = HONEST + "(setsid sh -c 'while :; do sleep 1; done' >/dev/null 2>&1 &)\nsleep 900 &\n"
    run = world.run("--auto-approve", agent=world.make_agent(forking))
    assert run.status == "shipped"
    wait_for(lambda: not world.leftovers(), "the end of every process")


def test_floods_stdout(world: World) -> None:
    flooding = HONEST + "yes 0123456789abcdef0123456789abcdef | head -c 1073741824\n"
    run = world.run("--auto-approve", spec=world.make_spec(tasks=1), agent=world.make_agent(flooding))
    assert run.status == "shipped"
    logs = list((world.home / "runs" / run.id / "logs").rglob("stdout.log"))
    assert logs
    assert all(log.stat().st_size < 64 << 20 for log in logs)


def test_writes_long_lines_and_invalid_text(world: World) -> None:
    junk = HONEST + "head -c 300000 /dev/zero | tr '\\0' x\nprintf '\\377\\376\\n\\033]0;title\\007'\n"
    run = world.run("--auto-approve", agent=world.make_agent(junk))
    assert run.status == "shipped"
    shown = world.fabrik("runs", "logs", run.id, "--step", "task/1/implement#1").stdout
    assert "\x1b" not in shown


def test_crashes_each_time(world: World) -> None:
    run = world.run("--auto-approve", agent=world.make_agent(agent("kill -9 $$")), status=1)
    assert run.status == "failed"
    assert len(world.events("session.started")) == 4  # once, and three retries
    assert "crashed" in str(run.failure_reason)


def test_crashes_once_and_then_works(world: World) -> None:
    flaky = HONEST.replace(
        "set -eu\n", 'case "$FABRIK_STEP" in */retry*) ;; *) echo x > half.txt; kill -9 $$ ;; esac\n'
    )
    run = world.run("--auto-approve", agent=world.make_agent(flaky))
    assert run.status == "shipped"
    assert len(world.commits()) == 2
    names = git("ls-tree", "-r", "--name-only", "spec-feature", cwd=world.project).split()
    assert "half.txt" not in names  # a crashed session starts again from clean …
    saved = git(
        "for-each-ref",
        "--format=%(refname)",
        "refs/fabrik/saved",
        cwd=world.home / "runs" / run.id / "repo.git",
    )
    assert "half.txt" in git(
        *("ls-tree", "-r", "--name-only", saved.split()[0]), cwd=world.home / "runs" / run.id / "repo.git"
    )  # … and what it left is kept


def test_asks_the_human(world: World) -> None:
    asking = agent(
        'echo \'{"v":1,"taskId":"1","status":"blocked","next":["Which colour?"]}\' > $FABRIK_REPORT'
    )
    run = world.run("--auto-approve", agent=world.make_agent(asking), status=4)
    assert run.status == "blocked"
    assert "Which colour?" in str(run.failure_reason)


def test_edits_a_check_that_is_a_file_of_the_project_and_held_out_tests_catch_it(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.make_project({"check.sh": "test -f feature.txt\n"})
    hidden = tmp_path / "specs" / "hidden.sh"
    hidden.parent.mkdir()
    hidden.write_text("test -f feature.txt && ! test -e never\n")
    spec = world.make_spec(
        tasks=1,
        checks=["sh check.sh"],
        holdout=[{"name": "hidden", "run": "sh hidden.sh", "files": {"hidden.sh": "hidden.sh"}}],
    )
    liar = agent(
        'echo true > check.sh; git commit -qam "Fix"; find / -name hidden.sh 2>/dev/null > found.txt; exit 0'
    )
    run = world.run("--auto-approve", "--attempts", "2", spec=spec, agent=world.make_agent(liar), status=4)
    assert run.status in ("blocked", "exhausted")
    assert world.events("candidate")  # its own check was fooled, the held-out one was not
    names = git(
        "ls-tree", "-r", "--name-only", str(run.candidate), cwd=world.home / "runs" / run.id / "repo.git"
    )
    assert "hidden.sh" not in names
