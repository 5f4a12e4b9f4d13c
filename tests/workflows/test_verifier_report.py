"""Reports of the verifier: evidence counts only where it is really there."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fabrik.workflows.review.model import Asked, Verified
from fabrik.workflows.review.text import readable
from fabrik.workflows.review.verifier_report import paths_named, read_verified

COMMIT = "0123456789abcdef0123456789abcdef01234567"
CRITERIA = ("It adds.", "It subtracts.")
CHECKS = {"make test": True, "make lint": False, "odd `name`": True}
FILES = {"src/a.py": 40, "tests/test_a.py": 7, "empty.py": 0, "odd:3": 5, "sp ace.py": 2, "ü.py": 1}
SPEC = (
    "# Sums\n\nThe test   `test_old` in\ntests/test_old.py is wrong and is to be *changed*.\n\n- It adds.\n"
)


def entry(n: Any = 1, **changes: Any) -> dict[str, Any]:
    base = {"n": n, "met": True, "kind": "test", "where": "tests/test_a.py:7", "why": "It asserts it."}
    return base | changes


def report(*criteria: Any, **changes: Any) -> dict[str, Any]:
    listed = list(criteria) if criteria else [entry(1), entry(2)]
    return {"v": 1, "reviewer": "verifier", "commit": COMMIT, "criteria": listed} | changes


def read(
    document: Any, protected: tuple[str, ...] = (), criteria: tuple[str, ...] = CRITERIA
) -> Verified | str:
    data = document if isinstance(document, bytes) or document is None else json.dumps(document).encode()
    named = paths_named(data)

    def lines(path: str) -> int | None:
        assert path in named  # all that is looked up was announced
        return FILES.get(path)

    return read_verified(
        data,
        commit=COMMIT,
        criteria=criteria,
        checks=CHECKS,
        lines=lines,
        spec_text=SPEC,
        protected=protected,
    )


def fine(document: Any, protected: tuple[str, ...] = ()) -> Verified:
    found = read(document, protected)
    assert isinstance(found, Verified), found
    return found


def wrong(document: Any, protected: tuple[str, ...] = ()) -> str:
    found = read(document, protected)
    assert isinstance(found, str)
    assert found and "\n" not in found
    return found


def test_a_whole_report() -> None:
    unmet = {"n": 2, "met": False, "kind": "none", "where": "", "why": "Nothing subtracts."}
    found = fine(report(unmet, entry(1), issues=["a.py:1: look"], protected=[]))
    assert [(c.number, c.text, c.met, c.kind, c.where, c.why) for c in found.criteria] == [
        (1, "It adds.", True, "test", "tests/test_a.py:7", "It asserts it."),
        (2, "It subtracts.", False, "none", "", "Nothing subtracts."),
    ]
    assert found.issues == ("a.py:1: look",) and found.asked == ()


@pytest.mark.parametrize(
    ("kind", "where", "shown"),
    [
        ("check", "make test", "make test"),
        ("check", " make test\n", "make test"),
        ("check", "`make test`", "make test"),
        ("check", "odd `name`", "odd `name`"),
        ("test", "tests/test_a.py", "tests/test_a.py"),
        ("test", "./tests/test_a.py:1", "tests/test_a.py:1"),
        ("code", "src/a.py:40", "src/a.py:40"),
        ("code", "src/a.py:3-40", "src/a.py:3-40"),
        ("code", "src/a.py:3-3", "src/a.py:3"),
        ("code", "src/a.py:007", "src/a.py:7"),
        ("code", "`src/a.py:3`", "src/a.py:3"),
        ("code", "empty.py", "empty.py"),
        ("code", "odd:3", "odd:3"),
        ("code", "odd:3:5", "odd:3:5"),
        ("code", "sp ace.py:2", "sp ace.py:2"),
        ("code", "ü.py:1", "ü.py:1"),
    ],
)
def test_evidence_that_is_there(kind: str, where: str, shown: str) -> None:
    first = fine(report(entry(1, kind=kind, where=where), entry(2))).criteria[0]
    assert (first.met, first.kind, first.where) == (True, kind, shown)


@pytest.mark.parametrize(
    ("kind", "where", "problem"),
    [
        ("none", "", "criterion 1 is met, but its kind of evidence is none"),
        ("none", "src/a.py:1", "its kind of evidence is none"),
        ("check", "make lint", "names the check “make lint”, which failed"),
        ("check", "make", "names the check “make”, which is none of those that were run"),
        ("check", "Make test", "none of those"),
        ("check", "", "none of those"),
        ("check", None, "none of those"),
        ("check", "src/a.py:1", "none of those"),
        ("test", "make test", "is no file of the commit"),
        ("test", "", "is no file of the commit"),
        ("test", "tests/test_b.py:1", "is no file of the commit"),
        ("test", "tests/test_a.py::test_sum", "is no file of the commit"),
        ("test", "tests/test_a.py:8", "names “tests/test_a.py:8”, but that file has 7 lines"),
        ("test", "tests/test_a.py:0", "has 7 lines"),
        ("test", "tests/test_a.py:5-8", "has 7 lines"),
        ("test", "tests/test_a.py:5-4", "has 7 lines"),
        ("test", "tests/test_a.py:-1", "is no file"),
        ("test", "tests/test_a.py:99999999999999999999", "is no file"),
        ("test", "tests/test_a.py:١", "is no file"),
        ("code", "empty.py:1", "has 0 lines"),
        ("code", "src/a.py:1, src/a.py:2", "is no file"),
        ("code", "/src/a.py", "is no file"),
        ("code", "src/../src/a.py", "is no file"),
        ("code", "../repo/src/a.py", "is no file"),
        ("code", "src//a.py", "is no file"),
        ("code", "src/", "is no file"),
        ("code", "src", "is no file"),
        ("code", "src/a.py\x00", "is no file"),
        ("code", "src/a\u202e.py", "is no file"),
        ("code", "\ud800", "is no file"),
        ("code", "SRC/a.py", "is no file"),
    ],
)
def test_evidence_that_is_not_there(kind: str, where: str | None, problem: str) -> None:
    assert problem in wrong(report(entry(1, kind=kind, where=where), entry(2)))


@pytest.mark.parametrize(
    ("kind", "where", "expected"),
    [
        ("none", "", ("none", "")),
        ("none", "src/a.py:1", ("none", "")),
        ("check", "make lint", ("check", "make lint")),
        ("check", "make magic", ("none", "")),
        ("code", "src/a.py:40", ("code", "src/a.py:40")),
        ("code", "src/a.py:41", ("none", "")),
        ("test", "tests/missing.py", ("none", "")),
        ("test", None, ("none", "")),
    ],
)
def test_what_is_not_met_needs_no_evidence_and_shows_none_that_is_not_there(
    kind: str, where: str | None, expected: tuple[str, str]
) -> None:
    first = fine(report(entry(1, met=False, kind=kind, where=where), entry(2))).criteria[0]
    assert not first.met and (first.kind, first.where) == expected


@pytest.mark.parametrize(
    ("criteria", "problem"),
    [
        ([entry(1)], "criterion 2 is not answered"),
        ([entry(3)], "criteria[0]: n is not 1 to 2 but 3"),
        ([entry(3)], "criteria 1, 2 are not answered"),
        ([entry(0), entry(1), entry(2)], "n is not 1 to 2 but 0"),
        ([entry(1), entry(1), entry(2)], "criterion 1 is answered twice"),
        ([entry(1), entry(2), entry(2, met=False)], "criterion 2 is answered twice"),
        ([entry("1"), entry(2)], "n is not 1 to 2 but “1”"),
        ([entry(True), entry(2)], "n is not 1 to 2 but true"),
        ([entry(1.0), entry(2)], "n is not 1 to 2 but 1.0"),
        ([entry(1, met="true"), entry(2)], "has no met that is true or false but “true”"),
        ([entry(1, met=1), entry(2)], "has no met that is true or false but 1"),
        ([entry(1, met=None), entry(2)], "but null"),
        (
            [entry(1, kind="proof"), entry(2)],
            "has a kind that is none of check, test, code, none but “proof”",
        ),
        ([entry(1, kind=None), entry(2)], "has a kind"),
        ([entry(1, kind=["test"]), entry(2)], "has a kind"),
        ([entry(1, where=7), entry(2)], "has a where that is no text but 7"),
        ([entry(1, met=False, why=""), entry(2)], "is not met, and no text says why"),
        ([entry(1, met=False, why="\u200b"), entry(2)], "is not met, and no text says why"),
        ([entry(1, why=["x"]), entry(2)], "has a why that is no text"),
        (["met", entry(1), entry(2)], "criteria[0] is not an object but “met”"),
        ([entry(2)] * 3 + [None], "criteria[3] is not an object but null"),
    ],
)
def test_each_criterion_exactly_once_and_completely(criteria: list[Any], problem: str) -> None:
    assert problem in wrong(report(*criteria))


@pytest.mark.parametrize("criteria", [None, {}, "all met", 0, True, []])
def test_criteria_that_are_no_list_or_none(criteria: Any) -> None:
    assert "criteria 1, 2 are not answered" in wrong(report(criteria=criteria))


def test_a_spec_without_criteria() -> None:
    document = report()
    del document["criteria"]
    assert read(document, criteria=()) == Verified(criteria=())
    found = read(report(entry(1)), criteria=())
    assert found == "criteria[0]: the spec has no criteria"


def test_many_criteria_that_are_not_answered() -> None:
    found = read(report(entry(1)), criteria=("x",) * 100)
    assert isinstance(found, str) and "criteria 2, 3," in found and ", … are not answered" in found


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"v": True}, "v is not 1"),
        ({"reviewer": "security"}, "reviewer is not “verifier” but “security”"),
        ({"commit": "f" * 40}, "commit is not"),
        ({"issues": "x"}, "issues is not a list of texts"),
        ({"protected": {}}, "protected is not a list but an object"),
        ({"protected": ["Makefile"]}, "protected[0] is not an object"),
    ],
)
def test_the_rest_of_the_report(changes: Any, problem: str) -> None:
    assert problem in wrong(report(**changes))


@pytest.mark.parametrize(
    ("data", "problem"),
    [(None, "there is no report"), (b"{}", "v is not 1 but missing"), (b"all criteria are met", "JSON")],
)
def test_what_is_no_report(data: bytes | None, problem: str) -> None:
    assert problem in wrong(data)


def test_a_contradiction_inside_a_criterion() -> None:
    text = json.dumps(report()).replace('"met": true', '"met": false, "met": true')
    assert "“met” is there twice" in wrong(text.encode())


OLD = "tests/test_old.py"
QUOTE = "tests/test_old.py is wrong"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"asked": True, "quote": QUOTE}, Asked(path=OLD, asked=True, quote=QUOTE)),
        (
            {"asked": True, "quote": "The test `test_old`\n\tin tests/test_old.py"},
            Asked(path=OLD, asked=True, quote="The test `test_old` in tests/test_old.py"),
        ),
        ({"asked": True, "quote": "is  wrong\u00a0and"}, Asked(path=OLD, asked=True, quote="is wrong and")),
        ({"asked": False, "quote": ""}, Asked(path=OLD, asked=False, quote="")),
        ({"asked": False}, Asked(path=OLD, asked=False, quote="")),
        (
            {"asked": False, "quote": "made up, but nothing rests on it"},
            Asked(path=OLD, asked=False, quote=""),
        ),
    ],
)
def test_answers_for_a_protected_file(answer: Any, expected: Asked) -> None:
    assert fine(report(protected=[{"path": OLD} | answer]), (OLD,)).asked == (expected,)


@pytest.mark.parametrize(
    ("answers", "problem"),
    [
        ([], "the protected file “tests/test_old.py” is not answered"),
        ([{"path": "tests/test_new.py", "asked": False}], "is not answered"),
        ([{"path": OLD, "asked": False}] * 2, "is answered twice"),
        ([{"path": OLD, "asked": False}, {"path": f" {OLD}", "asked": False}], "is answered twice"),
        ([{"path": OLD}], "asked is not true or false but null"),
        ([{"path": OLD, "asked": "yes", "quote": QUOTE}], "asked is not true or false but “yes”"),
        ([{"path": OLD, "asked": True}], "fewer than 12 characters"),
        ([{"path": OLD, "asked": True, "quote": ""}], "fewer than 12 characters"),
        ([{"path": OLD, "asked": True, "quote": "The test  \n\n  "}], "fewer than 12 characters"),
        ([{"path": OLD, "asked": True, "quote": "is wrong an"}], "fewer than 12 characters"),
        (
            [{"path": OLD, "asked": True, "quote": "the test `test_old`"}],
            "does not say “the test `test_old`”",
        ),
        ([{"path": OLD, "asked": True, "quote": "The test … is wrong"}], "does not say"),
        ([{"path": OLD, "asked": True, "quote": "is to be changed."}], "does not say"),
        ([{"path": OLD, "asked": True, "quote": [QUOTE]}], "fewer than 12 characters"),
        ([{"path": OLD, "asked": True, "quote": "delete all of the tests"}], "does not say"),
        ([{"path": None, "asked": True, "quote": QUOTE}], "is not answered"),
    ],
)
def test_answers_for_a_protected_file_that_do_not_count(answers: list[Any], problem: str) -> None:
    assert problem in wrong(report(protected=answers), (OLD,))


def test_what_is_said_about_other_files_is_left_out() -> None:
    answers = [
        {"path": "tests/test_new.py", "asked": True, "quote": "made up"},
        {"path": OLD, "asked": False},
    ]
    assert fine(report(protected=answers), (OLD,)).asked == (Asked(path=OLD, asked=False, quote=""),)
    assert fine(report(protected=answers)).asked == ()


@pytest.mark.parametrize("hostile", ["tests/a\nb.py", "tests/\u202eyp.py", " x", "a\udcff", '"q".py', "a`b"])
def test_a_hostile_path_is_answered_as_it_is_or_as_it_is_shown(hostile: str) -> None:
    for name in (hostile, readable(hostile)):
        found = fine(report(protected=[{"path": name, "asked": False}]), (hostile,))
        assert [answer.path for answer in found.asked] == [hostile]


def test_a_path_that_looks_like_the_shown_form_of_another_answers_for_itself_alone() -> None:
    both = ("a\nb", '"a\\nb"')
    answer = {"path": '"a\\nb"', "asked": True, "quote": QUOTE}
    assert "is not answered" in wrong(report(protected=[answer]), both)


def test_the_paths_that_a_report_names() -> None:
    document = report(entry(1, where="src/a.py:3"), entry(2, where="./b.py"), 3, entry(4, where=5))
    assert paths_named(json.dumps(document).encode()) == {"src/a.py:3", "src/a.py", "b.py"}
    assert paths_named(f"```json\n{json.dumps(document)}\n```".encode()) == {"src/a.py:3", "src/a.py", "b.py"}
    for data in (None, b"", b"[]", b"{}", b'{"criteria": 1}'):
        assert paths_named(data) == frozenset()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
ENTRIES = st.dictionaries(st.sampled_from(["n", "met", "kind", "where", "why"]), JSON, max_size=3)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_make_it_fail(data: bytes) -> None:
    assert isinstance(read(data), str)


@settings(deadline=None)
@given(
    ENTRIES,
    st.dictionaries(st.sampled_from(["v", "criteria", "protected", "issues"]), JSON, max_size=2),
    st.lists(st.dictionaries(st.sampled_from(["path", "asked", "quote"]), JSON) | JSON, max_size=3),
)
def test_no_document_makes_it_fail_or_meets_a_criterion_by_nothing(
    changes: dict[str, Any], over: dict[str, Any], protected: list[Any]
) -> None:
    found = read(report(entry(1) | changes, entry(2), **({"protected": protected} | over)), (OLD,))
    if isinstance(found, str):
        assert found and "\n" not in found
        return
    assert [criterion.number for criterion in found.criteria] == [1, 2]
    assert [answer.path for answer in found.asked] == [OLD]
    for criterion in found.criteria:
        assert not criterion.met or (criterion.kind != "none" and criterion.where)


@settings(deadline=None)
@given(st.text(max_size=40), st.sampled_from(["check", "test", "code"]))
def test_no_place_is_believed_that_is_not_there(where: str, kind: str) -> None:
    found = read(report(entry(1, kind=kind, where=where), entry(2)))
    assert isinstance(found, str) or found.criteria[0].where.partition(":")[0] in {"odd", *FILES, *CHECKS}


@pytest.mark.parametrize("where", ["../a", "a/../b", "/a", "a//b", "./../a", "a\x00", "a\u202e:3", "\ud800"])
def test_what_can_be_no_path_of_a_repository_is_never_looked_up(where: str) -> None:
    data = json.dumps(report(entry(1, where=where), entry(2, where=f"{where}:1"))).encode()
    assert paths_named(data) == frozenset()

    found = read_verified(
        data, commit=COMMIT, criteria=CRITERIA, checks={}, lines=lambda _: 100, spec_text="", protected=()
    )
    assert isinstance(found, str) and "criterion 1 names" in found and "criterion 2 names" in found
