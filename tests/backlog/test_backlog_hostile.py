"""Specs that somebody made to hold the reader up: each is read in time that grows with its length."""

from __future__ import annotations

import subprocess
import sys

import pytest

LONG = 300_000  # characters; read in quadratic time, each of these takes minutes
IN_TIME = 60  # seconds, for what takes well below one

READ = "import sys; from fabrik.backlog.header import read_header; read_header(sys.stdin.read())"
ORDER = """
from fabrik.backlog.dependencies import order
from fabrik.backlog.folder import SpecName
size = 9_000
name = [SpecName(number=i, path=f"{i:04}-a.md") for i in range(size)]
chain = order({spec: [name[i - 1].path] if i else [] for i, spec in enumerate(name)}, [])
assert chain.specs == tuple(name) and not chain.problems
circle = order({spec: [name[i - 1].path] for i, spec in enumerate(name)}, [])
assert len(circle.problems) == 1
"""


@pytest.mark.parametrize(
    "text",
    [
        f"# t\n\nRepo: a{' ' * LONG}x\n",
        f"# a{' ' * LONG}x\n",
        f"# {'# ' * LONG}x\n",
        f"# t\n```{' ' * LONG}`\n",
        f"# t\n{'~' * LONG}`\n",
        f"# t\n## Dependencies\n- {'../' * LONG}\n",
        f"# t\n## Dependencies\n- {'_' * LONG}\n",
        f"# t\n## Dependencies\n- {'[' * LONG}\n",
        f"# t\n## Dependencies\n- {'[a](' * LONG}\n",
    ],
    ids=["field", "heading", "hashes", "fence", "tildes", "parents", "underscores", "brackets", "links"],
)
def test_a_hostile_spec_is_read_in_time(text: str) -> None:
    subprocess.run([sys.executable, "-c", READ], input=text, text=True, check=True, timeout=IN_TIME)


def test_a_large_backlog_is_ordered_in_time() -> None:
    subprocess.run([sys.executable, "-c", ORDER], check=True, timeout=IN_TIME)
