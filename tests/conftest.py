"""What all tests share: parts of a machine that may be missing, and when that is a failure.

A test that needs a part asks for the fixture `require`:

    def test_memory_limit(require: Require) -> None:
        require("bubblewrap", lambda: None if shutil.which("bwrap") else "bwrap is not installed")

On a developer's machine a missing part skips the test. In CI (FABRIK_REQUIRE=all, or CI is set) it fails, and
so does every other skip, unless the test carries `@pytest.mark.optional(reason=…)`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator

import pytest

Probe = Callable[[], str | None]  # None: the part is here; else the reason why it is not
Require = Callable[[str, Probe], None]


def everything_is_required() -> bool:
    """True where a missing part must not pass unseen."""
    return os.environ.get("FABRIK_REQUIRE") == "all" or bool(os.environ.get("CI"))


@pytest.fixture
def require() -> Require:
    """Skip the test when the probe gives a reason, or fail it where every part is required."""

    def check(part: str, probe: Probe) -> None:
        if (reason := probe()) is None:
            return
        if everything_is_required():
            pytest.fail(f"{part} is required here: {reason}", pytrace=False)
        pytest.skip(f"{part}: {reason}")

    return check


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where every part is required, a skip that the test did not declare as optional is a failure."""
    report = yield
    undeclared = (
        report.skipped and not hasattr(report, "wasxfail") and not item.get_closest_marker("optional")
    )
    if undeclared and everything_is_required():
        report.outcome = "failed"
        report.longrepr = f"skipped where every part is required: {report.longreprtext}"
    return report
