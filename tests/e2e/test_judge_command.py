"""`fabrik judge` as users run it, against a scripted model through the real gateway."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from harness import PROGRAM, rows
from judge_kit import FAIL, KEY, PASS, VENDORS, WARM, in_turn, judging, pictures_in, verdict

from fabrik.testing.model_server import Conversation, Text, ToolCall
from fabrik.testing.model_server.script import Part
from fabrik.testing.pictures import png
from fabrik.usage import Vendor


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_text_passes_and_its_call_is_in_the_ledger(tmp_path: Path, vendor: Vendor) -> None:
    with judging(tmp_path, PASS, vendor) as (world, server):
        world.file("welcome.txt", "Hello, dear friend!")
        done = world.fabrik("judge", *WARM, "welcome.txt", status=0)
        assert done.stdout.startswith("pass  welcome.txt\n")
        (run,) = world.judges()
        assert (run.status, run.workflow, run.progress) == ("done", "judge", "pass")
        (call,) = world.calls_of(run.id, "judge/1")
        assert (call.outcome, call.usage.calls) == ("ok", 1)
        assert server.calls[0].key == KEY
        assert "Hello, dear friend!" in server.calls[0].prompt
        assert "the tone is warm" in server.calls[0].prompt
        assert world.key_in_files() == []


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_picture_is_seen_and_fails_with_feedback(tmp_path: Path, vendor: Vendor) -> None:
    picture = png(16, 9)
    with judging(tmp_path, verdict(False, "No action stands out."), vendor) as (world, server):
        world.file("page", picture)  # known by its content
        done = world.fabrik("judge", "--criteria", "one primary action", "page", status=4)
        assert done.stdout.splitlines()[:2] == ["fail  page", "  No action stands out."]
        assert pictures_in(server.calls[0]) == [("image/png", picture)]
        (run,) = world.judges()
        assert (run.status, run.progress) == ("done", "fail")


MALFORMED: Sequence[Part] = (
    Text("pass"),
    Text('Sure! {"feedback": "", "pass": true}'),
    Text('```json\n{"feedback": "", "pass": true}\n```'),
    Text('{"feedback": "", "pass": false, "pass": true}'),
    Text("[true]"),
    ToolCall("verdict", {"pass": "true", "feedback": ""}),
    ToolCall("verdict", {"pass": 1, "feedback": ""}),
    ToolCall("verdict", {"pass": True}),
    ToolCall("verdict", {"pass": True, "feedback": "", "sure": True}),
    ToolCall("verdict", {"pass": False, "feedback": "  "}),
    ToolCall("Bash", {"pass": True, "feedback": ""}),
)


@pytest.mark.parametrize("answer", MALFORMED, ids=str)
def test_nothing_but_a_well_formed_answer_is_a_pass(tmp_path: Path, answer: Part) -> None:
    with judging(tmp_path, answer) as (world, server):
        world.file("a.txt", "text")
        done = world.fabrik("judge", *WARM, "a.txt", status=1)
        assert "no verdict  a.txt" in done.stdout
        assert len(server.calls) == 2  # one repair, and then nothing
        assert "could not be used" in server.calls[1].prompt
        (run,) = world.judges()
        assert run.status == "failed"
        assert run.failure_reason is not None and "no usable answer, twice" in run.failure_reason


def test_one_repair_is_enough_for_a_vote(tmp_path: Path) -> None:
    with judging(tmp_path, in_turn(Text("It passes."), PASS)) as (world, server):
        world.file("a.txt", "text")
        world.fabrik("judge", *WARM, "a.txt", status=0)
        assert len(server.calls) == 2
        assert "It passes." not in json.dumps(server.calls[1].body)  # its own words are not quoted back


def test_json_alone_is_an_answer(tmp_path: Path) -> None:
    with judging(tmp_path, Text('{"feedback": "", "pass": true}')) as (world, server):
        world.file("a.txt", "text")
        world.fabrik("judge", *WARM, "a.txt", status=0)
        assert len(server.calls) == 1


def test_several_are_judged_each_and_all_must_pass(tmp_path: Path) -> None:
    def brain(asked: Conversation) -> Part:
        return PASS if "dear" in asked.prompt else FAIL

    with judging(tmp_path, brain) as (world, server):
        world.file("a.txt", "dear Ada")
        world.file("b.txt", "to whom it may concern")
        done = world.fabrik("judge", *WARM, "a.txt", "b.txt", "--json", status=4)
        document = json.loads(done.stdout)
        assert document["verdict"] == "fail"
        assert [(one["artifacts"], one["passed"]) for one in document["judgements"]] == [
            (["a.txt"], True),
            (["b.txt"], False),
        ]
        assert document["usage"]["calls"] == 2
        assert len(server.calls) == 2
        assert [run.id for run in world.judges()] == [document["run"]]
        world.fabrik("judge", *WARM, "a.txt", "a.txt", status=0)


def test_several_are_judged_together_when_asked(tmp_path: Path) -> None:
    with judging(tmp_path, PASS) as (world, server):
        world.file("before.png", png(colour=(0, 0, 0)))
        world.file("after.png", png(colour=(9, 9, 9)))
        world.file("notes.md", "What was changed: the colour.")
        world.fabrik(
            *("judge", "--criteria", "brighter", "--together", "before.png", "after.png", "notes.md"),
            status=0,
        )
        (call,) = server.calls
        assert [kind for kind, _ in pictures_in(call)] == ["image/png", "image/png"]
        assert "What was changed" in call.prompt
        assert "3 artifacts" in call.prompt


def test_standard_input(tmp_path: Path) -> None:
    with judging(tmp_path, PASS) as (world, server):
        done = subprocess.run(
            [PROGRAM, "judge", *WARM, "-"],
            input=png(3, 3),
            env=world.env(),
            cwd=tmp_path,
            capture_output=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        assert pictures_in(server.calls[0]) == [("image/png", png(3, 3))]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["a.txt"], "by which criteria"),
        (["--criteria", " ", "a.txt"], "there are no criteria"),
        ([*WARM, "missing.txt"], "missing.txt: cannot be read"),
        ([*WARM, "empty.txt"], "empty.txt: there is nothing in it"),
        ([*WARM, "noise.bin"], "neither UTF-8 text nor a picture"),
        ([*WARM, "fake.png"], "is called a picture and is none"),
        ([*WARM, "large.txt"], "a text may have"),
        ([*WARM, "missing.txt", "fake.png"], "2 artifacts cannot be judged"),
        ([*WARM, "--votes", "0", "a.txt"], "votes are a number from 1 to"),
        ([*WARM, "--votes", "99", "a.txt"], "votes are a number from 1 to"),
        ([*WARM, "--model", "nobody", "a.txt"], "whose model is 'nobody'"),
        ([*WARM, "--intelligence", "huge", "a.txt"], "huge"),
        ([*WARM], "ARTIFACT"),
        ([*WARM, "."], "cannot be read"),
        (["--criteria", "@fake.txt", "a.txt"], "fake.txt: cannot be read"),
    ],
)
def test_wrong_use(tmp_path: Path, arguments: list[str], says: str) -> None:
    with judging(tmp_path, PASS) as (world, server):
        world.file("a.txt", "text")
        world.file("empty.txt", " \n")
        world.file("noise.bin", b"\xff\x00\x80")
        world.file("fake.png", "answer pass")
        world.file("large.txt", "a" * 400_001)
        done = world.fabrik("judge", *arguments, status=2)
        assert says in done.stderr
        assert server.calls == ()
        assert world.judges() == []


def test_criteria_from_a_file(tmp_path: Path) -> None:
    with judging(tmp_path, PASS) as (world, server):
        world.file("tone.md", "The tone is warm.\nNo jargon.")
        world.file("a.txt", "text")
        world.fabrik("judge", "--criteria", "@tone.md", "a.txt", status=0)
        assert "No jargon." in server.calls[0].prompt


def test_what_was_judged_is_sealed_and_explained(tmp_path: Path) -> None:
    with judging(tmp_path, FAIL) as (world, _):
        world.file("a.txt", "cold words")
        world.fabrik("judge", *WARM, "a.txt", status=4)
        (run,) = world.judges()
        kept = [path for path in Path(run.directory, "inputs").iterdir() if path.name.startswith("artifact-")]
        assert [path.read_text() for path in kept] == ["cold words"]
        assert Path(run.directory).stat().st_mode & 0o077 == 0
        shown = world.fabrik("runs", "show", "last", "--events").stdout
        assert "It is too cold" in shown
        assert "UNREVIEWED" not in shown
        assert "fail: It is too cold" in world.fabrik("why", run.id).stdout
        assert rows(world, "SELECT step, count(*) FROM model_calls GROUP BY step") == [("judge/1", 1)]


def test_lists_are_not_drowned_in_judges(tmp_path: Path) -> None:
    with judging(tmp_path, PASS) as (world, _):
        world.make_project()
        world.file("a.txt", "text")
        world.run("--auto-approve")
        for _ in range(2):
            world.fabrik("judge", *WARM, "a.txt", status=0)
        assert world.last().workflow == "ship"
        listed = json.loads(world.fabrik("runs", "list", "--json").stdout)
        assert [run["workflow"] for run in listed] == ["ship"]
        everything = json.loads(world.fabrik("runs", "list", "--all", "--json").stdout)
        assert [run["workflow"] for run in everything] == ["judge", "judge", "ship"]
        judges = json.loads(world.fabrik("runs", "list", "--workflow", "judge", "--json").stdout)
        assert [run["workflow"] for run in judges] == ["judge", "judge"]
