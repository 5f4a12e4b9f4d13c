"""The disk gets full: a clear message, nothing lost, and the run goes on when room was made."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCENARIOS = Path(__file__).with_name("small_disk.py")
UNSHARE = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-Urm"]


@pytest.mark.parametrize(
    ("scenario", "size"),
    [("dispatch", "48m"), ("project", "67m"), ("agent", "120m"), ("others", "120m"), ("greedy", "120m")],
)
def test_full_disk(tmp_path: Path, scenario: str, size: str) -> None:
    done = subprocess.run(
        [*UNSHARE, sys.executable, SCENARIOS, scenario, tmp_path, size],
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout + done.stderr
