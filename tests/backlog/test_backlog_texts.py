"""The exit contract, the runner's log, the scratchpad, logs and feedback."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabrik.backlog import feedback, logs, scratchpad
from fabrik.backlog.contract import MAGIC_PHRASE, Claim, read_contract
from fabrik.backlog.log import RunnerLog, render

ID = "0123456789abcdef0123456789abcdef01234567"
AT = datetime(2026, 11, 20, 18, 20, 16, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        f"DONE REPORT\n{ID}\n{MAGIC_PHRASE}",
        f"{ID}\r\n{MAGIC_PHRASE}\r\n\r\n",
        f"  {ID}\t\n{MAGIC_PHRASE}   \n\n \n",
        f"{ID}\nand more words\n{MAGIC_PHRASE}\n",
        f"{'9' * 40}\n{ID}\n{MAGIC_PHRASE}\n",
        f"{MAGIC_PHRASE}\n{ID}\n{MAGIC_PHRASE}\n",
        f"DONE REPORT\n```text\n{ID}\n{MAGIC_PHRASE}\n",  # a fence that is never closed: the last lines count
    ],
)
def test_the_contract_is_kept(text: str) -> None:
    assert read_contract(text) == Claim(commit=ID, missing=())


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("", "the answer is empty"),
        (" \n\r\n", "the answer is empty"),
        (f"{ID}\n{MAGIC_PHRASE}\nbye", "nothing may come after it"),
        (f"{ID}\n```\n{MAGIC_PHRASE}\n```", "no code fence"),
        (f"{ID}\n**{MAGIC_PHRASE}**", "alone on its line"),
        (f"{ID}\n{MAGIC_PHRASE[:-1]}", "the last line is not"),
        (f"`{ID}`\n{MAGIC_PHRASE}", "has something around it"),
        (f"commit {ID}\n{MAGIC_PHRASE}", "does not stand alone"),
        (f"{ID.upper()}\n{MAGIC_PHRASE}", "as git prints it"),
        (f"{ID[:12]}\n{MAGIC_PHRASE}", "has 12"),
        (f"{ID}0\n{MAGIC_PHRASE}", "has 41"),
        (MAGIC_PHRASE, "no line is exactly"),
    ],
)
def test_the_contract_is_broken(text: str, missing: str) -> None:
    claim = read_contract(text)
    assert not claim.kept and missing in "; ".join(claim.missing)


def test_everything_that_is_missing_is_told() -> None:
    assert len(read_contract("done!").missing) == 2


def test_a_phrase_of_ones_own_and_no_commit() -> None:
    assert read_contract("all written\nTRULY", " TRULY ", commit=False).kept
    assert not read_contract(f"x\n{MAGIC_PHRASE}", "TRULY", commit=False).kept


@given(st.text(max_size=200))
def test_any_text_is_an_answer(text: str) -> None:
    claim = read_contract(text)
    assert claim.kept == (not claim.missing)
    assert read_contract(f"{text}\n{ID}\n{MAGIC_PHRASE}") == Claim(commit=ID, missing=())


def test_lines_of_the_log() -> None:
    told = {"attempt": 2, "why": 'a "b"\nc', "none": None, "empty": ""}
    assert (
        render(AT, "text", "failed", "area/0001-a b.md", told)
        == '2026-11-20T18:20:16Z failed "area/0001-a b.md" attempt=2 why="a \\"b\\"\\nc" empty=""\n'
    )
    line = render(AT, "json", "failed", "a.md", told)
    assert line.count("\n") == 1
    assert json.loads(line) == {
        "ts": "2026-11-20T18:20:16Z",
        "event": "failed",
        "spec": "a.md",
        "attempt": 2,
        "why": 'a "b"\nc',
        "empty": "",
    }


def test_the_log_is_appended_to(tmp_path: Path) -> None:
    path = tmp_path / "ralph.log"
    path.write_text("of the original\n")
    log = RunnerLog(path, "text")
    log.tell("runner_started", specs=1)
    log.tell("done", "0001-a.md")
    lines = path.read_text().splitlines()
    assert lines[0] == "of the original" and [line.split()[1] for line in lines[1:]] == [
        "runner_started",
        "done",
    ]


@pytest.mark.parametrize(
    ("given_", "left", "text", "problem"),
    [
        ("a", b"a", None, ""),
        ("a", b"a\nb", "a\nb", ""),
        ("", b"new", "new", ""),
        ("a", b"", "", ""),
        ("a", None, None, "was removed"),
        ("", None, None, ""),
        ("a", b"\xff", None, "not UTF-8"),
        ("a", b"a\0", None, "not text"),
        ("a", b"x" * (scratchpad.MOST_BYTES + 1), None, "more than 256 KiB"),
    ],
)
def test_what_is_taken_back_of_a_scratchpad(
    given_: str, left: bytes | None, text: str | None, problem: str
) -> None:
    taken, why = scratchpad.taken_back(given_, left)
    assert taken == text and problem in why and bool(why) == bool(problem)


@pytest.mark.parametrize(
    ("current", "given_", "text", "kept", "after"),
    [
        ("a\n", "a\n", "b\n", True, "b\n"),
        ("a\nmine\n", "a\n", "a\nits\n", True, "a\nmine\nits\n"),
        ("a\nmine\n", "a\n", "rewritten\n", False, "a\nmine\n"),
        ("", "", "its\n", True, "its\n"),
    ],
)
def test_what_a_human_added_meanwhile_is_kept(
    tmp_path: Path, current: str, given_: str, text: str, kept: bool, after: str
) -> None:
    path = tmp_path / "SCRATCHPAD.md"
    path.write_text(current)
    assert scratchpad.put_back(path, given_, text) is kept
    assert path.read_text() == after
    scratchpad.put_back(path, given_, text)
    assert path.read_text() == after


def test_a_log_is_written_whole_and_bounded(tmp_path: Path) -> None:
    assert logs.stamp(0.0) == "19700101T000000Z" and logs.iso(0.0) == "1970-01-01T00:00:00Z"
    path = logs.implementation_log(tmp_path / "runs", 3)
    assert path.name == "impl-attempt-3.log" and logs.verification_log(tmp_path).name == "verify.log"
    logs.write_log(path, "x" * (logs.LOG_BYTES + 10) + "end \udcff")
    text = path.read_text()
    assert text.startswith("(the beginning is left out)\n") and text.endswith("end \\udcff\n")


def test_feedback_says_what_was_wrong_and_is_bounded() -> None:
    assert f"`{MAGIC_PHRASE}`" in feedback.contract_broken(["no hash"], MAGIC_PHRASE, commit=True)
    told = feedback.checks_failed(ID, [("make\ntest", "exit status 1", "line\n" * 9999)] * 9)
    assert "`make test`: exit status 1" in told and len(told) < feedback.MOST + 100
    assert "name the same commit again" in feedback.verifier_refused(ID, [], "it crashed")
    assert "- too slow" in feedback.verifier_refused(ID, ["too slow"], "")
