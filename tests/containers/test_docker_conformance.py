"""docker against the shipped suite, with a daemon of the tests' own."""

from __future__ import annotations

from pathlib import Path

import pytest

from fabrik.sandboxes import registry
from fabrik.testing.conformance import CASES, Case, case_id, run_case


@pytest.mark.usefixtures("docker")
@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_docker(case: Case, tmp_path: Path) -> None:
    run_case(case, registry.load("docker"), tmp_path)
