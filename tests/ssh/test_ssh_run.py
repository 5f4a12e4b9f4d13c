"""A whole run, with every session and check on another machine."""

from __future__ import annotations

import sys
from pathlib import Path

from local_sshd import Sshd

sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))

from trouble_kit import given, refused, shipped_well, world_at

from fabrik.sandboxes.ssh.connection import BASE, CONFIG


def test_a_run_is_shipped_from_another_machine(server: Sshd, tmp_path: Path) -> None:
    world = world_at(tmp_path)
    world.environment |= {CONFIG: str(server.config), BASE: str(server.base)}
    copies = server.base / "trees"
    before, boxes = set(copies.glob("*")), set((server.base / "boxes").glob("*"))
    world.fabrik("run", *given(world), "--sandbox", "ssh:machine", "--auto-approve")
    shipped_well(world, "last")
    assert set(copies.glob("*")) - before, "the repository's objects were shown there"
    assert set((server.base / "boxes").glob("*")) == boxes, "no sandbox is left there"
    assert list((server.base / "doors").iterdir()) == []


def test_a_machine_that_cannot_be_reached_is_told_before_a_run_begins(server: Sshd, tmp_path: Path) -> None:
    world = world_at(tmp_path)
    config = tmp_path / "ssh_config"
    config.write_text("Host machine\n  HostName 127.0.0.1\n  Port 1\n")
    said = refused(
        world,
        "run",
        *given(world),
        *("--sandbox", "ssh:machine"),
        status=1,
        **{CONFIG: str(config)},
    )
    assert "ssh machine true" in said and "refused" in said
