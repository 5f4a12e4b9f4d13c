#!/usr/bin/env python3
"""Runs specs in order: implement until the contract is kept, have it verified, write the markers."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
SPECS = HERE / "specs"
PHRASE = "I AM HYPER SURE I AM DONE!"
CODEX = ["codex", "exec", "--dangerously-bypass-approvals-and-sandbox", "--skip-git-repo-check", "-"]


def ask(prompt: str) -> str:
    """One session in the workspace; what it printed."""
    done = subprocess.run(CODEX, input=prompt, capture_output=True, text=True, cwd=HERE.parent, check=False)
    return done.stdout


def claimed(output: str) -> str | None:
    """The commit that stands right before the phrase, which is the last line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    if len(lines) < 2 or lines[-1] != PHRASE or not re.fullmatch(r"[0-9a-f]{40}", lines[-2]):
        return None
    return lines[-2]


def work_on(spec: Path) -> None:
    """Implement and verify one spec, ten times at the most."""
    name = spec.relative_to(SPECS)
    candidate = (SPECS / "candidates" / name).with_suffix(".json")
    for _ in range(10):
        commit = json.loads(candidate.read_text())["commit_hash"] if candidate.exists() else None
        commit = commit or claimed(ask(f"Implement this, commit, and end as agreed.\n\n{spec.read_text()}"))
        if commit is None:
            continue
        candidate.parent.mkdir(parents=True, exist_ok=True)
        candidate.write_text(json.dumps({"spec": str(name), "commit_hash": commit}))
        if claimed(ask(f"Verify {commit}; change nothing.\n\n{spec.read_text()}")) == commit:
            done = SPECS / "done" / name
            done.parent.mkdir(parents=True, exist_ok=True)
            done.write_text(f"# {name}\n\n{commit}\n")
            return
        candidate.unlink()


def main() -> int:
    for spec in sorted(SPECS.rglob("[0-9][0-9][0-9][0-9]-*.md")):
        name = spec.relative_to(SPECS)
        if name.parts[0] != "done" and not (SPECS / "done" / name).exists():
            work_on(spec)
    return 0


if __name__ == "__main__":
    sys.exit(main())
