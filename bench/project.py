"""A small project, a spec with N tasks, and an agent that takes no time: what the measurements run on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

AGENT = r"""#!/bin/sh
# Implements one task at once, or approves. First and last it prints the time, in nanoseconds.
date +%s%N
say() { printf '{"v": 1, "reviewer": "%s", "commit": "%s", %s}' "$FABRIK_REVIEWER" "$FABRIK_COMMIT" "$1"; }
case $FABRIK_ROLE in
    review)
        [ -z "${FABRIK_REPORT:-}" ] || say '"status": "approved"' > "$FABRIK_REPORT"
        exec date +%s%N
        ;;
    verify)
        met='{"n": 1, "met": true, "kind": "check", "where": "check", "why": "runs"}'
        say "\"criteria\": [$met]" > "$FABRIK_REPORT"
        exec date +%s%N
        ;;
esac
name=$(printf %s "$FABRIK_STEP" | tr '/#' '__')
echo "$name" > "work-$name.txt"
git add -A
git commit -q -m "$name"
exec date +%s%N
"""

CHECK = "ls work-*.txt > list.txt"


def git(*args: str, cwd: Path) -> str:
    return subprocess.run(["git", *args], cwd=cwd, check=True, capture_output=True, text=True).stdout.strip()


def make_project(directory: Path) -> Path:
    """A repository with one commit and an identity of its own."""
    directory.mkdir(parents=True)
    git("init", "-q", "-b", "main", cwd=directory)
    git("config", "user.name", "Bench", cwd=directory)
    git("config", "user.email", "bench@localhost", cwd=directory)
    (directory / "README.md").write_text("# bench\n")
    for number in range(50):
        (directory / f"file-{number}.txt").write_text(f"{number}\n" * 50)
    git("add", "-A", cwd=directory)
    git("commit", "-q", "-m", "base", cwd=directory)
    return directory


def make_spec(directory: Path, tasks: int, *, name: str = "bench") -> Path:
    """A JSON spec with that many tasks. Its check passes at once: what is measured is everything else."""
    directory.mkdir(parents=True, exist_ok=True)
    spec = directory / f"{name}.json"
    content = {
        "v": 1,
        "id": name,
        "title": "Bench",
        "status": "ready",
        "version": "1",
        "lastUpdated": "2026-11-01",
        "goals": ["measure"],
        "nonGoals": [],
        "req": {"api": [], "behavior": ["each task makes one commit"], "obs": []},
        "accept": ["every task is committed"],
        "assume": [],
        "checks": [{"name": "check", "run": CHECK}],
    }
    spec.write_text(json.dumps(content))
    todo = {
        "v": 1,
        "id": name,
        "tdd": False,
        "dod": [],
        "tasks": [{"id": str(n), "do": f"task {n}", "verify": "committed"} for n in range(1, tasks + 1)],
    }
    spec.with_suffix(".todo.json").write_text(json.dumps(todo))
    return spec


def make_agent(path: Path, text: str = AGENT) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path


def fabrik(*args: str, home: Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run the installed command as a user would."""
    program = Path(sys.executable).with_name("fabrik")
    environment = {**os.environ, "FABRIK_HOME": str(home)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run([program, *args], env=environment, capture_output=True, text=True)
    if check and done.returncode != 0:
        raise SystemExit(f"fabrik {' '.join(args)}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done
