"""Specs that somebody made to hold the tools up: each is reviewed and minified in time that grows with it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

LONG = 40_000  # characters; in quadratic time each of these takes from ten seconds to minutes
IN_TIME = 60  # seconds, for what takes about one
RUN = """
import sys
from pathlib import Path
from fabrik.specs.minify import minify
from fabrik.specs.reviewing.review import review
review([Path(sys.argv[1])])
minify(Path(sys.argv[1]))
"""
SPEC = (
    "# T\n\n## Goals\n\n- g\n\n## Acceptance Criteria\n\n- c {0}\n\n## Tasks\n\n### 1. a\n\nx {0}\n\n.{0}\n"
)


@pytest.mark.parametrize(
    "text",
    ["`" * LONG + "x", "[" * LONG, "a" * LONG * 4, "a/" * LONG, "“" * LONG, "\n" + "~" * LONG + "`"],
    ids=["ticks", "brackets", "word", "path", "quotes", "tildes"],
)
def test_a_hostile_spec_is_looked_at_in_time(text: str, tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text(SPEC.format(text), encoding="utf-8")
    subprocess.run([sys.executable, "-c", RUN, path], check=True, timeout=IN_TIME)
