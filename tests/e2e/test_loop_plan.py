"""`fabrik loop plan`, `plan-work` and `plan-release`: the plan is taken over, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import git
from loop_kit import ended, kept, loop, plan_of, playbook, reports, status, subjects

# Two items at first, then a third, then nothing more to say.
PLANS = """#!/bin/sh
set -eu
cat > "$HOME/prompt"
[ -e IMPLEMENTATION_PLAN.md ] || printf '# Plan\\n\\n- [ ] one\\n- [ ] two\\n' > IMPLEMENTATION_PLAN.md
grep -q three IMPLEMENTATION_PLAN.md || [ "$FABRIK_STEP" = plan/1/session#1 ] \\
    || echo '- [ ] three' >> IMPLEMENTATION_PLAN.md
"""
COMMITS = f"{PLANS}git add -A; git commit -q -m 'My plan' || true\n"
PLAN = "IMPLEMENTATION_PLAN.md"
NO_PLAN = {"IMPLEMENTATION_PLAN.md": None}


@pytest.mark.parametrize("agent", [PLANS, COMMITS])
def test_it_plans_until_the_plan_stays(tmp_path: Path, agent: str) -> None:
    world = playbook(tmp_path, NO_PLAN)
    loop(world, "plan", agent=agent)
    ended(world, "done", "the plan stays as it is: 3 iterations, 2 changed the plan; 3 items are open")
    assert plan_of(world) == "# Plan\n\n- [ ] one\n- [ ] two\n- [ ] three\n"
    own = agent is COMMITS
    assert subjects(world) == (
        ["My plan"] * 2 if own else ["Plan: iteration 1 on main", "Plan: iteration 2 on main"]
    )
    assert status(world) == "" and git("tag", cwd=world.project) == ""


def test_the_bound_of_a_plan(tmp_path: Path) -> None:
    world = playbook(tmp_path, NO_PLAN)
    loop(world, "plan", "1", agent=PLANS)
    ended(world, "done", "the bound of 1 is reached")
    assert "three" not in plan_of(world)


@pytest.mark.parametrize("commits", [True, False])
def test_nothing_but_the_plan_is_taken_over(tmp_path: Path, commits: bool) -> None:
    world = playbook(tmp_path, NO_PLAN)
    code = 'mkdir -p src/lib; echo "code of $FABRIK_STEP" > src/lib/code.py; rm AGENTS.md; chmod +x test.sh\n'
    agent = PLANS + code + ("git add -A; git commit -q -m 'All of it'\n" if commits else "")
    done = loop(world, "plan", "2", agent=agent)
    ended(world, "done")
    assert subjects(world) == ["Plan: iteration 1", "Plan: iteration 2"]
    assert git("diff", "--name-only", "main~2", "main", cwd=world.project) == "IMPLEMENTATION_PLAN.md"
    assert status(world) == "" and not (world.project / "src/lib/code.py").exists()
    assert "left out: AGENTS.md, src/lib/code.py, test.sh" in done.stdout
    assert kept(world, "kept/iteration-2", "src/lib/code.py") == "code of plan/2/session#1"
    assert "left out: src/lib/code.py" in reports(world)[0].issues
    page = (world.home / "runs" / world.last().id / "reports/evidence.md").read_text()
    assert "left out: `AGENTS.md`, `src/lib/code.py`" in page


def test_uncommitted_work_is_seen_and_left_as_it_is(tmp_path: Path) -> None:
    world = playbook(tmp_path, NO_PLAN)
    (world.project / "specs/a.md").write_text("# A, better\n")
    (world.project / "specs/new.md").write_text("# New\n")
    git("add", "specs/new.md", cwd=world.project)
    agent = f"{PLANS}[ -e specs/new.md ] && grep -q better specs/a.md\n"
    loop(world, "plan", agent=agent)
    ended(world, "done", "3 iterations")
    assert git("diff", "--name-only", "main~2", "main", cwd=world.project) == "IMPLEMENTATION_PLAN.md"
    assert status(world).split() == ["M", "specs/a.md", "A", "specs/new.md"]
    assert (world.project / "specs/a.md").read_text() == "# A, better\n"


def test_an_uncommitted_plan_is_what_planning_begins_with(tmp_path: Path) -> None:
    world = playbook(tmp_path)
    (world.project / "IMPLEMENTATION_PLAN.md").write_text("# Mine\n\n- [ ] two of mine\n")
    (world.project / "notes.txt").write_text("mine\n")
    loop(world, "plan", "2", agent=f"#!/bin/sh\ngrep -q three {PLAN} || echo '- [ ] three' >> {PLAN}\n")
    assert plan_of(world) == "# Mine\n\n- [ ] two of mine\n- [ ] three\n"
    assert status(world) == "?? notes.txt"


def test_a_plan_whose_words_alone_change_is_done(tmp_path: Path) -> None:
    world = playbook(tmp_path)
    agent = '#!/bin/sh\nprintf "\\nSeen in $FABRIK_STEP.\\n" >> IMPLEMENTATION_PLAN.md\n'
    loop(world, "plan", agent=agent)
    ended(world, "done", "only the plan's words still change: 2 iterations")


def test_a_plan_that_never_settles_is_bounded(tmp_path: Path) -> None:
    world = playbook(tmp_path)
    agent = '#!/bin/sh\necho "- [ ] item of $FABRIK_STEP" >> IMPLEMENTATION_PLAN.md\n'
    loop(world, "plan", agent=agent)
    ended(world, "done", "the bound of 10 is reached", "13 items are open")


def test_a_plan_that_goes_in_circles_is_stopped(tmp_path: Path) -> None:
    world = playbook(tmp_path)
    agent = (
        "#!/bin/sh\nif grep -q four IMPLEMENTATION_PLAN.md; then sed -i /four/d IMPLEMENTATION_PLAN.md;"
        " else echo '- [ ] four' >> IMPLEMENTATION_PLAN.md; fi\n"
    )
    loop(world, "plan", agent=agent, status=4)
    ended(world, "blocked", "the files came back to what they were before")


def test_a_scoped_plan_on_a_work_branch(tmp_path: Path) -> None:
    world = playbook(tmp_path)
    scope = 'sign in with "OAuth" & $sessions'
    assert "the trunk" in loop(world, "plan-work", scope, agent=PLANS, status=2).stderr
    git("switch", "-q", "-c", "ralph/oauth", cwd=world.project)
    agent = PLANS + f'cp "$HOME/prompt" {tmp_path}/prompt\n'
    loop(world, "plan-work", scope, "--sandbox", "none", agent=agent)
    run = ended(world, "done", "the plan stays as it is")
    assert run.branch == "ralph/oauth" and "sign in with" in run.spec_title
    assert f'A SCOPED plan for work: "{scope}".' in (tmp_path / "prompt").read_text()
    assert git("rev-parse", "main", cwd=world.project) == git("merge-base", "main", "HEAD", cwd=world.project)


def test_a_scoped_plan_is_bounded_by_five(tmp_path: Path) -> None:
    world = playbook(tmp_path)
    git("switch", "-q", "-c", "work", cwd=world.project)
    agent = '#!/bin/sh\necho "- [ ] item of $FABRIK_STEP" >> IMPLEMENTATION_PLAN.md\n'
    loop(world, "plan-work", "all of it", agent=agent)
    ended(world, "done", "the bound of 5 is reached")


@pytest.mark.parametrize("what", ["changed", "staged", "deleted", "untracked"])
def test_a_scoped_plan_does_not_overwrite_an_uncommitted_one(tmp_path: Path, what: str) -> None:
    world = playbook(tmp_path, NO_PLAN if what == "untracked" else None)
    git("switch", "-q", "-c", "work", cwd=world.project)
    plan = world.project / "IMPLEMENTATION_PLAN.md"
    if what == "deleted":
        plan.unlink()
    else:
        plan.write_text("# Mine\n")
    if what == "staged":
        git("add", "-A", cwd=world.project)
    done = loop(world, "plan-work", "x", agent=PLANS, status=2)
    assert "changes that are not committed" in done.stderr
    assert not list(world.home.glob("runs/*"))


def test_the_default_branch_of_the_remote_is_no_work_branch(tmp_path: Path) -> None:
    world = playbook(tmp_path)
    git("branch", "-q", "-m", "trunk", cwd=world.project)
    git("clone", "-q", "--bare", str(world.project), str(tmp_path / "bare.git"), cwd=tmp_path)
    git("remote", "add", "origin", str(tmp_path / "bare.git"), cwd=world.project)
    git("fetch", "-q", "origin", cwd=world.project)
    git("remote", "set-head", "origin", "trunk", cwd=world.project)
    assert "the trunk" in loop(world, "plan-work", "x", agent=PLANS, status=2).stderr


def test_a_release_needs_an_audience(tmp_path: Path) -> None:
    world = playbook(tmp_path)
    done = loop(world, "plan-release", agent=PLANS, status=2)
    assert "there is no AUDIENCE_JTBD.md" in done.stderr
    (world.project / "AUDIENCE_JTBD.md").write_text("# Audience\n\nDesigners want palettes.\n")
    loop(world, "plan-release", "1", agent=PLANS)
    ended(world, "done")


def test_places_where_no_loop_can_be(tmp_path: Path) -> None:
    world = playbook(tmp_path)
    git("switch", "-q", "--detach", cwd=world.project)
    assert "HEAD is detached" in loop(world, "plan", agent=PLANS, status=2).stderr
    git("switch", "-q", "main", cwd=world.project)
    (world.project / ".git/MERGE_HEAD").write_text(git("rev-parse", "HEAD", cwd=world.project) + "\n")
    assert "a merge is under way" in loop(world, "plan", agent=PLANS, status=2).stderr
    (world.project / ".git/MERGE_HEAD").unlink()
    assert "--push needs a remote" in loop(world, "plan", "--push", agent=PLANS, status=2).stderr
