"""No progress, or slow progress?"""

from __future__ import annotations

import pytest

from fabrik.workflows.loop.churning import MOST_LINES, NO_TRACE, Trace, trace, undoes
from fabrik.workflows.loop.stuck import (
    NO_NEWS,
    NOTHING_LANDED,
    REWRITTEN,
    Cut,
    Past,
    failure_mark,
    kinds_of,
    repeated,
    stuck,
)
from fabrik.workflows.loop.tags import next_version

CODE: dict[str, object] = {"landed": True, "code": True}
PLAN: dict[str, object] = {"landed": True}
FINISHED: dict[str, object] = {"landed": True, "finished": 1}


def past(*steps: tuple[str, dict[str, object]]) -> list[Past]:
    """Iterations: the tree after each, and what it was."""
    return [Past(number=n, tree=tree, **more) for n, (tree, more) in enumerate(steps, 1)]  # type: ignore[arg-type]


def failing(*failures: str) -> dict[str, object]:
    return {"landed": False, "failures": failures}


NOTHING: dict[str, object] = {"landed": False}


@pytest.mark.parametrize(
    ("name", "steps", "reason"),
    [
        ("it has just begun", [], ""),
        ("nothing twice", [("A", NOTHING)] * 2, ""),
        ("nothing three times", [("A", NOTHING)] * 3, "iterations 1, 2 and 3: the session changed nothing"),
        (
            "work in between",
            [("A", NOTHING), ("A", NOTHING), ("B", CODE), ("B", NOTHING), ("B", NOTHING)],
            "",
        ),
        ("code, and no item is finished", [(t, CODE) for t in "BCDEFGHIJ"], ""),
        ("items, and no code", [(t, FINISHED) for t in "BCDEF"], ""),
        ("failures that differ", [("A", failing(f)) for f in "abcdef"], ""),
        ("the same failure", [("A", failing("a"))] * 4, "the same failure came again (a)"),
        ("the same failure, not yet often", [("A", failing("a"))] * 3, ""),
        ("two failures in turn", [("A", failing(f)) for f in "ababa"], "the same failure came again"),
        (
            "the same failure, then another one",
            [("A", failing("a"))] * 3 + [("A", failing("b"))],
            "",
        ),
        ("back and forth", [(t, CODE) for t in "BABA"], "came back to what they were"),
        ("back and forth with news", [(t, CODE) for t in "BABCDC"], ""),
        ("three states in a circle", [(t, CODE) for t in "BCABC"], "came back"),
        ("only the plan's words", [(t, PLAN) for t in "BCD"], "only the words of the plan changed"),
        ("the plan's words, then code", [("B", PLAN), ("C", PLAN), ("D", CODE), ("E", PLAN)], ""),
        (
            "a mixture",
            [("B", PLAN), ("B", NOTHING), ("A", CODE)],
            "only the words of the plan changed: no item was finished and no code;"
            " the session changed nothing; the files came back",
        ),
        (
            "failing otherwise each time, for long",
            [("A", failing(f"{n}")) for n in range(NOTHING_LANDED)],
            f"nothing has landed in {NOTHING_LANDED} iterations; the last failed with 7",
        ),
    ],
)
def test_stuck(name: str, steps: list[tuple[str, dict[str, object]]], reason: str) -> None:
    found = stuck("A", past(*steps))
    assert (found is not None) == bool(reason), (name, found)
    if found:
        assert reason in found.reason and found.todo


def test_every_iteration_tells_only_when_the_last_one_did_not_move() -> None:
    steps: list[tuple[str, dict[str, object]]] = [("A", failing(f)) for f in "aabab"]
    assert kinds_of("A", past(*steps)) == ["slow", "same failure", "slow", "same failure", "same failure"]


def test_a_loop_that_plans_may_change_words_but_not_go_in_circles() -> None:
    assert stuck("A", past(*[(t, PLAN) for t in "BCDEF"]), plans_only=True) is None
    found = stuck("A", past(*[(t, PLAN) for t in "BABA"]), plans_only=True)
    assert found and "came back" in found.reason


def test_failures_are_compared_without_what_always_differs() -> None:
    one = failure_mark("tests", "exit status 1", "FAILED a.py:12 in 0.31s (pid 77, commit 0a1b2c3d4e)")
    two = failure_mark("tests", "exit status 1", "FAILED a.py:14  in 0.29s (pid 9, commit ffeeddccbb)")
    other = failure_mark("tests", "exit status 1", "FAILED b.py:12 in 0.31s (pid 77, commit 0a1b2c3d4e)")
    assert one == two != other
    said = stuck("A", past(*[("A", failing(one))] * 4))
    assert said and "(tests: exit status 1)" in said.reason


def landings(*traces: Trace) -> list[Past]:
    """Landings of code, each at a tree of its own."""
    return past(*[(f"T{n}", CODE | {"trace": one}) for n, one in enumerate(traces)])


def rewriting(count: int) -> list[Trace]:
    """Landings that each write the same line anew."""
    return [
        trace({"a": (b"head\n%d\n" % n, b"head\n%d\n" % (n + 1))}, "PLAN", items_changed=False)
        for n in range(count)
    ]


def test_the_same_lines_written_anew_again_and_again_is_no_progress() -> None:
    assert stuck("A", landings(*rewriting(REWRITTEN))) is None
    found = stuck("A", landings(*rewriting(REWRITTEN + 1)))
    assert found and "only rewrote the lines of the one before" in found.reason
    grown = Trace(put=("new",))
    assert stuck("A", landings(*rewriting(REWRITTEN), grown, *rewriting(REWRITTEN))) is None
    done = [
        *landings(*rewriting(REWRITTEN))[:-1],
        Past(number=9, tree="D", landed=True, code=True, finished=1),
    ]
    assert stuck("A", [*done, *landings(*rewriting(REWRITTEN))]) is None


def test_many_small_landings_go_on_and_very_many_without_any_news_do_not() -> None:
    growing = [Trace(put=(f"{n}",)) for n in range(NO_NEWS)]
    assert stuck("A", landings(*growing[1:])) is None
    found = stuck("A", landings(*growing))
    assert found and f"in {NO_NEWS} landings no item of the plan was finished" in found.reason
    growing[5] = Trace(put=("5",), news=True)  # a test was added
    assert stuck("A", landings(*growing)) is None


def test_sessions_that_are_cut_off_come_to_an_end() -> None:
    cut = Cut().after(timed_out=True)
    unfinished = CODE | {"cut": cut, "trace": NO_TRACE}
    assert stuck("A", past(("B", unfinished), ("C", unfinished))) is None
    found = stuck("A", past(*[(tree, unfinished) for tree in "BCD"]))
    assert found and "3 sessions in a row reached their time limit" in found.reason
    assert stuck("A", past(*[(tree, unfinished | {"finished": 1}) for tree in "BCD"])) is None
    again = Cut().after(timed_out=False).after(timed_out=True).after(timed_out=True)
    assert stuck("A", past(("B", unfinished), ("C", CODE | {"cut": again}))) is None
    assert again.after(timed_out=True).often and not again.often


def test_sessions_that_fail_in_the_same_way_end_an_iteration() -> None:
    same, other = ("tests: 1 ~a",), ("tests: 1 ~b",)
    assert repeated([same] * 3) and repeated([other, same, same, same])
    for differ in ([same] * 2, [same, same, other], [same, other, same], [()] * 3):
        assert not repeated(differ)
    again = failing("a") | {"repeated": True}
    assert kinds_of("A", past(("A", again))) == ["same failure"]
    assert stuck("A", past(*[("A", again)] * 3))


def test_what_a_landing_leaves() -> None:
    sides = {"a": (b"1\n2\n", b"1\n3\n"), "PLAN": (b"x", b"y"), "gone": (b"g\n", None)}
    found = trace(sides, "PLAN", items_changed=False)
    assert (len(found.took), len(found.put), found.news) == (2, 1, False)
    assert trace({"t.py": (None, b"def test_x(): ...")}, "PLAN", items_changed=False).news
    assert not trace({"PLAN": (None, b"def test_x(): ...")}, "PLAN", items_changed=False).news
    long = b"\n".join(b"%d" % n for n in range(MOST_LINES + 2))
    assert trace({"a": (b"0", long), "b": (b"1", b"2")}, "PLAN", items_changed=True) == Trace(news=True)
    assert not undoes(NO_TRACE, found) and not undoes(found, found)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([], "0.0.0"),
        (["release-7", "v1", "1.2", "1.0.0-rc1", "x1.0.0", "1.0.0.0", "01.0.0"], "0.0.0"),
        (["0.0.0"], "0.0.1"),
        (["0.0.9", "0.0.10", "0.0.2"], "0.0.11"),
        (["v1.2.3", "v1.10.0"], "v1.10.1"),
        (["1.2.3", "v1.2.3"], "v1.2.4"),
        (["2.0.0", "v1.9.9"], "2.0.1"),
    ],
)
def test_the_next_version(names: list[str], expected: str) -> None:
    assert next_version(names) == expected
