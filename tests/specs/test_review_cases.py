"""Single sentences and commands in a spec that is right but for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from fabrik.problems import Problem
from fabrik.specs.reviewing.finding import capped
from fabrik.specs.reviewing.review import Reviewed, review

SPEC = """# {title}

## Goals

- Files above 5 MB are refused

## Non-Goals

- {non_goal}

## Acceptance Criteria

- {criteria}
- An empty file gets status 422 and the body `empty`

## Verification

```sh
{check}
```
"""
RIGHT = {
    "title": "Upload limit",
    "non_goal": "Anything in the admin area",
    "criteria": "A file of 4 MB gets status 201",
    "check": "pytest -q tests/test_upload.py",
}


def reviewed(tmp_path: Path, **changed: str) -> Reviewed:
    path = tmp_path / "upload-limit.md"
    path.write_text(SPEC.format(**RIGHT | changed), encoding="utf-8")
    return review([path])[0]


def refused_for(found: Reviewed, rule: str) -> bool:
    return found.verdict == "needs work" and any(one.rule == rule for one in found.findings)


@pytest.mark.parametrize(
    "said",
    [
        "See ticket JIRA-123",
        "Same as before",
        "Status 413 for big files as discussed with Anna",
        "Documentation is updated",
    ],
)
def test_what_points_elsewhere_cannot_be_checked(said: str, tmp_path: Path) -> None:
    assert refused_for(reviewed(tmp_path, criteria=said), "uncheckable-criterion")


def test_a_list_without_an_end_is_vague_with_numbers_too(tmp_path: Path) -> None:
    assert refused_for(reviewed(tmp_path, criteria="A file of 4 MB gets status 201 and so on"), "vague-words")


@pytest.mark.parametrize("said", ["Consider adding a progress bar", "Ideally, uploads resume"])
def test_a_hedge_is_no_criterion(said: str, tmp_path: Path) -> None:
    assert refused_for(reviewed(tmp_path, criteria=said), "conditional-steps")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("An idle session ends after 15 minutes", "An idle session ends after 30 minutes"),
        ("A file of 6 MB gets status 413", "A file of 6 MB gets status 400"),
        ("The timeout is 15 minutes", "The timeout is 30 minutes"),
        ("The list shows newest first", "The list shows oldest first"),
        ("Names are stored in UTF-8", "Names are not stored in UTF-8"),
        ("The server keeps the file", "The server does not keep the file"),
        ("At least 3 retries are made", "At most 2 retries are made"),
    ],
)
def test_what_cannot_both_hold(one: str, other: str, tmp_path: Path) -> None:
    assert refused_for(reviewed(tmp_path, criteria=f"{one}\n- {other}"), "contradiction")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("A file of 3 MB gets status 201", "A file of 4 MB gets status 201"),
        ("`GET /p/1` returns 200", "`GET /p/2` returns 404"),
        ("A link still works after 10 minutes", "A link still works after 59 minutes"),
        ("The list shows note 1", "The list shows note 2"),
        ("At least 2 retries are made", "At most 3 retries are made"),
        ("An admin is allowed to delete", "A guest is not allowed to delete"),
        ("Clicking Date shows newest first", "Clicking Date again shows oldest first"),
    ],
)
def test_what_can_both_hold(one: str, other: str, tmp_path: Path) -> None:
    found = reviewed(tmp_path, criteria=f"{one}\n- {other}")
    assert not any(finding.rule == "contradiction" for finding in found.findings), found


@pytest.mark.parametrize(
    "check",
    [
        "pytest --collect-only",
        "pytest -q tests/test_upload.py &",
        "npm test --if-present",
        "set +e; pytest -q; echo done",
        "if pytest -q; then echo ok; else echo bad; fi",
        "pytest -q | grep passed",
    ],
)
def test_a_check_that_passes_anyway(check: str, tmp_path: Path) -> None:
    assert refused_for(reviewed(tmp_path, check=check), "check-cannot-fail")


@pytest.mark.parametrize(
    "check",
    [
        "prove -l t/upload.t",
        "pytest -q tests/test_upload.py && echo done",
        "set -e; pytest -q; echo done",
        "if pytest -q; then echo ok; else exit 1; fi",
        "set -o pipefail; pytest -q | grep passed",
        "pytest -q tests/test_upload.py tests/test_calendar.py",
        "pytest -q tests/test_integration.py",
        "[ -f upload.txt ] && make test",
    ],
)
def test_a_check_that_can_fail(check: str, tmp_path: Path) -> None:
    assert reviewed(tmp_path, check=check).findings == ()


@pytest.mark.parametrize("check", ["[your test command]", "<command>", "TODO"])
def test_the_place_of_a_check_is_none(check: str, tmp_path: Path) -> None:
    assert refused_for(reviewed(tmp_path, check=check), "placeholder")


def test_three_topics_in_a_title(tmp_path: Path) -> None:
    assert refused_for(
        reviewed(tmp_path, title="Upload limit, dark mode, and a new payroll engine"), "two-topics"
    )
    assert reviewed(tmp_path, title="Upload of PNG, JPEG and GIF files").verdict == "ready"


@pytest.mark.parametrize(
    "said",
    [
        "A file whose name has a quick brown fox in it gets status 201",
        "All tests that pass today pass, and none was changed",
    ],
)
def test_a_good_sentence_stays_so(said: str, tmp_path: Path) -> None:
    assert reviewed(tmp_path, criteria=said).findings == ()


def test_speed_beside_a_status_is_still_no_number(tmp_path: Path) -> None:
    found = reviewed(tmp_path, criteria="The upload is quick and gets status 201")
    assert refused_for(found, "unmeasurable-performance")


def test_non_goals_of_the_template_are_not_those_of_a_spec(tmp_path: Path) -> None:
    left = "What looks related and is left alone this time"
    assert refused_for(reviewed(tmp_path, non_goal=left), "placeholder")
    assert reviewed(tmp_path, non_goal="What users see: nothing about it changes").findings == ()


def test_points_that_do_not_count_are_told(tmp_path: Path) -> None:
    found = reviewed(tmp_path, criteria="\n- ".join(f"Part {n} is handled properly" for n in "abcde"))
    counted = sum(one.points for one in found.findings) - sum(
        total - most for _, total, most in capped(found.findings)
    )
    assert capped(found.findings) and max(0, 100 - counted) == found.score


def test_what_cannot_be_read_does_not_hide_the_others(tmp_path: Path) -> None:
    (tmp_path / "broken.md").write_bytes(b"\xff\xfe")
    (tmp_path / "good.md").write_text(SPEC.format(**RIGHT), encoding="utf-8")
    unread: list[Problem] = []
    (found,) = review([tmp_path / "broken.md", tmp_path / "good.md"], unread=unread)
    assert found.verdict == "ready" and len(unread) == 1


def test_a_note_where_a_run_refuses_what_a_reader_understands(tmp_path: Path) -> None:
    path = tmp_path / "refund.md"
    path.write_text(SPEC.format(**RIGHT).replace("## Acceptance Criteria", "## Scenarios"), encoding="utf-8")
    (found,) = review([path])
    (note,) = found.findings
    assert found.verdict == "ready" and found.score == 100
    assert note.rule == "run-refuses" and "`fabrik run` refuses it: it has no acceptance criteria" in note.why
