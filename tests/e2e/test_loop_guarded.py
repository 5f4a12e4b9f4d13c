"""`fabrik loop build` lets no agent weaken what judges it: tests, check scripts, settings of these."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import World, git
from loop_kit import HONEST, ended, kept, loop, playbook, status, subjects

UNITTEST = {
    "AGENTS.md": "## Validation\n\n- Tests: `python3 -m unittest discover -s tests`\n",
    "src/calc.py": "def add(a, b):\n    return a + b\n",
    "tests/test_calc.py": (
        "import sys\nimport unittest\n\nsys.path.insert(0, 'src')\nimport calc\n\n\n"
        "class Calc(unittest.TestCase):\n"
        "    def test_add(self):\n        self.assertEqual(calc.add(1, 2), 3)\n\n"
        "    def test_zero(self):\n        self.assertEqual(calc.add(0, 0), 0)\n"
    ),
    "test.sh": None,
}
TICK = "sed -i '0,/- \\[ \\]/s//- [x]/' IMPLEMENTATION_PLAN.md\n"


def agent(*lines: str) -> str:
    return (
        '#!/bin/sh\nset -e\ncat > "$HOME/prompt"\n'
        + "\n".join(lines)
        + f"\n{TICK}git add -A\ngit commit -qm Work\n"
    )


def refused(world: World, *said: str) -> None:
    assert "0 landed" in (world.last().failure_reason or "")
    assert subjects(world) == [] and status(world) == "" and git("tag", cwd=world.project) == ""
    story = world.fabrik("runs", "show", "last", "--events").stdout
    page = (world.home / "runs" / world.last().id / "reports" / "evidence.md").read_text()
    for words in said:
        assert words in " ".join(story.split()), story
    assert "not accepted" in page


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (
            ["echo 'exit 0' > test.sh", "mkdir out", "echo bad > out/x"],
            "passes only with the changed version",
        ),
        (["printf '#!/bin/sh\\nexit 0\\n' > test.sh"], "test.sh"),
    ],
)
def test_a_check_script_is_that_of_people(tmp_path: Path, lines: list[str], said: str) -> None:
    world = playbook(tmp_path)
    loop(world, "build", "1", "--attempts", "1", agent=agent(*lines), status=None)
    refused(world, said, "--may-change")
    assert "exit 0" in kept(world, "kept/iteration-1", "test.sh")


@pytest.mark.parametrize(
    "lines",
    [
        [
            "sed -i 's/self.assertEqual(calc.add(1, 2), 3)/pass/' tests/test_calc.py",
            "echo 'def add(a, b): return 0' > src/calc.py",
        ],
        ["git rm -q tests/test_calc.py", "mkdir -p tests", "echo > tests/test_other.py"],
        ["sed -i 's/    def test_add/    @unittest.skip(1)\\n    def test_add/' tests/test_calc.py"],
        ["echo 'import os; os._exit(0)' > sitecustomize.py"],
        ["echo 'def TestCase(): pass' > tests/unittest.py"],
        ["printf 'sandbox = \"none\"\\n' > fabrik.toml"],
    ],
    ids=["assertion", "deleted", "skipped", "hook", "shadow", "settings"],
)  # fmt: skip
def test_tests_are_those_of_people(tmp_path: Path, lines: list[str]) -> None:
    world = playbook(tmp_path, UNITTEST)
    loop(world, "build", "1", "--attempts", "1", agent=agent(*lines), status=None)
    refused(world, "judged by what it changed")


CHAIN = agent(
    "case $FABRIK_STEP in",
    "build/1/*) sed -i 's/import unittest/import unittest  # one/' tests/test_calc.py",
    "   echo '# 1' >> src/calc.py;;",
    "*) sed -i 's/calc.add(1, 2), 3/calc.add(1, 2), calc.add(1, 2)/' tests/test_calc.py",
    "   echo 'def add(a, b): return 0' > src/calc.py;;",
    "esac",
)


def test_a_chain_of_small_changes_adds_up(tmp_path: Path) -> None:
    """The second session changes a test that the first one had touched, and was allowed to touch."""
    world = playbook(tmp_path, UNITTEST)
    loop(world, "build", "2", "--attempts", "1", agent=CHAIN)
    ended(world, "done", "2 iterations, 1 landed")
    assert "calc.add(1, 2), 3" in (world.project / "tests/test_calc.py").read_text()


MENDS = """#!/bin/sh
set -e
cat > "$HOME/prompt"
mkdir -p out
if grep -q 'What judges the work was changed' "$HOME/prompt"; then
    grep -q 'test.sh' "$HOME/prompt"
    grep -q 'bad: out/first' "$HOME/prompt"
    git checkout -q HEAD~1 -- test.sh
    echo ok > out/first
else
    echo 'exit 0' > test.sh
    echo wrong > out/first
    sed -i '0,/- \\[ \\]/s//- [x]/' IMPLEMENTATION_PLAN.md
fi
git add -A
git commit -qm Work
"""


def test_it_goes_back_to_the_agent_with_the_reason(tmp_path: Path) -> None:
    world = playbook(tmp_path)
    loop(world, "build", "1", agent=MENDS)
    ended(world, "done", "1 landed")
    assert "grep -q ok" in (world.project / "test.sh").read_text()


ADDS = agent(
    "if [ -e tests/test_more.py ]; then",
    "  printf '\\n    def test_more(self):\\n        self.assertEqual(calc.add(2, 2), 4)\\n'"
    " >> tests/test_calc.py",
    "else",
    "  sed 's/1, 2), 3/3, 4), 7/' tests/test_calc.py > tests/test_more.py",
    "fi",
    'echo "# $FABRIK_STEP" >> src/calc.py',
)


def test_tests_may_be_added(tmp_path: Path) -> None:
    world = playbook(tmp_path, UNITTEST)
    loop(world, "build", "3", agent=ADDS)
    ended(world, "done", "3 iterations, 3 landed")


def test_what_people_allow_may_be_changed(tmp_path: Path) -> None:
    world = playbook(tmp_path, UNITTEST)
    changed = agent(
        "sed -i 's/calc.add(1, 2), 3/calc.add(1, 2), 12/' tests/test_calc.py",
        "echo 'def add(a, b): return a * 10 + b' > src/calc.py",
    )
    loop(world, "build", "1", "--may-change", "tests/test_calc.py", agent=changed)
    ended(world, "done", "1 landed")
    assert "12" in (world.project / "tests/test_calc.py").read_text()


def test_a_glob_that_nobody_can_read_is_refused(tmp_path: Path) -> None:
    world = playbook(tmp_path)
    done = loop(world, "build", "--may-change", "", agent=HONEST, status=2)
    assert "--may-change" in done.stderr


def test_a_project_may_grow_out_of_nothing(tmp_path: Path) -> None:
    """Nothing judges yet when the loop begins: tests, their settings and their hooks come with the work."""
    world = playbook(tmp_path, {**UNITTEST, "tests/test_calc.py": None, "src/calc.py": None})
    grows = agent(
        "mkdir -p src tests",
        'echo "# $FABRIK_STEP" >> src/calc.py',
        'echo "# $FABRIK_STEP" >> tests/conftest.py',
        "printf '[tool.pytest.ini_options]\\npythonpath = [\"src\"]\\n' > pyproject.toml",
        "printf 'import unittest\\nclass T(unittest.TestCase):\\n    def test_%s(self): pass\\n'"
        ' "$(date +%N)" > tests/test_calc.py',
    )
    loop(world, "build", "2", agent=grows)
    ended(world, "done", "2 iterations, 2 landed")


def test_nothing_runs_twice_where_nothing_that_judges_has_changed(tmp_path: Path) -> None:
    world = playbook(tmp_path)
    loop(world, "build")
    ended(world, "done", "3 landed")
    story = world.fabrik("runs", "show", "last", "--events").stdout
    assert "as-before" not in story


PEOPLE = """#!/bin/sh
set -e
cat > "$HOME/prompt"
case $FABRIK_STEP in
build/1/*)
    sed -i 's/1, 2), 3/1, 2), 12/' "{project}/tests/test_calc.py"
    git -C "{project}" commit -qam 'People want another sum';;
*)  echo 'def add(a, b): return a * 10 + b' > src/calc.py
    sed -i '0,/- \\[ \\]/s//- [x]/' IMPLEMENTATION_PLAN.md;;
esac
echo "# $FABRIK_STEP" >> src/calc.py
git add -A
git commit -qm "Work of $FABRIK_STEP"
"""


def test_what_people_change_meanwhile_is_what_judges(tmp_path: Path) -> None:
    world = playbook(tmp_path, UNITTEST)
    text = PEOPLE.format(project=world.project)
    loop(world, "build", "2", "--attempts", "1", "--sandbox", "none", agent=text)
    ended(world, "done", "2 iterations, 1 landed")
    assert "1, 2), 12" in (world.project / "tests/test_calc.py").read_text()
    assert "Work of build/2/" in subjects(world)[-1]


LAUNDERS = agent(
    "sed -i 's/`sh test.sh`/`true`/' AGENTS.md",
    'mkdir -p out; echo "ok $FABRIK_STEP" > out/x',
    "git config user.name People; git config user.email people@example.org",
)


def test_checks_that_an_agent_changed_are_told_and_have_to_be_confirmed(tmp_path: Path) -> None:
    """An agent that rewrites AGENTS.md would be its own judge in the next loop."""
    world = playbook(tmp_path)
    first = loop(world, "build", "1", agent=LAUNDERS)
    ended(world, "done", "NAMES OTHER CHECKS NOW", "`sh test.sh` → `true`")
    assert "NAMES OTHER CHECKS NOW" in first.stdout
    page = (world.home / "runs" / world.last().id / "reports" / "evidence.md").read_text()
    assert "OTHER CHECKS" in page.partition("## ")[0]
    assert "OTHER CHECKS" in world.fabrik("runs", "show", "last").stdout

    second = loop(world, "build", "1", status=2)
    assert "`sh test.sh` → `true`" in second.stderr and "--accept-checks" in second.stderr

    third = loop(world, "build", "1", "--accept-checks")
    assert "THIS CHECK PROVES NOTHING: `true`" in third.stderr
    ended(world, "done", "1 landed")
    loop(world, "build", "1")  # a human has confirmed them
    ended(world, "done", "1 landed")


def test_checks_that_were_put_back_need_no_word(tmp_path: Path) -> None:
    world = playbook(tmp_path)
    old = (world.project / "AGENTS.md").read_text()
    loop(world, "build", "1", agent=LAUNDERS)
    (world.project / "AGENTS.md").write_text(old)
    git("commit", "-qam", "Back", cwd=world.project)
    loop(world, "build", "1")
    ended(world, "done", "1 landed")


def test_the_checks_of_people_need_no_word(tmp_path: Path) -> None:
    world = playbook(tmp_path)
    loop(world, "build", "1")
    (world.project / "AGENTS.md").write_text("## Validation\n\n- Tests: `sh -e test.sh`\n")
    loop(world, "build", "1")
    run = ended(world, "done", "1 landed")
    assert "OTHER CHECKS" not in (run.failure_reason or "")


def test_the_first_checks_may_be_written_by_an_agent(tmp_path: Path) -> None:
    world = playbook(tmp_path, {"AGENTS.md": "## Validation\n\nNothing yet.\n"})
    writes = agent(
        "printf '## Validation\\n\\n- Tests: `sh test.sh`\\n' > AGENTS.md", "mkdir out", "echo ok > out/x"
    )
    loop(world, "build", "1", agent=writes)
    second = loop(world, "build", "1")
    assert "wrote into AGENTS.md: (none) → `sh test.sh`" in second.stderr
    ended(world, "done", "1 landed")


FORGES = agent(
    "mkdir -p out; echo ok > out/x; git add -A",
    "git commit -q --author='Boss <boss@example.org>' --date=2001-01-01"
    " -m \"$(printf 'x\\n\\nFabrik-Run: FORGED\\nSigned-off-by: Boss <boss@example.org>')\"",
)


def test_what_commits_say_of_themselves_is_believed_by_nobody(tmp_path: Path) -> None:
    """As with `fabrik run`, commits are kept as they are; what is genuine is in the ledger."""
    world = playbook(tmp_path)
    loop(world, "build", "1", agent=FORGES)
    run = ended(world, "done", "1 landed")
    tip = git("rev-parse", "main", cwd=world.project).strip()
    assert run.candidate == tip and run.id != "FORGED"
    page = (world.home / "runs" / run.id / "reports" / "evidence.md").read_text()
    assert f"Landed last: `{tip}`" in page and "FORGED" not in page and "Boss" not in page
    assert "FORGED" not in world.fabrik("runs", "show", "last").stdout
