"""The approval gate on one screen, and what deciding there says."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from ledgers import COMMIT, Books, Fabrik
from review_stories import ACCEPT, at_the_gate, full_round, marks_of

import fabrik as package
from fabrik.cli.render.fit import columns
from fabrik.cli.render.gate_screen import HEIGHT, WIDTH, gate_screen
from fabrik.ledger.store import Ledger
from fabrik.workflows.decision import Decision, decision
from fabrik.workflows.record import read


def shown(books: Books, run_id: str, width: int = WIDTH) -> list[str]:
    """The screen of a run's last gate."""
    with Ledger.open(books.home.ledger) as ledger:
        record = read(ledger, ledger.find_run(run_id))
    found = decision(record, record.gates[-1])
    evidence = Path(record.run.directory) / "reports" / "evidence.md"
    now = found.gate.opened_at + 5
    return [text for text, _ in gate_screen(record.run, found, now=now, evidence=evidence, width=width)]


def decided(books: Books, run_id: str) -> Decision:
    with Ledger.open(books.home.ledger) as ledger:
        record = read(ledger, ledger.find_run(run_id))
    return decision(record, record.gates[-1])


@pytest.mark.parametrize("findings", [0, 3, 60])
def test_one_screen_whatever_was_found(books: Books, findings: int) -> None:
    silent = ("simplicity",) if findings else ()
    lines = shown(books, at_the_gate(books, findings, silent=silent, files=findings + 3))
    copied = [line for line in lines if "git fetch" in line or "evidence.md" in line]
    rows = sum(max(1, -(-columns(line) // WIDTH)) for line in lines)
    assert rows <= HEIGHT
    assert all(columns(line) <= WIDTH for line in lines if line not in copied)
    text = "\n".join(lines)
    for words in (
        "waiting  0001-search: Search in notes",
        "people find a note by any word of it",
        "in 3 commits",
        "Criteria  2 of 3 met",
        "as it stands",
        "with the base's protected files",
        "held-out",
        "tests/test_notes.py:12 asked for: “the tests of notes are to be extended”",
        "$0.04",
        "fabrik runs diff",
        "refs/fabrik/candidate",
        "fabrik approve",
        "fabrik reject",
    ):
        assert words in text, words
    if findings:
        assert f"Findings  {findings} open" in text
        assert "security-1  src/notes/search_1.py:1" in text
        assert f"Approving overrides {findings + 1} marks" in text
        assert "! simplicity gave no verdict" in text
        assert f"! the {findings} open findings above" in text
    else:
        assert "none open; 10 of 10 reviewers approved" in text
        assert "Approving overrides" not in text
    assert ("more findings" in text) is (findings == 60)
    assert findings < 60 or "more files" in text


def test_what_is_not_met_comes_first(books: Books) -> None:
    lines = shown(books, at_the_gate(books, 0))
    at = next(number for number, line in enumerate(lines) if line.startswith("Criteria"))
    assert lines[at + 1].startswith("  ✗ 3. ")
    assert "no test and no code handles this" in lines[at + 1]
    assert lines[at + 2].startswith("  ✓ 1. ")
    assert lines[at + 2].endswith("test tests/test_search.py:14")


def test_a_run_without_reviews_says_so_and_its_criteria_are_open(books: Books) -> None:
    run_id = at_the_gate(books, 0, reviewed=False, unchecked=True)
    text = "\n".join(shown(books, run_id))
    assert "UNREVIEWED" in text
    assert "UNCHECKED" in text
    assert "no verifier has looked at them" in text
    assert f"– 1. {ACCEPT[0]}" in text
    assert "Findings" not in text


def test_texts_of_others_cannot_break_the_screen(books: Books) -> None:
    title = "wide 漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字 \x1b[31mred\nline"
    run_id = at_the_gate(books, 0, spec_title=title)
    lines = shown(books, run_id)
    assert all("\x1b" not in line and "\n" not in line for line in lines)
    assert columns(lines[0]) <= WIDTH
    assert lines[0].endswith("…")


def test_a_narrow_terminal_cuts_lines_and_not_commands(books: Books) -> None:
    run_id = at_the_gate(books, 3)
    lines = shown(books, run_id, width=50)
    assert f"  fabrik approve {run_id[-8:]}" in lines
    assert all(columns(line) <= 50 for line in lines if "fetch" not in line and "evidence" not in line)


def test_a_verdict_counts_for_its_own_commit(books: Books) -> None:
    """A review of another commit is not shown as the review of the candidate."""
    run_id = at_the_gate(books, 3)
    with Ledger.open(books.home.ledger) as ledger:
        record = read(ledger, ledger.find_run(run_id))
    other = replace(record.gates[-1], candidate="ab" * 20)
    found = decision(record, other)
    assert found.opinions == ()
    assert found.findings == ()
    assert all(one.met is None for one in found.criteria)
    assert (found.candidate, found.ways) == (None, ())


def test_marks_that_say_the_same_as_a_finding_are_not_shown_twice(books: Books) -> None:
    run_id = at_the_gate(books, 3, silent=("verifier",))
    found = decided(books, run_id)
    round_ = full_round(3, silent=("verifier",))
    assert found.gate.marks == marks_of(round_)
    assert [mark.split()[0] for mark in found.other_marks] == ["verifier"]


def test_attach_and_show_begin_with_the_gate(books: Books, fabrik: Fabrik) -> None:
    run_id = at_the_gate(books, 3)
    attached = fabrik("run", "attach", run_id)
    assert attached.returncode == 3
    assert "Approving overrides 3 marks against it:" in attached.stdout
    page = fabrik("runs", "show", run_id).stdout
    assert page.startswith("waiting  0001-search")
    assert "\x1b" not in page
    for words in ("Reviews", "round 1 (full)", "review-task-security-2", "nobody has worked on it"):
        assert words in page


def test_approving_in_spite_of_marks_is_said_loudly_and_recorded(books: Books, fabrik: Fabrik) -> None:
    run_id = at_the_gate(books, 3)
    with books.owned(run_id):  # somebody else has the run: this command can only decide
        done = fabrik("approve", run_id)
    assert "OVERRIDDEN by your approval, and recorded as such: 3 marks" in done.stderr
    assert "! review-task-security-1: " in done.stderr
    with Ledger.open(books.home.ledger) as ledger:
        [gate], [said] = ledger.gates(run_id), ledger.feedback(run_id)
    assert (gate.state, gate.overriding, said.overriding) == ("approved", True, True)


def test_approving_what_nothing_speaks_against_overrides_nothing(books: Books, fabrik: Fabrik) -> None:
    run_id = at_the_gate(books, 0)
    with books.owned(run_id):
        done = fabrik("approve", run_id)
    assert "OVERRIDDEN" not in done.stderr
    with Ledger.open(books.home.ledger) as ledger:
        assert ledger.gates(run_id)[0].overriding is False


@pytest.mark.parametrize("end", [True, False])
def test_a_rejection_says_whether_it_ends_the_run(books: Books, fabrik: Fabrik, end: bool) -> None:
    run_id = at_the_gate(books, 0)
    with books.owned(run_id):
        fabrik("reject", run_id, "--notes", "no tests", *(["--end"] if end else []))
    with Ledger.open(books.home.ledger) as ledger:
        event = ledger.last_event(run_id, ["gate.rejected"])
        assert ledger.gates(run_id)[0].candidate == COMMIT
    assert event is not None
    assert (event.data["end"], event.data["notes"]) == (end, "no tests")


def test_the_json_has_marks_findings_criteria_and_reviews(books: Books, fabrik: Fabrik) -> None:
    run_id = at_the_gate(books, 3, silent=("simplicity",))
    document = json.loads(fabrik("runs", "show", run_id, "--json").stdout)
    assert len(document["gates"][0]["marks"]) == 4
    assert [finding["state"] for finding in document["findings"]] == ["open"] * 3
    assert [criterion["met"] for criterion in document["criteria"]] == [True, True, False]
    statuses = {review["reviewer"]: review["status"] for review in document["reviews"]}
    assert statuses["simplicity"] == "no_verdict"
    assert statuses["security"] == "changes_requested"
    assert len(statuses) == 10
    assert document["standing"]["standing"] == "gate"
    documented = (Path(package.__file__).parent / "manual/pages/json.md").read_text()
    names = [*document["findings"][0], *document["criteria"][0], *document["reviews"][0]]
    assert [name for name in names if f"`{name}`" not in documented] == []
