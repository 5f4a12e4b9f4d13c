"""A whole run, with every session and check in a container."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))

from trouble_kit import given, shipped_well, world_at


def test_a_run_is_shipped_from_containers(tmp_path: Path) -> None:
    world = world_at(tmp_path)
    world.fabrik("run", *given(world), "--sandbox", "podman", "--auto-approve")
    shipped_well(world, "last")
    shown = subprocess.run(
        ["podman", "ps", "--all", "--format", "{{.Labels}}"], capture_output=True, text=True, check=True
    )
    assert world.last().id not in shown.stdout, "no container of the run is left"
