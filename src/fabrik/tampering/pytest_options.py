"""Which settings of pytest can be added without changing how the tests of the base are judged."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping
from typing import Any

from fabrik.tampering.text import named

_HARMLESS = named(
    "markers minversion asyncio_mode asyncio_default_fixture_loop_scope log_cli log_cli_level log_level"
    " log_format log_date_format console_output_style junit_family xfail_strict required_plugins timeout"
    " DJANGO_SETTINGS_MODULE django_settings_module anyio_mode tmp_path_retention_policy"
    " faulthandler_timeout"
)
_HARMLESS_OPTIONS = (
    "-q",
    "-v",
    "-r",
    "-s",
    "-l",
    "-n",
    "--verbose",
    "--quiet",
    "--tb",
    "--strict",
    "--import-mode",
    "--durations",
    "--color",
    "--showlocals",
    "--timeout",
    "--cov",
    "--maxfail",
    "-x",
)
_USUAL_PLACES = named(". src lib tests test")


def harmless_option(key: str, value: Any, base_paths: Collection[str]) -> bool:
    """May this be set where the base has not set it?"""
    if key in _HARMLESS:
        return True
    words = _words(value)
    if key == "addopts":
        return all(_is_harmless(word) for word in words)
    if key == "pythonpath":
        return all(word.strip("./") in _USUAL_PLACES | {""} for word in words)
    if key == "testpaths":
        places = tuple(word.strip("/") + "/" for word in words)
        return all(path.startswith(places) for path in base_paths if _is_python_test(path))
    if key == "filterwarnings":
        return all(word.startswith("error") for word in words)
    return False


def harmful_options(
    before: Mapping[str, Any], after: Mapping[str, Any], base_paths: Collection[str]
) -> list[str]:
    """The keys whose change may change how tests are judged."""
    return sorted(
        key
        for key in {*before, *after}
        if before.get(key) != after.get(key)
        and not (key in _HARMLESS and _extends(before.get(key), after.get(key)))
        and not (key not in before and harmless_option(key, after[key], base_paths))
    )


def _extends(before: Any, after: Any) -> bool:
    """Markers, one on a line or in a list: those of the base are still there."""
    if before is None or after is None:
        return False
    had = before.splitlines() if isinstance(before, str) else before if isinstance(before, list) else [before]
    has = after.splitlines() if isinstance(after, str) else after if isinstance(after, list) else [after]
    return all(each in has for each in had)


def _words(value: Any) -> list[str]:
    if isinstance(value, list):
        return [str(each) for each in value]
    try:
        return shlex.split(str(value))
    except ValueError:
        return [str(value)]


def _is_harmless(word: str) -> bool:
    return word.startswith(_HARMLESS_OPTIONS) or word.isdigit()


def _is_python_test(path: str) -> bool:
    name = path.rsplit("/", 1)[-1]
    return name.endswith(".py") and (name.startswith("test") or name.endswith("_test.py"))
