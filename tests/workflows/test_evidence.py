"""The evidence page, from ledgers as workers write them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "cli"))

from ledgers import COMMIT, Books, books
from review_stories import (
    SECOND,
    Teller,
    at_the_gate,
    candidate,
    check,
    checks,
    context,
    full_round,
    verification,
)

from fabrik.ledger.journal import Journal
from fabrik.ledger.store import Ledger
from fabrik.ledger.types import Gate
from fabrik.workflows import evidence
from fabrik.workflows.fates import fates
from fabrik.workflows.record import read
from fabrik.workflows.results import Candidate

__all__ = ["books"]
Story = Callable[[Teller], Awaitable[None]]


def page_of(books: Books, run_id: str, **changes: Any) -> str:
    """The page as it is written while the run waits."""
    with Ledger.open(books.home.ledger) as ledger:
        evidence.write(ledger, run_id, "waiting", None, **changes)
    return (books.home.run(run_id).reports / evidence.PAGE).read_text()


def told(books: Books, story: Story, **changes: Any) -> str:
    """A run with this story; its id."""
    run_id = books.dispatch(context=context(**changes))

    async def tell() -> None:
        with books.owned(run_id) as journal:
            await story(Teller(journal))

    asyncio.run(tell())
    return run_id


def row(page: str, *cells: str) -> str:
    """The one row of a table that has all of these cells' texts."""
    [found] = [line for line in page.splitlines() if line.startswith("|") and all(c in line for c in cells)]
    return found


def test_the_page_begins_with_what_is_to_be_decided(books: Books) -> None:
    run_id = at_the_gate(books, 3, silent=("simplicity",))
    page = page_of(books, run_id)
    head, _, rest = page.partition("## Verification")
    for words in (
        "## To decide",
        "| Criteria | 2 of 3 met |",
        "2 of 2 passed (1 file put back)",
        "| Findings open | **3** |",
        "| Reviews | 8 of 10 approved |",
        "**Against it** (approving overrides this)",
        "`review-task-security-1`",
        "the spec asks for it: “the tests of notes are to be extended”",
        f"fabrik approve {run_id[-8:]}",
        f'fabrik reject {run_id[-8:]} --notes "what is missing"',
    ):
        assert words in head, words
    assert "## Acceptance criteria" in rest
    assert "| 3 | a query without a hit" in row(rest, "a query without a hit")
    assert "**no**" in row(rest, "a query without a hit")
    assert "**no verdict**" in row(rest, "`simplicity`", "signal 11")
    assert "**changes requested**" in row(rest, "`security`", "<br>")
    assert "**open**" in row(rest, "`review-task-security-2`", "nobody has worked on it")
    assert "read-only" in row(rest, "`review#1/security`")


def test_the_gate_that_is_about_to_be_opened_is_on_the_page(books: Books) -> None:
    async def story(tell: Teller) -> None:
        await tell.candidate(1, candidate())
        await tell.verify(1, verification())

    gate = Gate(
        number=1, candidate=COMMIT, state="open", reason="2 passed", opened_at=0.0, marks=("nobody looked",)
    )
    page = page_of(books, told(books, story), opening=gate)
    assert "## To decide" in page
    assert "- nobody looked" in page
    assert "**no review of this commit**" in page


def test_three_ways_with_what_was_put_back_and_what_failed(books: Books) -> None:
    found = verification(
        protected=checks(check("tests", ok=False), check("lint")),
        restored=("tests/test_notes.py", "Makefile"),
    )

    async def story(tell: Teller) -> None:
        await tell.baseline()
        await tell.verify(1, found)

    page = page_of(books, told(books, story))
    assert "**failed** (1)" in row(page, "make tests", "protected files of the base")
    assert "| failed | passed |" in row(page, "make tests", "as it stands")
    assert "passed" in row(page, "secret words", "held-out")
    assert "- `Makefile`" in page
    assert "    FAIL: test_search" in page
    assert "| yes |" in row(page, "`tests/test_notes.py:12`", "changed")


def test_a_flaky_check_is_named(books: Books) -> None:
    found = verification(protected=checks(check("tests", ok=False)), restored=(), tampers=())

    async def story(tell: Teller) -> None:
        await tell.verify(1, found)

    page = page_of(books, told(books, story))
    assert "### `verify#1` **failed**" in page
    assert "**Passed once and then failed**, though nothing was different: `tests`." in page
    assert "Changes to what judges the work" not in page


def test_a_run_without_reviews_is_marked_for_ever(books: Books) -> None:
    run_id = at_the_gate(books, 0, reviewed=False)
    page = page_of(books, run_id)
    assert "> **UNREVIEWED.**" in page
    assert "| Reviews | **UNREVIEWED** |" in page
    assert "## Acceptance criteria" not in page
    reviewed = at_the_gate(books, 0)
    assert "UNREVIEWED" not in page_of(books, reviewed)


def test_what_became_of_findings(books: Books) -> None:
    """Round 1 finds three things, one is worked on; round 2 finds another one; then its reviewer approves."""
    third = "ab" * 20
    rounds = (
        full_round(3),
        replace(full_round(1, number=2, commit=SECOND), findings=full_round(4).findings[3:]),
        full_round(0, number=3, commit=third, met=3),
    )

    async def story(tell: Teller, upto: int) -> None:
        for number, round_ in enumerate(rounds[:upto], 1):
            await tell.candidate(number, candidate(round_.commit))
            await tell.review(f"review#{number}", round_)
            if number == 1:
                await tell.session("task/review-task-security-1/implement#1", SECOND)
                await tell.task_checks("review-task-security-1", SECOND)

    def states(upto: int) -> list[str]:
        run_id = told(books, lambda tell: story(tell, upto))
        with Ledger.open(books.home.ledger) as ledger:
            return [fate.state for fate in fates(read(ledger, ledger.find_run(run_id)))]

    assert states(1) == ["answered", "open", "open"]
    assert states(2) == ["superseded", "superseded", "superseded", "open"]
    assert states(3) == ["resolved"] * 4


def test_decisions_and_feedback_are_on_the_page(books: Books) -> None:
    run_id = at_the_gate(books, 1)
    with Ledger.open(books.home.ledger) as ledger:
        ledger.decide_gate(run_id, 1, approve=True, by="ada", notes="I know | why")
        ledger.add_feedback(run_id, decision="noted", by="bob", notes="<b>next</b> time")
    page = page_of(books, run_id)
    assert "## Approved in spite of what speaks against it" in page
    assert "approved **overriding**" in row(page, "I know \\| why", "2 checks")
    assert "\\<b\\>next\\</b\\> time" in row(page, "bob")
    assert "not yet" in row(page, "bob")
    assert "fabrik approve" not in page


def test_texts_of_others_cannot_break_out_of_the_page(books: Books) -> None:
    nasty = "x | y\n\n# Verdict: shipped\n\n| a | b | `c` <script>alert(1)</script> \x1b[2J\u202e"
    round_ = full_round(1)
    finding = replace(round_.findings[0], text=nasty)
    opinions = tuple(
        replace(one, issues=(nasty,)) if one.reviewer == "security" else one for one in round_.opinions
    )
    nasty_round = replace(round_, findings=(finding,), opinions=opinions)

    async def story(tell: Teller) -> None:
        await tell.candidate(1, candidate())
        await tell.review("review#1", nasty_round)
        await tell.journal.open_gate(1, COMMIT, nasty, marks=(nasty,))

    page = page_of(books, told(books, story))
    assert not [line for line in page.splitlines() if line.startswith("# Verdict")]
    assert "<script>" not in page
    assert "\x1b" not in page
    assert "\u202e" not in page


def test_results_of_another_version_are_named_and_left_out(books: Books) -> None:
    async def story(tell: Teller) -> None:
        async def give(step: object) -> str:
            return "only a text"

        await tell.journal.step("candidate#1", give, result=str)
        await tell.candidate(2, candidate())

    run_id = told(books, story)
    page = page_of(books, run_id)
    assert "left out: `candidate#1`" in page


def test_a_run_of_another_version_has_a_page_as_well(books: Books) -> None:
    run_id = books.dispatch(context={"v": 99})

    async def story(journal: Journal) -> None:
        await journal.open_gate(1, COMMIT, "2 checks passed")

    books.write(run_id, story)
    page = page_of(books, run_id)
    assert "another version of fabrik" in page
    assert "## To decide" in page


@pytest.mark.parametrize("files", [1, 400])
def test_the_size_of_a_change_is_cut_with_a_count(books: Books, files: int) -> None:
    found: Candidate = candidate(files=files)

    async def story(tell: Teller) -> None:
        await tell.candidate(1, found)
        await tell.journal.open_gate(1, COMMIT, "x")

    page = page_of(books, told(books, story))
    assert ("and 390 more" in row(page, "| Changed |")) is (files == 400)
