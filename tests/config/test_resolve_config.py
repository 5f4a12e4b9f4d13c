"""Flag > environment > project > user > default, as a table."""

from __future__ import annotations

from typing import Any, cast

import pytest

from fabrik.config import units
from fabrik.config.model import Config, Settings
from fabrik.config.resolve import from_environment, resolve
from fabrik.errors import UsageError


def value(config: Config, name: str) -> Any:
    return getattr(config, name) if hasattr(config, name) else getattr(config.limits, name)


def said(name: str, what: Any) -> Settings:
    return cast("Settings", {} if what is ... else {name: what})


@pytest.mark.parametrize(
    ("name", "flag", "environment", "project", "user", "expected"),
    [
        # plain settings: the first one that says something
        ("agent", ..., ..., ..., ..., None),
        ("agent", ..., ..., ..., "pi", "pi"),
        ("agent", ..., ..., "codex", "pi", "codex"),
        ("agent", ..., "gemini", "codex", "pi", "gemini"),
        ("agent", "claude", "gemini", "codex", "pi", "claude"),
        ("model", ..., ..., "small", "large", "small"),
        ("model", "mine", ..., "small", "large", "mine"),
        ("sandbox", ..., ..., ..., ..., "bubblewrap"),
        ("sandbox", ..., ..., ..., "none", "none"),
        ("sandbox", ..., ..., "bubblewrap", "none", "bubblewrap"),
        ("sandbox", "none", ..., "bubblewrap", ..., "none"),
        ("iterations", ..., ..., ..., ..., 100),
        ("iterations", ..., ..., ..., 7, 7),
        ("iterations", ..., 0, 9, 7, 0),
        ("iterations", 3, 0, 9, 7, 3),
        ("iterations", 0, 5, 9, 7, 0),
        ("attempts", ..., ..., 2, 9, 2),
        ("max_wait_seconds", ..., ..., 60.0, ..., 60.0),
        ("setup", ..., ..., ("a",), ("b",), ("a",)),
        ("setup", ..., ..., (), ("b",), ()),
        # limits
        ("session_seconds", ..., ..., ..., ..., 3600.0),
        ("session_seconds", ..., ..., 60.0, 10.0, 60.0),
        ("session_seconds", 5.0, ..., 60.0, 10.0, 5.0),
        ("memory_bytes", ..., ..., ..., None, None),
        ("memory_bytes", ..., ..., 1 << 30, None, 1 << 30),
        # a project may lower a budget, not raise it
        ("budget_usd", ..., ..., ..., ..., None),
        ("budget_usd", ..., ..., 500.0, ..., 500.0),
        ("budget_usd", ..., ..., 500.0, 5.0, 5.0),
        ("budget_usd", ..., ..., 2.0, 5.0, 2.0),
        ("budget_usd", ..., ..., 2.0, None, 2.0),
        ("budget_usd", ..., ..., ..., 0.0, 0.0),
        ("budget_usd", 50.0, ..., 2.0, 5.0, 50.0),
        ("budget_usd", None, ..., 2.0, 5.0, None),
        ("budget_tokens", ..., ..., 10, 20, 10),
        ("budget_calls", ..., ..., 30, 20, 20),
        # names that are allowed add up
        ("allow", ..., ..., ("a.org",), ("b.org", "a.org"), ("b.org", "a.org")),
        ("allow", ..., ..., ("c.org",), ("b.org",), ("b.org", "c.org")),
        ("allow", ("d.org",), ..., ("c.org",), ("b.org",), ("d.org",)),
        # only a user has these
        ("read_only", ..., ..., ..., ("/opt",), ("/opt",)),
        ("env", ..., ..., ..., {"A": "b"}, {"A": "b"}),
    ],
)
def test_which_setting_holds(
    name: str, flag: Any, environment: Any, project: Any, user: Any, expected: Any
) -> None:
    config = resolve(
        flags=said(name, flag),
        environment=said(name, environment),
        project=said(name, project),
        user=said(name, user),
    )
    assert value(config, name) == expected


def test_nothing_said_is_the_default() -> None:
    assert resolve() == Config()


def test_sources_are_not_changed() -> None:
    user = Settings(session_seconds=5.0, budget_usd=1.0)
    resolve(user=user, project=Settings(budget_usd=9.0))
    assert user == {"session_seconds": 5.0, "budget_usd": 1.0}


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, {}),
        ({"RALPH_AGENT": "", "MAX_ITERATIONS": " "}, {}),
        ({"RALPH_AGENT": " claude "}, {"agent": "claude"}),
        ({"MAX_ITERATIONS": "0"}, {"iterations": 0}),
        ({"MAX_ITERATIONS": "12", "RALPH_AGENT": "pi", "AGENT": "x"}, {"iterations": 12, "agent": "pi"}),
    ],
)
def test_variables_of_the_original(environ: dict[str, str], expected: dict[str, Any]) -> None:
    assert from_environment(environ) == expected


@pytest.mark.parametrize("number", ["-1", "1.5", "many", "٣", "1e3", "9" * 5000])
def test_a_number_of_iterations_that_is_none(number: str) -> None:
    with pytest.raises(UsageError, match="is no number of iterations") as caught:
        from_environment({"MAX_ITERATIONS": number})
    assert caught.value.where == "MAX_ITERATIONS" and len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (1, 1),
        ("4096", 4096),
        ("4096 B", 4096),
        ("1KiB", 1024),
        ("2 mib", 2 << 20),
        ("1.5GiB", 3 << 29),
        ("1TiB", 1 << 40),
        ("1kB", 1000),
        ("3 GB", 3 * 10**9),
    ],
)
def test_sizes(text: object, expected: int) -> None:
    assert units.size(text) == expected


@pytest.mark.parametrize(
    "text", [0, -1, 1.5, True, None, "", "GiB", "1 XB", "1,5GiB", "-1KiB", "1 GiB 2", "9" * 30]
)
def test_sizes_that_are_none(text: object) -> None:
    with pytest.raises(ValueError, match="must be"):
        units.size(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (90, 90),
        (0.5, 0.5),
        ("90", 90),
        ("90s", 90),
        ("60m", 3600),
        ("1h30m", 5400),
        ("1h 30m 5s", 5405),
        ("2D", 172800),
        ("1.5h", 5400),
    ],
)
def test_lengths_of_time(text: object, expected: float) -> None:
    assert units.seconds(text) == expected


@pytest.mark.parametrize(
    "text", [0, -1, True, None, "", "m", "1x", "1h30", "h1", "-5m", "367d", float("nan"), "1 2"]
)
def test_lengths_of_time_that_are_none(text: object) -> None:
    with pytest.raises(ValueError, match="must be"):
        units.seconds(text)
