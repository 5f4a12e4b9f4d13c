"""docker against the shipped suite, with a daemon of the tests' own."""

from __future__ import annotations

from pathlib import Path

import pytest
from container_cases import cases

from fabrik.sandboxes import registry
from fabrik.testing.conformance import Case, case_id, run_case


@pytest.mark.usefixtures("docker")
@pytest.mark.parametrize("case", cases(), ids=case_id)
def test_docker(case: Case, tmp_path: Path) -> None:
    run_case(case, registry.load("docker"), tmp_path)
