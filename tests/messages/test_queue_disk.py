"""A disk without room: a clear message, and nothing half-written."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path

from fabrik.errors import DiskFull
from fabrik.messages.queue import Queue
from fabrik.testing.full_disk import fill


def on_a_small_disk(directory: Path) -> None:
    """In a mount namespace of its own: send while there is no room, and when there is some again."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(directory)], check=True)
    queue = Queue(directory / "talk")
    asyncio.run(queue.send(sender="builder", to=["inbox"], body="first"))
    ballast = directory / "ballast"
    fill(ballast)
    for _ in range(3):
        try:
            asyncio.run(queue.send(sender="builder", to=["inbox", "other"], body="x" * 9000, message_id="m"))
        except DiskFull as error:
            assert "no space is left" in error.what, error
        else:
            raise AssertionError("a full disk took a message")
    assert [path.name for path in (directory / "talk").glob("*/tmp/*")] == []
    assert len([*(directory / "talk").glob("*/new/*")]) == 1
    first = asyncio.run(queue.receive("inbox"))  # needs no room
    assert first is not None and first.message.body == "first\n"
    assert queue.acknowledge(first.receipt)
    ballast.unlink()
    sent = asyncio.run(queue.send(sender="builder", to=["inbox", "other"], body="x" * 9000, message_id="m"))
    assert sent.delivered == ("inbox", "other")


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path, require: object) -> None:
    def small_disks() -> str | None:
        if os.geteuid() != 0 or shutil.which("unshare") is None:
            return "only root can mount a small disk"
        made = subprocess.run(
            ["unshare", "-m", "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(tmp_path)], check=False
        )
        return "no disk can be mounted here" if made.returncode else None

    assert callable(require)
    require("a small disk", small_disks)
    done = subprocess.run(
        ["unshare", "-m", sys.executable, __file__, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


if __name__ == "__main__":
    on_a_small_disk(Path(sys.argv[1]))
