"""`fabrik loop build`: checked by the host, landed on the user's branch, until there is a reason to stop."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import git, wait_for
from loop_kit import HONEST, ended, kept, loop, plan_of, playbook, reports, status, subjects


def test_a_plan_is_built_to_its_end(tmp_path: Path) -> None:
    """The playbook's own files, used unchanged: a commit for each item, tags, files and index in step."""
    world = playbook(tmp_path)
    done = loop(world, "build")
    ended(world, "done", "the plan has no open item: 3 iterations, 3 landed")
    assert subjects(world) == ["Do the first thing", "Do the second thing", "Do the third thing"]
    assert status(world) == ""
    assert "- [ ]" not in plan_of(world)
    assert sorted(path.name for path in (world.project / "out").iterdir()) == [
        "first-thing", "second-thing", "third-thing",
    ]  # fmt: skip
    tags = git("for-each-ref", "--format=%(refname:lstrip=2) %(subject)", "refs/tags", cwd=world.project)
    assert tags.splitlines() == [
        "0.0.0 Do the first thing", "0.0.1 Do the second thing", "0.0.2 Do the third thing",
    ]  # fmt: skip
    assert git("config", "--get-regexp", "fabrik", cwd=world.project, check=False) == ""
    assert git("branch", "--list", cwd=world.project) == "* main"
    assert "first thing" in done.stdout and "0.0.2" in done.stdout
    assert not world.leftovers()


def test_the_bound(tmp_path: Path) -> None:
    world = playbook(tmp_path)
    loop(world, "build", "2", "--no-tag")
    ended(world, "done", "the bound of 2 is reached: 2 iterations, 2 landed; 1 item is open")
    assert subjects(world) == ["Do the first thing", "Do the second thing"]
    assert git("tag", cwd=world.project) == ""


def test_the_prompt_is_the_users_own(tmp_path: Path) -> None:
    own = "My prompt for ${BRANCH}, ${ITERATION}, $HOME and ${OTHER}.\n\n\t99. Keep this.\n"
    world = playbook(tmp_path, {"PROMPT_build.md": own})
    keep = f'#!/bin/sh\ncat > "{tmp_path}/prompt-$(echo "$FABRIK_STEP" | tr "/#" "--")"\n'
    loop(world, "build", "2", "--sandbox", "none", agent=keep, status=None)
    first = (tmp_path / "prompt-build-1-session-1").read_text()
    expected = own.replace("${BRANCH}", "main").replace("${ITERATION}", "1").rstrip()
    assert first.startswith(f"{expected}\n\n---\n")
    assert "sh test.sh" in first and "iteration 1 of 2" in first
    assert "iteration 2 of 2" in (tmp_path / "prompt-build-2-session-1").read_text()


FIXES = """#!/bin/sh
set -eu
cat > "$HOME/prompt"
if grep -q 'is not done yet' "$HOME/prompt"; then
    grep -q 'bad: out/first-thing' "$HOME/prompt"
    echo ok > out/first-thing
else
    mkdir -p out
    echo wrong > out/first-thing
    sed -i 's/- \\[ \\] first/- [x] first/' IMPLEMENTATION_PLAN.md
fi
git add -A
git commit -q -m "Session of $FABRIK_STEP"
"""


def test_what_fails_goes_back_to_a_fresh_session_with_its_output(tmp_path: Path) -> None:
    world = playbook(tmp_path)
    loop(world, "build", "1", agent=FIXES)
    ended(world, "done")
    assert subjects(world) == ["Session of build/1/session#1", "Session of build/1/session#2"]
    assert [(one.status, one.commit is not None) for one in reports(world)] == [
        ("failed", True),
        ("done", True),
    ]
    assert (world.project / "out/first-thing").read_text() == "ok\n"


def test_what_is_not_accepted_is_kept_aside_and_the_same_failure_stops_the_loop(tmp_path: Path) -> None:
    world = playbook(tmp_path)
    agent = "#!/bin/sh\nmkdir -p out; echo wrong > out/x; git add -A; git commit -q -m wrong\n"
    loop(world, "build", "--attempts", "1", agent=agent, status=4)
    run = ended(
        world, "blocked", "no progress in iterations 2, 3 and 4", "the same failure came again", "Tests"
    )
    assert "~" not in (run.failure_reason or "")
    assert subjects(world) == [] and status(world) == "" and git("tag", cwd=world.project) == ""
    assert kept(world, "kept/iteration-4", "out/x") == "wrong"
    assert "kept/iteration-1" in world.fabrik("runs", "show", "last", "--events").stdout


def test_slow_progress_goes_on(tmp_path: Path) -> None:
    """Code lands and no item is finished: that is no reason to stop."""
    world = playbook(tmp_path)
    agent = (
        "#!/bin/sh\nmkdir -p out; n=$(ls out | wc -l); echo ok > out/$n; git add -A; git commit -q -m more\n"
    )
    loop(world, "build", "6", agent=agent)
    ended(world, "done", "the bound of 6 is reached: 6 iterations, 6 landed; 3 items are open")


@pytest.mark.parametrize(
    ("agent", "reason"),
    [
        ("#!/bin/sh\ntrue\n", "the session changed nothing"),
        (
            '#!/bin/sh\necho "- [ ] $FABRIK_STEP $(date)" >> IMPLEMENTATION_PLAN.md; git commit -qam words\n',
            "only the words of the plan changed",
        ),
        (
            "#!/bin/sh\nif [ -e flag ]; then git rm -q flag; else echo ok > flag; git add flag; fi\n"
            "git commit -qm x\n",
            "the files came back",
        ),
    ],
)
def test_no_progress_stops_and_can_be_waved_through(tmp_path: Path, agent: str, reason: str) -> None:
    world = playbook(tmp_path)
    loop(world, "build", agent=agent, status=4)
    ended(world, "blocked", reason)
    first = len(reports(world))
    world.fabrik("run", "resume", "last", status=4)
    ended(world, "blocked", reason)
    assert len(reports(world)) >= 2 * first - 1


def test_uncommitted_work_is_a_commit_of_its_own(tmp_path: Path) -> None:
    world = playbook(tmp_path)
    (world.project / "specs/a.md").write_text("# A, better\n")
    (world.project / "notes.txt").write_text("mine\n")
    done = loop(world, "build", "1")
    assert "uncommitted changes" in done.stderr
    assert subjects(world) == ["Uncommitted work, as it was when the loop began", "Do the first thing"]
    assert status(world) == ""
    assert git("show", "--name-only", "--format=", "main^", cwd=world.project).split() == [
        "notes.txt",
        "specs/a.md",
    ]


def test_uncommitted_work_stays_when_nothing_lands(tmp_path: Path) -> None:
    world = playbook(tmp_path)
    (world.project / "notes.txt").write_text("mine\n")
    loop(world, "build", agent="#!/bin/sh\ntrue\n", status=4)
    assert subjects(world) == [] and status(world) == "?? notes.txt"


NEEDS_TESTS = (
    "# Plan\n\n- [ ] first thing\n  Required tests: tests/first.sh\n- [ ] second thing\n"
    "  Required tests: a wrong word is refused\n"
)


def test_an_item_without_its_required_tests_is_not_done(tmp_path: Path) -> None:
    world = playbook(
        tmp_path,
        {
            "IMPLEMENTATION_PLAN.md": NEEDS_TESTS,
            "test.sh": 'for f in tests/*.sh; do [ ! -e "$f" ] || . "./$f"; done\n',
        },
    )
    agent = HONEST.replace(
        "git add -A",
        'if grep -q "without the tests" "$HOME/prompt"; then mkdir -p tests; '
        'echo "test_it() { true; }" > "tests/$(echo $item | cut -d" " -f1).sh"; fi\ngit add -A',
    ).replace(
        "item=$(",
        'grep -q "is not done yet" "$HOME/prompt" && item=$(git log -1 --format=%s | cut -c8-) || item=$(',
    )
    agent = agent.replace("git commit -q", "git commit -q --allow-empty")
    loop(world, "build", agent=agent)
    ended(world, "done", "the plan has no open item: 2 iterations")
    found = reports(world)
    assert [one.status for one in found] == ["failed", "done", "failed", "done"]
    assert found[0].issues == ("required tests: first thing: there is no tests/first.sh",)
    assert "no test was added for: a wrong word is refused" in found[2].issues[0]
    assert (world.project / "tests/first.sh").exists() and (world.project / "tests/second.sh").exists()


def test_no_checks_are_told_loudly_and_make_no_tag(tmp_path: Path) -> None:
    world = playbook(tmp_path, {"AGENTS.md": "Be kind.\n"})
    done = loop(world, "build", "1")
    assert "NOTHING CHECKS THE WORK" in done.stderr
    assert subjects(world) == ["Do the first thing"] and git("tag", cwd=world.project) == ""
    assert "unchecked" in world.fabrik("runs", "list").stdout


def test_an_agent_that_changes_the_checks_changes_nothing_about_this_loop(tmp_path: Path) -> None:
    world = playbook(tmp_path)
    agent = (
        "#!/bin/sh\nsed -i 's/sh test.sh/true/' AGENTS.md; mkdir -p out; echo wrong > out/x; git add -A;"
        " git commit -qm cheat\n"
    )
    done = loop(world, "build", "2", "--attempts", "1", agent=agent, status=4)
    assert subjects(world) == [] and "AGENTS.md names other checks now" in done.stdout


def test_a_git_directory_that_the_agent_destroyed(tmp_path: Path) -> None:
    world = playbook(tmp_path)
    agent = HONEST.replace("git add -A\n", "rm -rf .git\nexit 0\n")
    loop(world, "build", "2", agent=agent)
    ended(world, "done", "2 landed")
    assert subjects(world) == ["Build: iteration 1 on main", "Build: iteration 2 on main"]
    assert status(world) == "" and (world.project / "out/second-thing").exists()


def test_a_question_stops_the_loop(tmp_path: Path) -> None:
    world = playbook(tmp_path)
    agent = """#!/bin/sh
cat > "$HOME/prompt"
if grep -q 'Blue, please' "$HOME/prompt"; then
    mkdir -p out; echo ok > out/blue; git add -A; git commit -qm Blue; exit 0
fi
echo '{"v":1,"status":"blocked","issues":["no colour"],"next":["which colour?"]}' > "$FABRIK_REPORT"
"""
    loop(world, "build", "1", agent=agent, status=4)
    ended(world, "blocked", "iteration 1 needs an answer", "which colour?")
    world.fabrik("feedback", "last", "--notes", "Blue, please")
    world.fabrik("run", "resume", "last", status=None)
    ended(world, "done", "1 landed")
    assert subjects(world) == ["Blue"]


def test_what_the_pages_say_of_a_loop(tmp_path: Path) -> None:
    world = playbook(tmp_path)
    loop(world, "build", "2")
    shown = world.fabrik("runs", "show", "last").stdout
    assert "loop-build" in shown and "the bound of 2 is reached" in shown and "UNREVIEWED" not in shown
    assert "first thing" in shown
    listed = world.fabrik("runs", "list").stdout
    assert "iteration 2/2 · 1 open, 2 done" in listed
    why = world.fabrik("why", "last").stdout
    assert "the bound of 2" in why
    page = (world.home / "runs" / world.last().id / "reports/evidence.md").read_text()
    assert "| 1 | landed |" in page and "| 2 | landed |" in page and "0.0.1" in page
    assert "UNREVIEWED" not in page and "Sealed inputs" in page


def test_layouts_are_asked_for_what_is_missing(tmp_path: Path) -> None:
    world = playbook(tmp_path, {"IMPLEMENTATION_PLAN.md": None})
    done = loop(world, "build", status=2)
    assert "there is no IMPLEMENTATION_PLAN.md" in done.stderr and "fabrik loop plan" in done.stderr
    assert not list(world.home.glob("runs/*"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["sing"], "there is no mode"),
        (["build", "many"], "no number of iterations"),
        (["build", "1", "2"], "no number of iterations"),
        (["plan-work"], "needs a description"),
        (["plan-work", "5"], "needs a description"),
        (["build", "--agent", "claude", "--agent-command", "x"], "not for --agent claude"),
    ],
)
def test_mistakes_on_the_command_line(tmp_path: Path, words: list[str], said: str) -> None:
    world = playbook(tmp_path)
    assert said in world.fabrik("loop", *words, "--project", world.project, status=2).stderr


def test_a_second_loop_on_the_same_branch_is_refused(tmp_path: Path) -> None:
    world = playbook(tmp_path)
    loop(world, "build", "--detach", agent="#!/bin/sh\nsleep 600\n")
    wait_for(lambda: world.events("session.started"), "the agent of the first")
    assert "is at work on main already" in loop(world, "build", status=2).stderr
    world.fabrik("run", "cancel", "last")
    ended(world, "cancelled")
