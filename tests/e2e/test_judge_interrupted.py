"""Ctrl-C while `judge` waits for a model, with and without a loop around it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from fabrik.ledger.store import Ledger
from fabrik.paths import Home

PLAIN = "from fabrik.judge import judge\njudge('warm', 'hello')\n"
# As browser libraries do it: a loop of theirs runs, and Ctrl-C is Python's own.
INSIDE = """import asyncio
from fabrik.judge import judge

async def test():
    judge("warm", "hello")

asyncio.new_event_loop().run_until_complete(test())
"""


@pytest.mark.parametrize("program", [PLAIN, INSIDE], ids=["plain", "inside a loop"])
def test_what_is_interrupted_ends_and_says_so(tmp_path: Path, program: str) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        silent.settimeout(60)
        state = tmp_path / "state"
        environment = {
            **os.environ,
            "HOME": str(tmp_path),
            "FABRIK_HOME": str(state),
            "ANTHROPIC_API_KEY": "none",
            "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{silent.getsockname()[1]}",
        }
        with subprocess.Popen(
            [sys.executable, "-c", program], cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True
        ) as asking:
            try:
                connection, _ = silent.accept()
                with connection:
                    asking.send_signal(signal.SIGINT)
                    _, said = asking.communicate(timeout=60)
            finally:
                asking.kill()
    assert said.rstrip().endswith("KeyboardInterrupt")
    with Ledger.open(Home(directory=state).ledger) as ledger:
        (run,) = ledger.list_runs(limit=None)
    assert (run.workflow, run.status) == ("judge", "cancelled")
