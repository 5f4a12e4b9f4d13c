"""The pytest plugin: the fixture `judge`, found by the entry point `fabrik-judge`.

pytest loads this in every project that fabrik is installed in, so it imports nothing but pytest until a test
asks a judge, and adds one fixture, one option, two settings and one marker. A project's own fixture called
`judge` takes its place; `-p no:fabrik-judge` leaves all of it out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from fabrik.judge import Judgement

OPTION = "--no-fabrik-judge"
MARKER = "fabrik_judge"


def pytest_addoption(parser: pytest.Parser) -> None:
    """One option, two settings."""
    parser.getgroup("fabrik").addoption(
        OPTION, action="store_true", default=False, help="Skip the tests that ask a judge (a model)."
    )
    parser.addini("fabrik_judge_votes", "Votes of each judgement, 1 to 15 (default 1).", default="1")
    parser.addini("fabrik_judge_intelligence", "fast (the default) or smart.", default="fast")


def pytest_configure(config: pytest.Config) -> None:
    """One marker."""
    config.addinivalue_line(
        "markers",
        f"{MARKER}(votes=…, intelligence=…, model=…): how the fixture `judge` of a test asks",
    )


@pytest.fixture
def judge(request: pytest.FixtureRequest) -> Callable[..., Judgement]:
    """Asks a model whether something meets criteria: `judge("warm and direct", text)`.

    The test fails with the judge's feedback when it does not, and with the reason when there is no verdict.
    """
    if request.config.getoption(OPTION):
        pytest.skip(f"no judge is asked ({OPTION})")
    marker = request.node.get_closest_marker(MARKER)
    settings: dict[str, Any] = {
        "votes": _votes(request.config.getini("fabrik_judge_votes")),
        "intelligence": request.config.getini("fabrik_judge_intelligence").strip(),
        **(marker.kwargs if marker else {}),
    }

    def ask(criteria: str, artifact: Any, **options: Any) -> Judgement:
        __tracebackhide__ = True
        from fabrik.errors import FabrikError
        from fabrik.judge import judge as ask_judge

        try:
            judgement = ask_judge(criteria, artifact, **{**settings, **options})
        except FabrikError as error:
            pytest.fail(f"the judge gave no verdict on {criteria!r}:\n{error}", pytrace=False)
        if not judgement.passed:
            raise AssertionError(f"the judge says no to {criteria!r}:\n{judgement.feedback}")
        return judgement

    return ask


def _votes(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise pytest.UsageError(f"fabrik_judge_votes is no number: {text!r}") from None
