"""The suite once more as somebody who is not root: other kernel rules, and no control groups."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import fabrik

_RUN = """
import sys, tempfile, traceback, unittest
from pathlib import Path
from fabrik.sandboxes import registry
from fabrik.testing.conformance import CASES, case_id, run_case

failed = 0
for case in CASES:
    try:
        with tempfile.TemporaryDirectory() as directory:
            run_case(case, registry.load(sys.argv[1]), Path(directory))
    except unittest.SkipTest as skipped:
        print("skipped", case_id(case), skipped)
    except BaseException:
        failed += 1
        print("FAILED", case_id(case))
        traceback.print_exc()
sys.exit(bool(failed))
"""


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """The package and a HOME where everybody may look; pytest's own directories are private."""
    directory = Path(tempfile.mkdtemp())
    directory.chmod(0o755)
    shutil.copytree(
        Path(fabrik.__file__).parent, directory / "fabrik", ignore=shutil.ignore_patterns("__pycache__")
    )
    (directory / "home").mkdir()
    os.chown(directory / "home", 54321, 54321)
    yield directory
    shutil.rmtree(directory)


def _system_python() -> bool:
    look = "import sys; sys.exit(sys.version_info < (3, 11))"
    return (
        Path("/usr/bin/python3").exists() and not subprocess.run(["/usr/bin/python3", "-c", look]).returncode
    )


@pytest.mark.skipif(os.getuid() != 0, reason="the whole suite runs as an ordinary user already")
@pytest.mark.skipif(not _system_python(), reason="an ordinary user reaches no Python 3.11 here")
@pytest.mark.parametrize("provider", ["bubblewrap", "none"])
def test_conforms_as_an_ordinary_user(provider: str, elsewhere: Path) -> None:
    home = str(elsewhere / "home")
    done = subprocess.run(
        [
            "setpriv",
            "--reuid=54321",
            "--regid=54321",
            "--clear-groups",
            "/usr/bin/python3",
            "-c",
            _RUN,
            provider,
        ],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(elsewhere), "HOME": home, "TMPDIR": home},
        cwd=home,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    if provider == "bubblewrap":
        assert "skipped" not in done.stdout
