"""podman against the shipped suite, with the host's system and the engine's own runtime."""

from __future__ import annotations

from pathlib import Path

import pytest
from container_cases import cases

from fabrik.sandboxes import registry
from fabrik.testing.conformance import Case, case_id, run_case


@pytest.mark.parametrize("case", cases(), ids=case_id)
def test_podman(case: Case, tmp_path: Path) -> None:
    run_case(case, registry.load("podman"), tmp_path)
