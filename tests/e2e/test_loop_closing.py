"""Items closed without work, plans that vanish, tests that nobody runs: none of these is finished."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import git
from loop_kit import HONEST, ended, kept, loop, plan_of, playbook, reports, status, subjects

PLAN = "IMPLEMENTATION_PLAN.md"


def session(script: str) -> str:
    return f"#!/bin/sh\ncat > \"$HOME/prompt\"\n{script}\ngit add -A; git commit -qm 'All done' || true\n"


@pytest.mark.parametrize(
    ("script", "why", "restored"),
    [
        (f"sed -i 's/\\[ \\]/[x]/' {PLAN}", "nothing but planning text was changed", False),
        (
            f"sed -i 's/\\[ \\]/[x]/' {PLAN}; echo note >> NOTES.md; echo more >> specs/a.md",
            "planning text",
            False,
        ),
        (f"printf '# Plan\\n' > {PLAN}", "it has vanished from the plan", True),
        (
            f"printf '# Plan\\n\\nAll is well.\\n' > {PLAN}; echo 1 > code",
            "it has vanished from the plan",
            True,
        ),
        (f"sed -i '/first/d' {PLAN}", "first thing: it has vanished from the plan", True),
        (f"sed -i 's/\\[ \\]/[-]/' {PLAN}; echo 1 > code", "it was put off", True),
        (f"git rm -q {PLAN}; echo 1 > code", f"{PLAN} is gone", True),
        (f": > {PLAN}; echo 1 > code", f"{PLAN} is empty", True),
        (f"mv {PLAN} p; ln -s p {PLAN}; sed -i 's/\\[ \\]/[x]/' p", f"{PLAN} is a symbolic link", True),
        (f"chmod +x {PLAN}; echo 1 > code", f"{PLAN} is executable", True),
        (f"printf '\\0\\1' > {PLAN}; echo 1 > code", f"{PLAN} is not text", True),
        (
            f"rm -rf specs src; sed -i 's/\\[ \\] first/[x] first/' {PLAN}",
            "all that was done is deleting",
            False,
        ),
    ],
)
def test_closing_without_work_is_not_done(tmp_path: Path, script: str, why: str, restored: bool) -> None:
    world = playbook(tmp_path, {"src/a.py": "x = 1\n"})
    done = loop(world, "build", "2", "--attempts", "1", agent=session(script), status=4)
    ended(world, "blocked", "2 iterations, 0 landed; 3 items are open", why)
    assert subjects(world) == [] and git("tag", cwd=world.project) == "" and "- [ ] first" in plan_of(world)
    assert "iteration 1 is not accepted" in done.stdout and why in done.stdout
    assert any(why in issue for issue in reports(world)[0].issues)


def test_the_reason_goes_back_and_a_lost_plan_is_there_again(tmp_path: Path) -> None:
    world = playbook(tmp_path)
    cheats = (
        f'if [ "$FABRIK_STEP" = build/1/session#1 ]; then git rm -q {PLAN}; git commit -qm Lost; exit 0; fi\n'
    )
    cheats += f"[ -e {PLAN} ]\n"
    agent = HONEST.replace("item=$(", f'{cheats}cp "$HOME/prompt" "{tmp_path}/prompt"\nitem=$(', 1)
    loop(world, "build", "1", "--sandbox", "none", agent=agent)
    ended(world, "done", "1 landed")
    prompt = (tmp_path / "prompt").read_text()
    assert f"{PLAN} is gone" in prompt and "there again as it was" in prompt
    assert plan_of(world).startswith("# Plan\n\n- [x] first thing\n- [ ] second")


def test_items_about_texts_and_about_removing_are_done_so(tmp_path: Path) -> None:
    plan = "- [ ] Say in the README how it is used\n- [ ] Remove the old module\n"
    world = playbook(tmp_path, {PLAN: plan, "old.py": "x = 1\n"})
    script = (
        "if [ -e README.md ]; then git rm -q old.py; else echo 'Use it.' > README.md; fi\n"
        f"n=$(grep -n '\\[ \\]' {PLAN} | head -n 1 | cut -d: -f1); sed -i \"${{n}}s/\\[ \\]/[x]/\" {PLAN}"
    )
    loop(world, "build", agent=session(script))
    ended(world, "done", "the plan has no open item: 2 iterations, 2 landed")


def test_several_items_at_once_are_told(tmp_path: Path) -> None:
    world = playbook(tmp_path)
    done = loop(world, "build", agent=session(f"echo 1 > code; sed -i 's/\\[ \\]/[x]/' {PLAN}"))
    ended(world, "done", "the plan has no open item")
    assert "closes 3 items at once" in done.stdout


ASIDE = "holds no test that is not skipped"
REQUIRES = "- [ ] write add. Required tests: `tests/test_add.py`\n"
UNITTEST = "## Validation\n\n- Tests: `python3 -m unittest discover -s tests`\n"
OTHER = "import unittest\n\nclass T(unittest.TestCase):\n    def test_ok(self): pass\n"
GOOD = (
    "import unittest\n\n\nclass A(unittest.TestCase):\n    def test_add(self):\n"
    "        self.assertEqual(1 + 1, 2)\n"
)


def _adds(test: str, where: str = "tests/test_add.py") -> str:
    return (
        f"mkdir -p $(dirname {where}); cat > {where} <<'END'\n{test}END\n"
        f"echo 'def add(a, b): return a + b' > add.py\n"
        f"sed -i 's/\\[ \\]/[x]/' {PLAN}"
    )


@pytest.mark.parametrize(
    ("test", "why"),
    [
        ("# todo\n", "tests/test_add.py holds no test"),
        (
            GOOD.replace("    def test", "    @unittest.skip('later')\n    def test"),
            ASIDE,
        ),
        ("# def test_add():\n#     assert 1\n", "tests/test_add.py holds no test"),
        ("def test_add():\n    assert 0\n", "no check runs tests/test_add.py"),
        (
            GOOD.replace("self.assert", "self.skipTest('x')\n        self.assert"),
            ASIDE,
        ),
        (
            GOOD.replace("self.assert", "if 1 + 1 == 2:\n            return\n        self.assert"),
            "no check runs tests/test_add.py",
        ),
    ],
)
def test_a_required_test_is_there_and_run(tmp_path: Path, test: str, why: str) -> None:
    world = playbook(tmp_path, {PLAN: REQUIRES, "AGENTS.md": UNITTEST, "tests/test_ok.py": OTHER})
    loop(world, "build", "1", "--attempts", "1", agent=session(_adds(test)), status=4)
    ended(world, "blocked", why)
    assert subjects(world) == []
    assert kept(world, "kept/iteration-1", "add.py")


def test_a_required_test_that_checks_run_is_enough_even_without_other_work(tmp_path: Path) -> None:
    files = {PLAN: REQUIRES, "AGENTS.md": UNITTEST, "tests/test_add.py": GOOD, "tests/test_ok.py": OTHER}
    world = playbook(tmp_path, files)
    done = loop(world, "build", agent=session(f"sed -i 's/\\[ \\]/[x]/' {PLAN}"))
    ended(world, "done", "the plan has no open item: 1 iteration, 1 landed")
    assert "✗" not in done.stdout  # that tests were made to fail is nobody's news
    assert git("show", "main:tests/test_add.py", cwd=world.project).strip() == GOOD.strip()


def test_each_of_several_required_tests_is_asked_about(tmp_path: Path) -> None:
    plan = "- [ ] add\n  Required tests: `tests/test_a.py::test_add`, `elsewhere/test_b.py`\n"
    world = playbook(tmp_path, {PLAN: plan, "AGENTS.md": UNITTEST, "tests/test_ok.py": OTHER})
    script = f"{_adds(GOOD, 'elsewhere/test_b.py')}\n{_adds(GOOD, 'tests/test_a.py')}"
    loop(world, "build", "1", "--attempts", "1", agent=session(script), status=4)
    run = ended(world, "blocked", "no check runs elsewhere/test_b.py")
    assert "test_a.py" not in (run.failure_reason or "")


def test_a_plan_that_sessions_cannot_work_with_is_refused_at_once(tmp_path: Path) -> None:
    world = playbook(tmp_path, {PLAN: None, "plans/mine.md": "- [ ] one\n"})
    (world.project / PLAN).symlink_to("plans/mine.md")
    for mode in ("build", "plan"):
        assert f"{PLAN} is a symbolic link" in loop(world, mode, status=2).stderr
    (world.project / PLAN).unlink()
    (world.project / PLAN).write_text("- [ ] one\n")
    (world.project / ".gitignore").write_text(f"{PLAN}\n")
    for mode in ("build", "plan"):
        assert f"{PLAN} is ignored by git" in loop(world, mode, status=2).stderr
    assert not list(world.home.glob("runs/*"))


@pytest.mark.parametrize(
    ("script", "why"),
    [
        (f"rm {PLAN}", f"{PLAN} is gone"),
        (f": > {PLAN}", f"{PLAN} is empty"),
        (f"rm {PLAN}; ln -s specs/a.md {PLAN}", f"{PLAN} is a symbolic link"),
        (f"chmod +x {PLAN}; echo '- [ ] x' >> {PLAN}", f"{PLAN} is executable"),
        (f"printf 'a\\0b' > {PLAN}", f"{PLAN} is not text"),
        (f"yes -- '- [ ] item' | head -c 2000000 > {PLAN}", f"{PLAN} is larger than 1 MiB"),
    ],
)
def test_what_is_no_plan_is_not_taken_over(tmp_path: Path, script: str, why: str) -> None:
    world = playbook(tmp_path)
    before = plan_of(world)
    done = loop(world, "plan", "2", agent=session(script), status=4)
    ended(world, "blocked", why)
    assert plan_of(world) == before and subjects(world) == [] and status(world) == "" and why in done.stdout


def test_planning_that_makes_no_plan_is_not_done(tmp_path: Path) -> None:
    world = playbook(tmp_path, {PLAN: None})
    loop(world, "plan", agent="#!/bin/sh\ntrue\n", status=4)
    ended(world, "blocked", f"there is no {PLAN}")


def test_a_bound_without_anything_landed_is_not_done_and_can_be_had_again(tmp_path: Path) -> None:
    world = playbook(tmp_path)
    loop(world, "build", "2", "--attempts", "1", agent="#!/bin/sh\ntrue\n", status=4)
    ended(world, "blocked", "the bound of 2 is reached: 2 iterations, 0 landed; 3 items are open")
    world.make_agent(HONEST)
    world.fabrik("run", "resume", "last")
    ended(world, "done", "the bound of 4 is reached: 4 iterations, 2 landed; 1 item is open")


def test_what_is_not_pushed_is_no_end(tmp_path: Path) -> None:
    world = playbook(tmp_path)
    bare = tmp_path / "bare.git"
    git("init", "-q", "--bare", str(bare), cwd=tmp_path)
    git("remote", "add", "origin", str(bare), cwd=world.project)
    hook = bare / "hooks/pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    loop(world, "build", "--push", status=4)
    ended(world, "blocked", "the plan has no open item", "landed, but not pushed")
    world.fabrik("run", "resume", "last", status=4)
    ended(world, "blocked", "landed, but not pushed")
    hook.unlink()
    world.fabrik("run", "resume", "last")
    ended(world, "done", "the plan has no open item: 3 iterations, 3 landed")
    assert git("rev-parse", "main", cwd=bare) == git("rev-parse", "main", cwd=world.project)
    assert git("tag", cwd=bare).split() == ["0.0.0", "0.0.1", "0.0.2"]


def test_a_stuck_loop_names_its_newest_commit(tmp_path: Path) -> None:
    world = playbook(tmp_path)
    script = f'echo "- [ ] $FABRIK_STEP" >> {PLAN}'
    loop(world, "build", agent=session(script), status=4)
    run = ended(world, "blocked", "only the words of the plan changed")
    assert run.candidate == git("rev-parse", "main", cwd=world.project)
