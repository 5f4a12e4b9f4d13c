"""When attempts at a spec count as the same failure."""

from __future__ import annotations

import pytest

from fabrik.workflows.backlog.repetition import Failure, Repetition, checks_failure


def failed(output: str, tree: str, how: str = "make: exit status 1") -> Failure:
    return checks_failure([(how, output)], tree)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (failed("no", "t1"), failed("no", "t2"), True),
        (failed("no in 0.31s (0a1b2c3d)", "t1"), failed("no in 2 s (ffeeddcc)", "t2"), True),
        (failed("no", "t1"), failed("nearly", "t1"), True),
        (failed("coverage 71", "t1"), failed("coverage 74", "t2"), False),
        (failed("", "t1"), failed("", "t2"), False),
        (failed("no", "t1"), failed("no", "t1", "make: exit status 2"), False),
        (Failure(kind="no phrase", tree="t1"), Failure(kind="no phrase", tree="t1"), True),
        (Failure(kind="no phrase", tree="t1"), Failure(kind="no phrase", tree="t2"), False),
    ],
)
def test_what_is_the_same_failure(one: Failure, other: Failure, same: bool) -> None:
    assert one.same_as(other) is same


def test_only_three_in_a_row_count_and_then_it_begins_again() -> None:
    met = Repetition()
    a, b = failed("a", "t1"), failed("b", "t2")
    assert [met.met(one) for one in (a, a, b, a, a, a, a, a, a)] == [
        *(False, False, False, False, False, True),
        *(False, False, True),
    ]
