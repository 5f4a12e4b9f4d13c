"""How votes are counted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabrik.errors import UsageError
from fabrik.judging.model import MOST_VOTES, Artifact, Judgement, JudgeModel, NoVerdict, Question, Vote
from fabrik.judging.votes import judgement, outcome, wave

PASS = Vote(passed=True)
FAIL = Vote(passed=False, feedback="no")
MISSING = Vote(passed=None, problem="the model is away")
VOTES = {"p": PASS, "f": FAIL, "-": MISSING}


def cast(text: str) -> list[Vote]:
    return [VOTES[one] for one in text]


@pytest.mark.parametrize(
    ("votes", "of", "expected"),
    [
        ("", 1, "open"),
        ("p", 1, "pass"),
        ("f", 1, "fail"),
        ("-", 1, "none"),
        ("p", 2, "open"),
        ("pp", 2, "pass"),
        ("f", 2, "fail"),  # at best a tie
        ("p-", 2, "none"),
        ("-", 2, "open"),  # one fail would still decide
        ("pp", 3, "pass"),
        ("ff", 3, "fail"),
        ("pf", 3, "open"),
        ("--", 3, "none"),
        ("p-", 3, "open"),
        ("pf-", 3, "none"),
        ("pff", 4, "fail"),
        ("pp--", 4, "none"),
    ],
)
def test_outcomes(votes: str, of: int, expected: str) -> None:
    assert outcome(cast(votes), of) == expected


@given(st.integers(1, MOST_VOTES), st.lists(st.sampled_from("pf-"), min_size=MOST_VOTES, max_size=MOST_VOTES))
def test_asking_in_waves_ends_as_asking_everybody_does(of: int, will_say: list[str]) -> None:
    """Who is asked in which order does not matter, and stopping early changes no verdict."""
    answers = cast("".join(will_say))[:of]
    said: list[Vote] = []
    while outcome(said, of) == "open":
        number = wave(said, of)
        assert 1 <= number <= of - len(said)
        said += answers[len(said) : len(said) + number]
    everybody = outcome(answers, of)
    assert outcome(said, of) == everybody
    passes = sum(vote.passed is True for vote in answers)
    assert (everybody == "pass") == (2 * passes > of)


def test_a_judgement_is_true_only_if_it_passes() -> None:
    assert bool(judgement(cast("pp"), 3))
    failed = judgement([FAIL, Vote(passed=False, feedback="also no"), FAIL], 3)
    assert not failed
    assert failed.feedback == "no\n\nalso no"
    assert judgement(cast("fpp"), 3) == Judgement(passed=True, feedback="", votes=tuple(cast("fpp")))


def test_no_verdict_says_why() -> None:
    with pytest.raises(NoVerdict, match="2 of 3 votes are missing: the model is away") as caught:
        judgement(cast("--"), 3)
    assert caught.value.votes == (MISSING, MISSING)
    assert caught.value.exit_status == 1
    with pytest.raises(NoVerdict, match=r"\Athe model is away\Z"):
        judgement(cast("-"), 1)


@pytest.mark.parametrize("votes", [0, -1, MOST_VOTES + 1])
def test_too_few_and_too_many_votes(votes: int) -> None:
    with pytest.raises(UsageError, match="votes are a number"):
        Question(criteria="warm", artifacts=(Artifact(name="a", text="a"),), votes=votes)


@pytest.mark.parametrize("name", ["", "-rf", "a b", "a\r\nX-Evil: 1", "../../etc", "ü", "a" * 201])
def test_names_that_no_model_has(name: str) -> None:
    with pytest.raises(UsageError, match="not the name of a model"):
        JudgeModel(vendor="gemini", name=name)
