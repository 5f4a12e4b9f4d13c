"""Has pytest ignore a file, in the project's configuration."""

import json
import sys
from pathlib import Path

from trust_case import Case

import fabrik

# pytest itself, which the system's Python does not have.
SOURCE = str(Path(fabrik.__file__).parents[1])  # its pytest plugin is loaded wherever it is installed
CONFIG = f"read_only = {json.dumps([sys.prefix, sys.base_prefix, SOURCE])}\n"

CASE = Case(
    must="marked",
    caught="tampering depends",
    config=CONFIG,
    spec={"checks": [{"name": "tests", "run": f"{sys.executable} -m pytest -q -p no:cacheprovider tests"}]},
    agent=r"""
lie
printf '\n[tool.pytest.ini_options]\naddopts = "--ignore=tests/test_price.py"\n' >> pyproject.toml
save
""",
)
