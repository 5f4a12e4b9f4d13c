"""The pytest plugin: the fixture `judge`, found by the entry point `fabrik-judge`.

pytest loads this in every project that fabrik is installed in, so it imports nothing but pytest until a test
asks a judge, and adds one fixture, one option, two settings and one marker. A project's own fixture called
`judge` takes its place; `-p no:fabrik-judge` leaves all of it out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fabrik.judge import Judgement

OPTION = "--no-fabrik-judge"
MARKER = "fabrik_judge"
SETTINGS = ("votes", "intelligence", "model", "budget_usd")  # of one question


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
    if marker is not None:
        if marker.args:
            _wrong(f"@pytest.mark.{MARKER} takes names only, not {marker.args[0]!r}")
        _require_known(marker.kwargs, f"@pytest.mark.{MARKER}")
    settings: dict[str, Any] = {
        "votes": _votes(request.config.getini("fabrik_judge_votes")),
        "intelligence": request.config.getini("fabrik_judge_intelligence").strip(),
        **(marker.kwargs if marker else {}),
    }

    def ask(criteria: str, artifact: Any, **options: Any) -> Judgement:
        __tracebackhide__ = True
        from fabrik.errors import FabrikError
        from fabrik.judge import judge as ask_judge

        asked = {**settings, **options}
        _require_known(asked, f"judge({criteria!r}, …)")
        try:
            judgement = ask_judge(criteria, artifact, **asked)
        except FabrikError as error:
            failure = f"the judge gave no verdict on {criteria!r}:\n{error}"
        else:
            failure = ""
        if failure:  # out of the `except`: pytest would show every error that led here, ours first
            pytest.fail(failure, pytrace=False)
        if not judgement.passed:
            raise AssertionError(f"the judge says no to {criteria!r}:\n{judgement.feedback}")
        return judgement

    return ask


def _require_known(options: Mapping[str, Any], where: str) -> None:
    __tracebackhide__ = True
    if unknown := [name for name in options if name not in SETTINGS]:
        from fabrik.problems import closest

        meant = closest(unknown[0], SETTINGS)
        hint = f"did you mean {meant}?" if meant else f"there are {', '.join(SETTINGS)}"
        _wrong(f"{where} knows no {', '.join(unknown)}: {hint}")


def _wrong(what: str) -> NoReturn:
    __tracebackhide__ = True
    pytest.fail(what, pytrace=False)


def _votes(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise pytest.UsageError(f"fabrik_judge_votes is no number: {text!r}") from None
