"""The judging parts of package.json and its like: scripts that the checks run, and settings of test tools."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from fabrik.tampering.judging_scripts import judging_scripts
from fabrik.tampering.protected import Protection
from fabrik.tampering.text import named

_SETTINGS = named(
    "jest vitest mocha ava tap nyc c8 eslintConfig eslintIgnore prettier stylelint xo standard babel"
    " lint-staged husky pre-commit lint test fmt"
)
_TEST_TOOLS = named(
    "jest vitest mocha ava tap jasmine karma cypress eslint typescript prettier nyc c8 chai sinon ts-jest"
    " @jest/globals @playwright/test playwright supertest @types/jest phpunit/phpunit"
)
_ELSEWHERE = re.compile(r"(?:file|link|portal|npm|git|git\+\w+|github|https?|workspace):|[./]")


def package_changes(before: Mapping[str, Any], after: Mapping[str, Any], protection: Protection) -> list[str]:
    """What changed of the judging parts, one text for each."""
    found = []
    for group in ("scripts", "tasks"):
        one, other = _table(before, group), _table(after, group)
        names = judging_scripts(one, other, protection.checks.targets)
        found += [f'the script "{name[:80]}"' for name in names if one.get(name) != other.get(name)]
    found += [f'"{key}"' for key in sorted(_SETTINGS) if before.get(key) != after.get(key)]
    for group in ("dependencies", "devDependencies", "overrides", "resolutions", "require-dev"):
        one, other = _table(before, group), _table(after, group)
        for tool in sorted(_TEST_TOOLS & set(other)):
            where = other[tool]
            if one.get(tool) != where and not (isinstance(where, str) and not _ELSEWHERE.match(where)):
                found.append(f'where "{tool}" comes from')
    return found


def _table(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = document.get(key)
    return found if isinstance(found, dict) else {}
