"""The agent's report in an interview: a question or a whole spec, and every mistake is told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from interviews import ORDER, problem, proposal, question, read, spec

from fabrik.specs.read import read_spec
from fabrik.workflows.interview.model import Exchange, Proposal, Question
from fabrik.workflows.interview.talk import Talk


def test_a_question() -> None:
    asked = read({"v": 1, "question": " Who\u202e? ", "why": "It matters.", "options": ["A", "B", "A"]})
    assert asked == Question(text="Who?", why="It matters.", options=("A", "B"))
    assert read({"v": 1, "question": "Who?"}) == Question(text="Who?")
    assert read(b'```json\n{"v": 1, "question": "Who?"}\n```') == Question(text="Who?")


@pytest.mark.parametrize(
    ("report", "what"),
    [
        (None, "there is no report"),
        (b"Who?", "not one valid JSON object"),
        ([], "not a JSON object"),
        ({}, "v: is missing"),
        ({"v": 2, "question": "Who?"}, "v: must be 1"),
        ({"v": 1}, "neither a question nor a spec"),
        ({"v": 1, "question": "Who?", "spec": spec()}, "both a question and a spec"),
        ({"v": 1, "question": " "}, "question: must not be empty"),
        ({"v": 1, "question": "Who?", "options": "A"}, "options: must be a list"),
        ({"v": 1, "question": "Who?", "options": ["A", ""]}, "options[1]: must not be empty"),
        ({"v": 1, "question": "Who?", "opions": []}, "did you mean `options`?"),
        ({"v": 1, "question": "Who?", "options": [str(n) for n in range(10)]}, "options"),
        (b'{"v": 1, "question": "Who?", "question": "What?"}', "there twice"),
    ],
)
def test_a_report_that_is_neither(report: Any, what: str) -> None:
    assert what in problem(report)


def test_nothing_is_asked_twice() -> None:
    talk = Talk(most=12, exchanges=[Exchange(asked=question("Who searches?"), answer=None)])
    assert "as question 1" in problem({"v": 1, "question": "who  searches"}, talk)
    assert isinstance(read({"v": 1, "question": "Who writes?"}, talk), Question)


def test_nothing_is_asked_when_the_spec_is_to_be_written() -> None:
    assert "written now: All 0 questions" in problem({"v": 1, "question": "Who?"}, Talk(most=0))
    assert "this is enough" in problem({"v": 1, "question": "Who?"}, Talk(most=9, enough=True))


def test_a_spec_is_completed_by_the_host(tmp_path: Path) -> None:
    said = spec(status="done", version="9", lastUpdated="never", v=7)
    found = read({"v": 1, "spec": said})
    assert isinstance(found, Proposal)
    document = found.document
    assert list(document)[:6] == ["v", "id", "title", "status", "version", "lastUpdated"]
    assert (document["v"], document["status"], document["lastUpdated"]) == (1, "ready", "2026-11-20")
    assert document["req"] == {"api": [], "behavior": said["req"]["behavior"], "obs": []}
    path = tmp_path / "find-notes.json"
    path.write_text(json.dumps(document))
    markdown = tmp_path / "find-notes.md"
    markdown.write_text(found.markdown)
    as_json, as_markdown = read_spec(path), read_spec(markdown)
    assert replace(as_json, path=Path(), source="") == replace(as_markdown, path=Path(), source="")
    assert as_json.accept == tuple(said["accept"])


def test_the_persons_name_for_it_counts() -> None:
    named = replace(ORDER, id="0004-search")
    found = read({"v": 1, "spec": spec()}, order=named)
    assert isinstance(found, Proposal) and found.id == "0004-search"
    assert isinstance(read({"v": 1, "spec": spec(id=None)}, order=named), Proposal)


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        ({"goals": []}, "goals: must not be empty"),
        ({"accept": None}, "accept: must not be empty"),
        ({"title": None}, "title: is missing"),
        ({"id": "no good"}, "cannot be part of a branch name"),
        ({"id": "Old"}, "is the id of a spec that is there"),
        ({"id": None}, "id: is missing"),
        ({"req": []}, "req: must be an object"),
        ({"req": {"behaviour": ["x"]}}, "did you mean `behavior`?"),
        ({"checks": []}, "has no command that proves"),
        ({"checks": ["make test || true"]}, "can never fail"),
        ({"checks": [{"name": "a", "cmd": "make test"}]}, "checks[0]"),
        ({"holdout": [{"run": "sh x"}]}, "held-out checks are not for agents"),
        ({"dependsOn": ["other"]}, "there is no spec 'other'"),
        ({"mayChange": ["/etc/passwd"]}, "absolute path"),
        ({"acceptance": ["x"]}, "did you mean `accept`?"),
    ],
)
def test_a_spec_that_cannot_be_used(wrong: dict[str, Any], what: str) -> None:
    assert what in problem({"v": 1, "spec": spec(**wrong)})


def test_all_mistakes_are_told_at_once() -> None:
    told = problem({"v": 1, "spec": spec(goals=[], accept=[1], title="")})
    assert "goals" in told and "accept[0]" in told and "title" in told


def test_what_a_spec_may_depend_on() -> None:
    assert proposal(dependsOn=["old"]).document["dependsOn"] == ["old"]
