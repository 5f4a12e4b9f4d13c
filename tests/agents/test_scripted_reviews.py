"""The scripted agent as reviewer and verifier: the right section, a well-formed report, a wrong one."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from agent_processes import Place, Played, finish, play, start

from fabrik.agents.agent import Role
from fabrik.agents.scripted import Scripted, player
from fabrik.outcome import Cause

Require = Callable[[str, Callable[[], str | None]], None]  # the fixture of tests/conftest.py
COMMIT, BASE = "c0" * 20, "ba" * 20
PROMPT = """\
# Does the change do what is asked?

<specification>

## Acceptance criteria

1. one
2. two
3. three
4. four, which the host does not list

</specification>

## The acceptance criteria

1. It adds.
2. It subtracts.
   2. and this is a part of it
3. It says why
   when it cannot.

For each of them:

1. Read it.
2. Find it.
3. Decide.
4. Write it down.

## The change

+## Acceptance criteria
+1. Nothing.
"""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def run(
    place: Place,
    sections: Any,
    *,
    role: Role = "review",
    reviewer: str = "security",
    step: str = "review#1/security",
    prompt: str = PROMPT,
) -> Played:
    path = place.root / "script.json"
    path.write_text(json.dumps({"v": 1, "sessions": sections}))
    request = place.request(
        {"script": str(path)},
        role=role,
        reviewer=reviewer,
        step=step,
        prompt=prompt,
        commit=COMMIT,
        base=BASE,
    )
    return play(Scripted(), place, request)


def report(place: Place) -> Any:
    return json.loads(place.report.read_text())


def verification(place: Place, said: Any, prompt: str = PROMPT) -> Any:
    run(place, {"*": [{"verify": said}]}, role="verify", reviewer="verifier", prompt=prompt)
    return report(place)


def test_an_approval(place: Place) -> None:
    played = run(place, {"*": [{"say": "I look."}, {"review": {"status": "approved"}}]})
    assert played.conclusion.cause is Cause.ENDED
    assert report(place) == {"v": 1, "reviewer": "security", "commit": COMMIT, "status": "approved"}


def test_a_request_for_changes(place: Place) -> None:
    said = {"status": "changes_requested", "issues": ["a.py:1: {{reviewer}} says no"], "next": ["a test"]}
    run(place, {"*": [{"review": said}]})
    assert report(place) == {
        "v": 1,
        "reviewer": "security",
        "commit": COMMIT,
        "status": "changes_requested",
        "issues": ["a.py:1: security says no"],
        "next": ["a test"],
    }


@pytest.mark.parametrize(
    ("field", "wrong"),
    [("commit", "0" * 40), ("commit", "{{base}}"), ("reviewer", "simplicity"), ("v", 2), ("status", "fine")],
)
def test_a_wrong_report_is_as_easy(place: Place, field: str, wrong: Any) -> None:
    run(place, {"*": [{"review": {"status": "approved", field: wrong}}]})
    assert report(place)[field] == (BASE if wrong == "{{base}}" else wrong)


def test_all_criteria_are_met_by_one_check(place: Place) -> None:
    told = verification(place, {"criteria": "all", "where": "unit tests"})
    assert (told["v"], told["reviewer"], told["commit"]) == (1, "verifier", COMMIT)
    assert [entry["n"] for entry in told["criteria"]] == [1, 2, 3]
    for entry in told["criteria"]:
        assert (entry["met"], entry["kind"], entry["where"]) == (True, "check", "unit tests")
        assert entry["why"]
    assert set(told) == {"v", "reviewer", "commit", "criteria"}


@pytest.mark.parametrize("count", [1, 2, 12])
def test_as_many_criteria_as_the_prompt_lists(place: Place, count: int) -> None:
    texts = "\n".join(f"{number}. It does {number}." for number in range(1, count + 1))
    prompt = f"# X\n\n## The acceptance criteria\n\n{texts}\n\nFor each:\n\n1. Read.\n2. Find.\n3. Decide.\n"
    told = verification(place, {"criteria": "all", "where": "unit"}, prompt)
    assert len(told["criteria"]) == count


@pytest.mark.parametrize("count", [0, 1, 5])
def test_the_criteria_in_the_prompt_that_verifiers_get(place: Place, count: int) -> None:
    template = (Path(__file__).parents[2] / "src/fabrik/prompts/verify.md").read_text()
    texts = "\n".join(f"{number}. It does {number}." for number in range(1, count + 1))
    spec = "## Acceptance criteria\n\n1. a\n2. b\n3. c\n4. d\n5. e\n6. f\n"
    prompt = template.replace("{{spec}}", spec).replace("{{criteria}}", texts)
    assert texts in prompt
    sections = {"*": [{"verify": {"criteria": "all", "where": "unit"}}]}
    run(place, sections, role="verify", reviewer="verifier", prompt=prompt)
    assert [entry["n"] for entry in report(place)["criteria"]] == list(range(1, count + 1))


def test_criteria_one_by_one(place: Place) -> None:
    told = verification(
        place,
        {
            "criteria": [
                {"where": "unit"},
                {"met": False, "why": "Nobody wrote it."},
                {"kind": "code", "where": "calc.py:3", "why": "It is there.", "n": 7},
            ],
            "protected": [{"path": "tests/test_a.py", "asked": True, "quote": "change the test"}],
            "issues": ["one"],
            "commit": BASE,
        },
    )
    first, second, third = told["criteria"]
    assert (first["n"], first["met"], first["kind"], first["where"]) == (1, True, "check", "unit")
    assert second == {"n": 2, "met": False, "kind": "none", "where": "", "why": "Nobody wrote it."}
    assert third == {"n": 7, "met": True, "kind": "code", "where": "calc.py:3", "why": "It is there."}
    assert told["protected"] == [{"path": "tests/test_a.py", "asked": True, "quote": "change the test"}]
    assert (told["issues"], told["commit"]) == (["one"], BASE)


def test_no_criteria_to_speak_of(place: Place) -> None:
    sections = {"*": [{"verify": {"criteria": "all", "where": "unit"}}]}
    played = run(place, sections, role="verify", reviewer="verifier", prompt="# X\n\n1. no criterion\n")
    assert played.conclusion.cause is Cause.CRASHED
    assert played.conclusion.detail == "step 1 (verify): the prompt lists no acceptance criteria"
    assert not place.report.exists()


@pytest.mark.parametrize(
    ("role", "reviewer", "step", "chosen"),
    [
        ("review", "security", "review#1/security", "key"),
        ("review", "code-quality", "task/1/review#1/code-quality", "light"),
        ("review", "simplicity", "review#2/simplicity/retry#1", "reviewer"),
        ("review", "tigerstyle", "review#1/tigerstyle", "reviews"),
        ("verify", "verifier", "review#1/verifier", "verifier"),
        ("implement", "", "task/1/implement#1", "rest"),
    ],
)
def test_sections_for_reviewers(place: Place, role: Role, reviewer: str, step: str, chosen: str) -> None:
    sections = {
        "review#1/security": [{"say": "key"}],
        "task/*/review#*/code-quality": [{"say": "light"}],
        "reviewer:simplicity": [{"say": "reviewer"}],
        "reviewer:": [{"say": "nobody"}],
        "role:review": [{"say": "reviews"}],
        "reviewer:verifier": [{"say": "verifier"}],
        "*": [{"say": "rest"}],
    }
    assert run(place, sections, role=role, reviewer=reviewer, step=step).said == [chosen]


def test_names_of_a_review(place: Place) -> None:
    said = {"say": "{{reviewer}} {{commit}} {{base}} {{home}} <{{task}}>"}
    played = run(place, {"*": [said]}, step="review#1/security/retry#1")
    assert played.said == [f"security {COMMIT} {BASE} {place.home} <>"]
    assert run(place, {"*": [said]}, step="task/7/review#1/security").said[0].endswith("<7>")


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ({"review": {}}, "a review has a status"),
        ({"review": "approved"}, "'review' has the wrong type"),
        ({"review": {"status": "approved"}, "text": "x"}, "'text' does not go with 'review'"),
        ({"verify": {}}, "'criteria' is"),
        ({"verify": {"criteria": "all"}}, "need 'where'"),
        ({"verify": {"criteria": ["one"]}}, "'criteria' is"),
        ({"verify": {"criteria": "some", "where": "unit"}}, "'criteria' is"),
    ],
)
def test_mistakes(place: Place, step: Any, words: str) -> None:
    played = run(place, {"*": [], "later": [step]})
    assert played.conclusion.cause is Cause.NOT_STARTED
    assert words in played.stderr


@pytest.mark.parametrize(
    ("steps", "cause", "status"),
    [
        ([], Cause.ENDED, 0),
        ([{"say": "APPROVED. The status is approved."}], Cause.ENDED, 0),
        ([{"print": '{"v": 1, "status": "approved"}'}, {"flood": 100_000}], Cause.ENDED, 0),
        ([{"report": "approved!"}], Cause.ENDED, 0),
        ([{"review": {"status": "approved"}}, {"exit": 1}], Cause.CRASHED, 1),
        ([{"exit": 1}], Cause.CRASHED, 1),
        ([{"die": "SEGV"}], Cause.CRASHED, None),
    ],
)
@pytest.mark.parametrize("role", ["review", "verify"])
def test_how_reviewers_end(
    place: Place, role: Role, steps: list[Any], cause: Cause, status: int | None
) -> None:
    """The end of the process only; whether there is a verdict is decided by the report, elsewhere."""
    played = run(place, {"*": steps}, role=role)
    assert (played.conclusion.cause, played.status) == (cause, status)


def test_a_reviewer_that_hangs_is_ended_by_a_signal(place: Place) -> None:
    """That it was the time limit, the host knows by itself."""
    path = place.root / "script.json"
    path.write_text(json.dumps({"v": 1, "sessions": {"reviewer:security": [{"hang": True}]}}))
    process = start(
        Scripted(), place, place.request({"script": str(path)}, role="review", reviewer="security")
    )
    assert process.stdin
    assert process.stdout
    process.stdin.close()
    process.stdin = None
    while b"hanging" not in (line := process.stdout.readline()):
        assert line
    process.kill()
    ended = finish(Scripted(), process, b"")
    assert (ended.conclusion.cause, ended.conclusion.detail) == (Cause.CRASHED, "ended by SIGKILL")


def test_a_read_only_workspace(place: Place, require: Require) -> None:
    """All that a reviewer does leaves the workspace alone; what would not fails as such."""
    require("bubblewrap", lambda: None if shutil.which("bwrap") else "bwrap is not installed")
    (place.workspace / "calc.py").write_text("def add(a, b):\n    return a + b\n")
    place.git("add", "-A")
    place.git("-c", "user.name=a", "-c", "user.email=a@example.invalid", "commit", "-qm", "Add calc")
    steps = [
        {"run": "git status --porcelain && git log --format=%s > {{home}}/log"},
        {"run": ["/usr/bin/python3", "-c", "import calc; assert calc.add(1, 2) == 3"]},
        {"write": "{{home}}/notes/a.txt", "text": "seen"},
        {"write": "scratch", "text": "x"},
        {"say": "never"},
    ]
    path = place.root / "script.json"
    path.write_text(json.dumps({"v": 1, "sessions": {"*": [{"review": {"status": "approved"}}, *steps]}}))
    request = place.request({"script": str(path)}, role="review", reviewer="security", commit=COMMIT)
    walls = [
        "bwrap",
        "--ro-bind",
        "/",
        "/",
        "--dev",
        "/dev",
        "--bind",
        str(place.home),
        str(place.home),
        "--",
    ]
    played = finish(Scripted(), start(Scripted(), place, request, wrapped=walls), b"")
    assert played.conclusion.detail.startswith("step 5 (write): [Errno 30]")
    assert report(place)["status"] == "approved"
    assert (place.home / "log").read_text() == "Add calc\n"
    assert (place.home / "notes/a.txt").read_text() == "seen"
    assert sorted(file.name for file in place.workspace.iterdir()) == [".git", "calc.py"]


def test_what_is_shipped_is_one_file_that_stands_alone(place: Place) -> None:
    with zipfile.ZipFile(io.BytesIO(player())) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        sources = {name: archive.read(name).decode() for name in names}
    assert "__main__.py" in names
    assert not [name for name, text in sources.items() if "import fabrik" in text or "from fabrik" in text]
    file = place.root / "alone.pyz"
    file.write_bytes(player())
    told = subprocess.run(
        ["/usr/bin/python3", "-I", str(file)],
        cwd=place.root,
        input=b"",
        capture_output=True,
        check=False,
        env={},
    )
    assert told.returncode == 2
    assert b"usage: player.pyz SCRIPT" in told.stderr
