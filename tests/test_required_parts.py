"""The rule that CI never passes by skipping, tried on a small suite of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

SUITE = """
import pytest

def test_part(require):
    require("gravity", lambda: "none here")

def test_plain_skip():
    pytest.skip("no reason that counts")

@pytest.mark.optional(reason="nice to have")
def test_optional():
    pytest.skip("not here")

@pytest.mark.xfail(reason="known", raises=ZeroDivisionError)
def test_known():
    1 / 0

def test_present(require):
    require("air", lambda: None)
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    for name in ("CI", "FABRIK_REQUIRE"):
        monkeypatch.delenv(name, raising=False)
    pytester.makeini("[pytest]\nmarkers =\n  optional(reason): optional\n")
    pytester.makeconftest((Path(__file__).parent / "conftest.py").read_text())
    pytester.makepyfile(SUITE)
    return pytester


def test_a_missing_part_is_a_skip_on_a_developers_machine(suite: pytest.Pytester) -> None:
    result = suite.runpytest_subprocess("-ra")
    result.assert_outcomes(passed=1, skipped=3, xfailed=1)
    result.stdout.fnmatch_lines(["*gravity: none here*"])


@pytest.mark.parametrize(("name", "value"), [("FABRIK_REQUIRE", "all"), ("CI", "true")])
def test_a_missing_part_is_a_failure_where_all_is_required(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    result = suite.runpytest_subprocess("-ra")
    result.assert_outcomes(passed=1, failed=2, skipped=1, xfailed=1)
    result.stdout.fnmatch_lines(["*gravity is required here: none here*"])
