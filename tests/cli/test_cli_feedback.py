"""`fabrik feedback` and `fabrik runs feedback`; `fabrik why`; what is told of reviews while they go on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ledgers import Books, Fabrik, honest_story
from review_stories import Teller, at_the_gate, context, full_round

import fabrik as package
from fabrik.cli.render.events import render
from fabrik.ledger.journal import Journal
from fabrik.ledger.store import Ledger
from fabrik.ledger.types import Event
from fabrik.outcome import Verdict

DOCUMENTED = (Path(package.__file__).parent / "manual/pages/json.md").read_text()


def test_feedback_on_a_running_run_is_for_its_next_session(books: Books, fabrik: Fabrik) -> None:
    run_id = books.dispatch()
    with books.owned(run_id):
        done = fabrik("feedback", run_id, "--notes", "use the parser")
    assert done.returncode == 0
    assert "next implementing session of the run." in done.stdout
    with Ledger.open(books.home.ledger) as ledger:
        [said] = ledger.feedback(run_id)
    assert (said.decision, said.notes, said.gate, said.used_by) == ("noted", "use the parser", None, None)


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        (Verdict.BLOCKED, "used when the run is resumed (fabrik run resume"),
        (Verdict.SHIPPED, "the next run of its spec is told"),
        (Verdict.REJECTED, "the next run of its spec is told"),
    ],
)
def test_feedback_on_an_ended_run(books: Books, fabrik: Fabrik, verdict: Verdict, said: str) -> None:
    run_id = books.finished(verdict, "because")
    assert said in fabrik("feedback", run_id, "--notes", "x").stdout


def test_feedback_on_a_spec_is_about_its_last_run(books: Books, fabrik: Fabrik, tmp_path: Path) -> None:
    spec = tmp_path / "spec.md"
    books.finished(Verdict.SHIPPED, spec_path=str(spec))
    run_id = books.finished(Verdict.SHIPPED, spec_path=str(spec))
    books.finished(Verdict.SHIPPED)
    done = fabrik("feedback", "--spec", str(spec), "--decision", "rejected", "--notes", "too slow", "--json")
    said = json.loads(done.stdout)
    assert (said["run"], said["decision"], said["notes"]) == (run_id, "rejected", "too slow")
    assert [name for name in said if f"`{name}`" not in DOCUMENTED] == []
    other = fabrik("feedback", "--spec", str(tmp_path / "none.md"), "--notes", "x")
    assert (other.returncode, "no run of this spec is known" in other.stderr) == (2, True)


def test_feedback_on_a_spec_is_about_what_did_it(books: Books, fabrik: Fabrik, tmp_path: Path) -> None:
    spec = tmp_path / "one.md"
    done = books.finished(Verdict.SHIPPED, spec_path=str(spec))
    books.finished(Verdict.DONE, spec_path=str(spec), workflow="todo")
    told = fabrik("feedback", "--spec", str(spec), "--notes", "faster, please")
    assert f"Recorded for run {done[-8:]}" in told.stdout


def test_a_decision_at_an_open_gate_decides_it(books: Books, fabrik: Fabrik) -> None:
    run_id = at_the_gate(books, 3)
    with books.owned(run_id):
        done = fabrik("feedback", run_id, "--decision", "approved")
    assert "OVERRIDDEN" in done.stderr
    with Ledger.open(books.home.ledger) as ledger:
        assert ledger.gates(run_id)[0].state == "approved"
        assert [said.gate for said in ledger.feedback(run_id)] == [1]


def test_a_rejection_at_an_open_gate_needs_words(books: Books, fabrik: Fabrik) -> None:
    run_id = at_the_gate(books, 0)
    done = fabrik("feedback", run_id, "--decision", "rejected")
    assert (done.returncode, "say what is wrong" in done.stderr) == (2, True)
    with Ledger.open(books.home.ledger) as ledger:
        assert ledger.gates(run_id)[0].state == "open"


def test_a_note_at_an_open_gate_decides_nothing(books: Books, fabrik: Fabrik) -> None:
    run_id = at_the_gate(books, 0)
    assert "waits for your decision" in fabrik("feedback", run_id, "--notes", "hm").stdout
    with Ledger.open(books.home.ledger) as ledger:
        assert ledger.gates(run_id)[0].state == "open"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name a run or a spec"),
        (["last", "--spec", "x.md", "--notes", "x"], "exclude each other"),
        (["last"], "say something"),
        (["last", "--notes", " "], "say something"),
        (["last", "--decision", "maybe", "--notes", "x"], "maybe"),
    ],
)
def test_feedback_that_says_nothing_is_refused(
    books: Books, fabrik: Fabrik, arguments: list[str], message: str
) -> None:
    books.finished(Verdict.SHIPPED)
    done = fabrik("feedback", *arguments)
    assert (done.returncode, message in done.stderr) == (2, True), done.stderr


def test_what_people_said_is_listed(books: Books, fabrik: Fabrik) -> None:
    run_id = at_the_gate(books, 3)
    fabrik("feedback", run_id, "--notes", "look at \x1b[31mthis\x1b[0m\nand that")
    with Ledger.open(books.home.ledger) as ledger:
        ledger.decide_gate(run_id, 1, approve=True, by="ada", notes=None)
    text = fabrik("runs", "feedback", run_id).stdout
    assert "ada  approved at gate 1, overriding what spoke against it" in text
    assert "    look at this\n    and that\n" in text
    assert "\x1b" not in text
    assert fabrik("runs", "feedback", "--id", run_id).stdout == text
    found = json.loads(fabrik("runs", "feedback", run_id, "--json").stdout)
    assert [said["decision"] for said in found] == ["noted", "approved"]
    assert "Feedback" in fabrik("runs", "show", run_id).stdout
    other = books.finished(Verdict.SHIPPED)
    assert "Nobody has said anything" in fabrik("runs", "feedback", other).stdout
    assert fabrik("runs", "feedback").returncode == 2


def test_why_says_what_would_move_a_run(books: Books, fabrik: Fabrik) -> None:
    run_id = books.dispatch(context=context())
    with books.owned(run_id):
        assert "its worker makes everything ready" in fabrik("why", run_id).stdout
    text = fabrik("why", run_id).stdout
    assert "its worker is gone" in text
    assert f"fabrik run resume {run_id[-8:]}" in text
    assert "no model calls (budget: $5.00)" in text
    document = json.loads(fabrik("why", run_id, "--json").stdout)
    assert (document["standing"], document["budget_usd"]) == ("interrupted", 5.0)
    assert [name for name in document if f"`{name}`" not in DOCUMENTED] == []


def test_why_at_the_gate(books: Books, fabrik: Fabrik) -> None:
    run_id = at_the_gate(books, 60)
    text = fabrik("why", run_id).stdout
    assert "waits for a human" in text
    assert "and 55 more: fabrik runs show" in text
    assert len(text.splitlines()) < 24
    assert f"  fabrik approve {run_id[-8:]}" in text


def test_a_run_of_another_version_is_still_shown(books: Books, fabrik: Fabrik) -> None:
    run_id = books.dispatch(context={"v": 99})
    books.write(run_id, honest_story)
    for command in (["why"], ["runs", "show"], ["run", "attach"]):
        done = fabrik(*command, run_id)
        assert (done.stderr, done.returncode in (0, 3)) == ("", True)
        assert "waits for a human" in done.stdout or "waiting" in done.stdout


def test_eight_reviewers_are_one_line_each(books: Books, fabrik: Fabrik) -> None:
    run_id = books.dispatch(context=context())
    round_ = full_round(2, silent=("tigerstyle",))

    async def story(journal: Journal) -> None:
        await Teller(journal).review("review#1", round_)
        await journal.finish(Verdict.BLOCKED, "x")

    books.write(run_id, story)
    lines = fabrik("run", "attach", run_id, "--from-start").stdout.splitlines()
    told = [" ".join(line.split()[1:]) for line in lines if "review#1" in line]
    assert told[0] == "review#1 ▸ the reviewers begin"
    assert "review#1/security ✗ security wants changes · 2 findings" in told
    assert (
        "review#1 ! tigerstyle gives no verdict · the agent's process crashed 4 times in a row: signal 11"
        in told
    )
    assert told[-1].startswith("review#1 ✗ full review 1 of 3f2a9c1d5e: not approved · 8 approved, 1 want")
    assert len(told) == 1 + 10 + 1
    assert not [line for line in told if "talks" in line]


def event(kind: str, **data: Any) -> Event:
    return Event(seq=1, run="x", at=0.0, kind=kind, step=None, data=data)


@pytest.mark.parametrize(
    ("told", "text"),
    [
        (
            event("gate.approved", by="ada", overriding=True, marks=["a", "b"]),
            "approved, OVERRIDING 2 marks · by ada",
        ),
        (event("gate.rejected", by="ada", notes="no", end=True), "rejected for good · by ada · no"),
        (event("feedback.noted", by="ada", decision="noted", notes="hm"), "feedback · by ada · hm"),
        (
            event("feedback.noted", by="ada", decision="rejected", notes="hm"),
            "feedback: rejected · by ada · hm",
        ),
        (event("run.budget", by="ada", usd=3.0, tokens=None), "a new budget · $3.00 · by ada"),
        (event("review.report", reviewer="security", status="approved", findings=0), "security approves"),
    ],
)
def test_what_people_and_reviewers_do_is_told(told: Event, text: str) -> None:
    assert render(told).text == text


def test_the_marks_of_a_gate_are_told_and_cut() -> None:
    line = render(event("gate.opened", reason="x", marks=[f"mark {n}" for n in range(30)]))
    assert line.detail[:2] == ("against it:", "! mark 0")
    assert line.detail[-1] == "and 20 more"
