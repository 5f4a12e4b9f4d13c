"""`judge`, `ajudge` and the pytest fixture, each in a process of its own, as a project uses them."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from judge_kit import FAIL, PASS, VARIABLES, JudgeWorld, judging

from fabrik.testing.model_server import Conversation, Text
from fabrik.testing.model_server.script import Part
from fabrik.testing.pictures import png

PLUGIN = ("-p", "fabrik.judge.pytest_plugin", "-p", "no:cacheprovider", "-q", "-W", "error")


def warm(asked: Conversation) -> Part:
    return PASS if "dear" in asked.prompt else FAIL


def registered() -> bool:
    """Whether this installation of fabrik names the plugin to pytest already."""
    return any(
        point.value == "fabrik.judge.pytest_plugin"
        for point in importlib.metadata.entry_points(group="pytest11")
    )


def pytest_in(world: JudgeWorld, test: str, *options: str, **environment: str) -> tuple[int, str]:
    world.file("test_it.py", test)
    plugin = PLUGIN[2:] if registered() else PLUGIN
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *plugin, *options, "test_it.py"],
        cwd=world.directory,
        env=world.env(**environment),
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.returncode, done.stdout + done.stderr


def python_in(world: JudgeWorld, program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=world.directory,
        env=world.env(),
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_a_pass_passes_and_is_a_run(tmp_path: Path) -> None:
    with judging(tmp_path, warm) as (world, _):
        status, said = pytest_in(world, "def test_it(judge):\n    assert judge('warm', 'dear Ada').passed\n")
        assert status == 0, said
        assert [run.status for run in world.judges()] == ["done"]


def test_a_fail_fails_with_the_feedback(tmp_path: Path) -> None:
    with judging(tmp_path, warm) as (world, _):
        status, said = pytest_in(world, "def test_it(judge):\n    judge('warm', 'To whom it may concern')\n")
        assert status == 1
        assert "AssertionError: the judge says no to 'warm':" in said
        assert "It is too cold: greet the reader." in said
        assert "pytest_plugin.py" not in said.replace("fabrik/judge/pytest_plugin.py:0", "")


def test_without_a_verdict_it_fails_with_the_reason(tmp_path: Path) -> None:
    test = "def test_it(judge):\n    judge('warm', 'dear Ada')\n"
    with judging(tmp_path, Text("It passes!")) as (world, _):
        status, said = pytest_in(world, test)
        assert status == 1
        assert "the judge gave no verdict on 'warm'" in said
    with judging(tmp_path, PASS, vendor=None) as (world, _):
        status, said = pytest_in(world, test)
        assert status == 1
        assert "no key for anthropic" in said


@pytest.mark.parametrize(
    ("artifact", "said"),
    [
        ("__import__('pathlib').Path('nowhere.txt')", "nowhere.txt: cannot be read"),
        ("''", "there is nothing in it to judge"),
        ("7", "cannot be judged: int"),
    ],
)
def test_only_what_is_wrong_is_told(tmp_path: Path, artifact: str, said: str) -> None:
    with judging(tmp_path, PASS) as (world, server):
        status, told = pytest_in(world, f"def test_it(judge):\n    judge('warm', {artifact})\n")
        assert status == 1
        assert said in told
        assert "During handling" not in told and "event loop" not in told
        assert server.calls == ()


def test_a_missing_key_is_told_alone(tmp_path: Path) -> None:
    with judging(tmp_path, PASS, vendor=None) as (world, _):
        status, told = pytest_in(world, "def test_it(judge):\n    judge('warm', 'dear Ada')\n")
        assert status == 1 and "no key for anthropic" in told
        assert "During handling" not in told and "event loop" not in told
        done = python_in(world, "from fabrik.judge import judge\njudge('warm', 'dear Ada')\n")
        assert "no key for anthropic" in done.stderr and "event loop" not in done.stderr


@pytest.mark.parametrize(
    ("mark", "call", "said"),
    [
        ("(vote=3)", "", "@pytest.mark.fabrik_judge knows no vote: did you mean votes?"),
        ("(3)", "", "@pytest.mark.fabrik_judge takes names only, not 3"),
        ("", ", budget=1, colour=2", "judge('warm', …) knows no budget, colour"),
        ("(votes='three')", "", "votes"),
        ("(votes=99)", "", "votes"),
    ],
)
def test_settings_that_cannot_be(tmp_path: Path, mark: str, call: str, said: str) -> None:
    test = (
        f"import pytest\n@pytest.mark.fabrik_judge{mark}\ndef test_it(judge):\n    judge('warm', 'x'{call})\n"
    )
    with judging(tmp_path, PASS) as (world, server):
        status, told = pytest_in(world, test)
        assert status == 1 and said in told
        assert "TypeError" not in told and "During handling" not in told
        assert server.calls == ()


def test_inside_a_sandbox_that_is_closed_it_fails(tmp_path: Path) -> None:
    with judging(tmp_path, PASS) as (world, server):
        test = "def test_it(judge):\n    judge('warm', 'dear Ada')\n"
        status, said = pytest_in(world, test, FABRIK_SANDBOX="a/checks")
        assert status == 1
        assert "no judge can be asked in this sandbox" in said
        assert server.calls == ()


def test_it_is_skipped_only_when_asked(tmp_path: Path) -> None:
    with judging(tmp_path, PASS) as (world, server):
        test = "def test_it(judge):\n    judge('warm', 'dear Ada')\n\ndef test_other():\n    pass\n"
        status, said = pytest_in(world, test, "--no-fabrik-judge", "-rs")
        assert status == 0
        assert "1 passed, 1 skipped" in said
        assert "no judge is asked (--no-fabrik-judge)" in said
        assert server.calls == ()


def test_settings_marker_and_argument(tmp_path: Path) -> None:
    test = """
import pytest

def test_settings(judge):
    judge("warm", "dear settings")

@pytest.mark.fabrik_judge(votes=1, model="claude-opus-4-5")
def test_marker(judge):
    judge("warm", "dear marker")

def test_argument(judge):
    judge("warm", "dear argument", intelligence="fast", votes=2)
"""
    with judging(tmp_path, PASS) as (world, server):
        world.file("pytest.ini", "[pytest]\nfabrik_judge_votes = 3\nfabrik_judge_intelligence = smart\n")
        status, said = pytest_in(world, test, "--strict-markers", "--strict-config")
        assert status == 0, said
        asked = [
            (next(w for w in ("settings", "marker", "argument") if f"dear {w}" in call.prompt), call.model)
            for call in server.calls
        ]
        assert asked == [
            *[("settings", "claude-sonnet-4-5")] * 2,
            ("marker", "claude-opus-4-5"),
            *[("argument", "claude-haiku-4-5")] * 2,
        ]


def test_a_wrong_setting_is_told(tmp_path: Path) -> None:
    with judging(tmp_path, PASS) as (world, server):
        world.file("pytest.ini", "[pytest]\nfabrik_judge_votes = many\n")
        status, said = pytest_in(world, "def test_it(judge):\n    judge('warm', 'dear')\n")
        assert status == 1
        assert "fabrik_judge_votes is no number: 'many'" in said
        assert server.calls == ()


def test_a_fixture_of_the_projects_own_takes_its_place(tmp_path: Path) -> None:
    with judging(tmp_path, PASS) as (world, server):
        test = """
import pytest

@pytest.fixture
def judge():
    return "mine"

def test_it(judge):
    assert judge == "mine"
"""
        assert pytest_in(world, test)[0] == 0
        assert server.calls == ()


def test_pytest_loads_nothing_of_fabrik_until_a_judge_is_asked(tmp_path: Path) -> None:
    test = """
import sys

def test_it(request):
    loaded = sorted(name for name in sys.modules if name.split(".")[0] == "fabrik")
    assert loaded == ["fabrik", "fabrik.judge", "fabrik.judge.pytest_plugin"], loaded
    assert "pydantic" not in sys.modules and "click" not in sys.modules
"""
    with judging(tmp_path, PASS) as (world, _):
        status, said = pytest_in(world, test)
        assert status == 0, said


def test_the_entry_point_names_the_plugin() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    points = project["entry-points"]["pytest11"]
    assert points == {"fabrik-judge": "fabrik.judge.pytest_plugin"}
    point = importlib.metadata.EntryPoint("fabrik-judge", points["fabrik-judge"], "pytest11")
    assert hasattr(point.load(), "pytest_addoption")


def test_judge_and_ajudge(tmp_path: Path) -> None:
    program = """
import asyncio
from pathlib import Path
from fabrik.judge import Judgement, NoVerdict, Vote, ajudge, judge

good, bad = judge("warm", "dear Ada"), judge("warm", "Sir or Madam", votes=3)
assert isinstance(good, Judgement) and good and good.passed and good.feedback == ""
assert good.votes == (Vote(passed=True, feedback=""),)
assert not bad and bad.feedback == "It is too cold: greet the reader." and len(bad.votes) == 2

async def at_once():
    found = await asyncio.gather(*(ajudge("warm", f"dear {n}") for n in range(4)))
    assert all(found)
    assert judge("warm", "dear loop")  # in a loop that runs, as browser libraries have one

asyncio.run(at_once())
assert judge("warm", ["dear", b"bytes", Path("page.png"), "page.png"])
import os
assert os.umask(0o22) == 0o22
"""
    with judging(tmp_path, warm) as (world, server):
        world.file("page.png", png())
        done = python_in(world, f"import os\nos.umask(0o22)\n{program}")
        assert done.returncode == 0, done.stderr
        assert len(world.judges()) == 8
        assert {run.status for run in world.judges()} == {"done"}
        assert len(server.calls) == 9


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ("judge('warm', './no/such/page.png')", "UsageError: no/such/page.png: cannot be read"),
        ("judge('warm', '')", "there is nothing in it to judge"),
        ("judge('warm', [])", "there is nothing to judge"),
        ("judge('', 'text')", "there are no criteria"),
        ("judge('warm', 'text', intelligence='slow')", "'slow' is no intelligence"),
        ("judge('warm', 'text', votes=16)", "votes are a number from 1 to 15"),
        ("judge('warm', 'text', model='-rf')", "is not the name of a model"),
        ("judge('warm', 7)", "the text: cannot be judged: int"),
        ("judge('warm', 'x' * 400_001)", "a text may have 400,000 bytes"),
    ],
)
def test_what_cannot_be_judged_is_refused(tmp_path: Path, call: str, says: str) -> None:
    with judging(tmp_path, PASS) as (world, server):
        done = python_in(world, f"from fabrik.judge import judge\n{call}")
        assert done.returncode == 1
        assert says in done.stderr
        assert server.calls == ()


def test_no_verdict_is_raised_with_its_votes(tmp_path: Path) -> None:
    program = """
from fabrik.judge import NoVerdict, judge
try:
    judge("warm", "dear")
except NoVerdict as none:
    print(none.votes[0].problem)
"""
    with judging(tmp_path, Text("pass")) as (world, _):
        done = python_in(world, program)
        assert "no usable answer, twice" in done.stdout


def test_the_variables_of_a_check_are_all_that_is_needed(tmp_path: Path) -> None:
    """Where a door is told, no ledger is touched and no key of this process is looked at."""
    with judging(tmp_path, warm) as (world, server):
        key = world.environment[VARIABLES["anthropic"]]
        world.environment.update(
            FABRIK_JUDGE_URL=server.url("anthropic").removesuffix("/anthropic"),
            FABRIK_JUDGE_FAST="anthropic/claude-haiku-4-5",
            FABRIK_JUDGE_SMART="anthropic/claude-sonnet-4-5",
        )
        done = python_in(world, "from fabrik.judge import judge\njudge('warm', 'dear')")
        assert "HTTP 401" in done.stderr  # this door adds no key, and the client has sent none
        assert [call.key for call in server.calls] == [None]
        assert not world.home.exists()
        assert key not in done.stderr
