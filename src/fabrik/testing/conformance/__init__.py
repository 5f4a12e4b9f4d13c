"""What every sandbox provider must do, as cases that any provider's own tests can run in three lines:

    @pytest.mark.parametrize("case", CASES, ids=case_id)
    def test_conforms(case: Case, tmp_path: Path) -> None:
        run_case(case, MyProvider(), tmp_path)

A provider that does not isolate skips the cases that need isolation, with the reason; nothing else skips.
The sandbox must offer a POSIX shell, tar, git and python3. Cases wait for conditions, not for a time to pass.
"""

from __future__ import annotations

from fabrik.testing.conformance import (
    doors,
    files,
    isolation,
    lifecycle,
    limits,
    prepared,
    running,
    shared,
    told,
)
from fabrik.testing.conformance.harness import Case, Harness, case_id, run_case

CASES: list[Case] = [
    *running.CASES,
    *files.CASES,
    *limits.CASES,
    *lifecycle.CASES,
    *prepared.CASES,
    *told.CASES,
    *shared.CASES,
    *doors.CASES,
    *isolation.CASES,
]

__all__ = ["CASES", "Case", "Harness", "case_id", "run_case"]
