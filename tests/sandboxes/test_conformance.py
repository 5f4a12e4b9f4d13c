"""Both providers of this machine against the shipped suite."""

from __future__ import annotations

from pathlib import Path

import pytest

from fabrik.sandboxes import registry
from fabrik.testing.conformance import CASES, Case, case_id, run_case


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_bubblewrap(case: Case, tmp_path: Path) -> None:
    run_case(case, registry.load("bubblewrap"), tmp_path)


@pytest.mark.optional(reason="without isolation the cases that need it do not apply")
@pytest.mark.optional(reason="without isolation the cases that need it do not apply")
@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_none(case: Case, tmp_path: Path) -> None:
    run_case(case, registry.load("none"), tmp_path)


def test_the_suite_is_complete() -> None:
    names = [case_id(case) for case in CASES]
    assert len(names) == len(set(names)) >= 30
