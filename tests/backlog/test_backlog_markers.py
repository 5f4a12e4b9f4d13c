"""Candidate and done markers: read as others wrote them, written whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabrik.backlog import markers

ONE, TWO = "1" * 40, "2" * 40


@pytest.mark.parametrize(
    ("content", "commit"),
    [
        ({"commit": ONE}, ONE),
        ({"candidate_commit": ONE, "base_commit": TWO}, ONE),
        ({"base": TWO, "commit_hash": ONE}, ONE),
        ({"spec": "x", "result": {"sha": ONE}}, ONE),
        ({"spec": "x", "notes": [TWO, {"commit": ONE}]}, ONE),
        ({"output": f"DONE REPORT\n{ONE}\nPHRASE"}, ONE),
        ({"commit": ONE.upper()}, ONE),
        ({"commit": f" {ONE}\n"}, ONE),
        ([ONE], ONE),
        (ONE, ONE),
        ({"commit": "abc"}, None),
        ({"commit": None}, None),
        ({}, None),
        ({"output": f"{ONE} or {TWO}"}, None),
    ],
)
def test_the_commit_of_a_candidate(tmp_path: Path, content: Any, commit: str | None) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(content))
    found = markers.read_candidate(path)
    assert found is not None and found.commit == commit


@pytest.mark.parametrize(
    ("text", "commit"), [(f"not json {ONE}", ONE), ("", None), ("{", None), ("[" * 9999, None)]
)
def test_a_candidate_that_is_no_json(tmp_path: Path, text: str, commit: str | None) -> None:
    (tmp_path / "a.json").write_text(text)
    found = markers.read_candidate(tmp_path / "a.json")
    assert found is not None and found.commit == commit


def test_no_marker(tmp_path: Path) -> None:
    assert markers.read_candidate(tmp_path / "a.json") is None
    assert markers.read_done(tmp_path / "a.md") is None


@pytest.mark.parametrize(
    ("text", "commit"),
    [
        (f"# Done\n\nCommit: `{ONE}`\n", ONE),
        (f"candidate={ONE} verified\n{TWO}", ONE),
        ("done\n", None),
        ("", None),
        (f"{ONE}0", None),
    ],
)
def test_done_is_done_whatever_stands_there(tmp_path: Path, text: str, commit: str | None) -> None:
    (tmp_path / "a.md").write_text(text)
    assert markers.read_done(tmp_path / "a.md") == markers.Done(commit=commit)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    candidate, done = tmp_path / "c" / "area" / "a.json", tmp_path / "d" / "area" / "a.md"
    markers.write_candidate(
        candidate, spec="area/0001-a.md", commit=ONE, at="T", attempt=2, run="R", repo="r", output="x\n" * 99
    )
    assert markers.read_candidate(candidate) == markers.Candidate(commit=ONE, run="R")
    assert json.loads(candidate.read_text())["output_tail"].count("x") == markers.TAIL_LINES
    text = markers.done_text(
        spec="area/0001-a.md",
        title="A",
        commit=ONE,
        at="T",
        run="R",
        attempts=2,
        repo="r",
        branch="main",
        checks=[("make `test`", True)],
        output=f"```\n{TWO}\n```",
    )
    markers.write_done(done, text)
    assert markers.read_done(done) == markers.Done(commit=ONE)
    assert "````text" in text and "- passed: `make 'test'`" in text
    assert [path.name for path in done.parent.iterdir()] == ["a.md"]


@given(st.binary(max_size=300))
def test_any_bytes_are_a_marker(data: bytes) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "a"
        path.write_bytes(data)
        assert markers.read_candidate(path) is not None
        assert markers.read_done(path) is not None
