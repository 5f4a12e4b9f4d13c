"""What the end-to-end tests share: a project, a spec, agents as small programs, and the command itself."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fabrik.ledger.store import Ledger
from fabrik.ledger.types import Event, Run

PROGRAM = Path(sys.executable).with_name("fabrik")
PATIENCE = 120.0  # seconds until a condition that is waited for counts as never met

HONEST = """#!/bin/sh
# Does what the task says: task N writes N into done-N.txt and commits it.
set -eu
id=$(printf %s "$FABRIK_STEP" | cut -d/ -f2)
echo "$id" > "done-$id.txt"
git add "done-$id.txt"
git commit -q -m "Do task $id"
"""


def git(*args: str, cwd: Path, check: bool = True) -> str:
    done = subprocess.run(["git", *args], cwd=cwd, check=check, capture_output=True, text=True)
    return done.stdout.strip()


@dataclass
class World:
    """A directory with a project, its specs, agents, and fabrik's state."""

    directory: Path
    environment: dict[str, str] = field(default_factory=dict)
    here: Path | None = field(default=None, kw_only=True)  # where commands are typed; None: the directory

    @property
    def home(self) -> Path:
        return self.directory / "home"

    @property
    def project(self) -> Path:
        return self.directory / "project"

    def make_project(self, files: Mapping[str, str] | None = None) -> Path:
        """A repository with one commit on main."""
        self.project.mkdir()
        git("init", "-q", "-b", "main", cwd=self.project)
        git("config", "user.name", "Ada", cwd=self.project)
        git("config", "user.email", "ada@example.org", cwd=self.project)
        for name, text in (files or {"README.md": "# project\n"}).items():
            path = self.project / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        git("add", "-A", cwd=self.project)
        git("commit", "-q", "-m", "base", cwd=self.project)
        return self.project

    def make_spec(self, *, tasks: int = 2, name: str = "feature", **fields: Any) -> Path:
        """A JSON spec with as many tasks; its checks want done-1.txt … done-N.txt."""
        specs = self.directory / "specs"
        specs.mkdir(exist_ok=True)
        content = {
            "v": 1,
            "id": name,
            "title": "A feature",
            "status": "ready",
            "version": "1.0.0",
            "lastUpdated": "2026-11-01",
            "goals": ["every task is done"],
            "nonGoals": [],
            "req": {"api": [], "behavior": ["task N writes N into done-N.txt"], "obs": []},
            "accept": ["done-N.txt holds N, for each task"],
            "assume": [],
            "checks": [
                {"name": f"task {n}", "run": f'test "$(cat done-{n}.txt)" = {n}'} for n in range(1, tasks + 1)
            ],
        }
        path = specs / f"{name}.json"
        path.write_text(json.dumps(content | fields))
        todo = {
            "v": 1,
            "id": name,
            "tdd": False,
            "dod": [],
            "tasks": [
                {"id": str(n), "do": f"Do task {n}", "verify": f"done-{n}.txt holds {n}"}
                for n in range(1, tasks + 1)
            ],
        }
        path.with_suffix(".todo.json").write_text(json.dumps(todo))
        return path

    def make_agent(self, text: str = HONEST, name: str = "agent") -> Path:
        path = self.directory / name
        path.write_text(text)
        path.chmod(0o755)
        return path

    def fabrik(
        self, *args: str | Path, status: int | None = 0, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run the command as a user would, and check its exit status (None: any)."""
        done = subprocess.run(
            [PROGRAM, *map(str, args)],
            env=self.env(**environment),
            capture_output=True,
            text=True,
            cwd=self.here or self.directory,
            timeout=280,
        )
        if status is not None and done.returncode != status:
            raise AssertionError(
                f"fabrik {' '.join(map(str, args))}: exit {done.returncode}, not {status}\n"
                f"{done.stdout}\n{done.stderr}\n{self.worker_logs()}"
            )
        return done

    def env(self, **more: str) -> dict[str, str]:
        """The environment of the command: the caller's own, without its keys and agents."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(
                ("FABRIK_", "RALPH_", "ANTHROPIC_", "OPENAI_", "GEMINI_", "GOOGLE_", "GIT_")
            )
            and name not in ("MAX_ITERATIONS", "NO_COLOR")
        }
        return {
            **kept,
            "FABRIK_HOME": str(self.home),
            "XDG_CONFIG_HOME": str(self.directory / "config"),
            **self.environment,
            **more,
        }

    def run(
        self,
        *options: str | Path,
        spec: Path | None = None,
        agent: Path | None = None,
        status: int | None = 0,
        review: bool = False,
    ) -> Run:
        """`fabrik run` with the command agent; the run as the ledger has it then.

        review: let the same agent play the reviewers and the verifier. Most agents here know no such roles.
        """
        self.fabrik(
            *("run", "--spec", spec or self.make_spec(), "--project", self.project),
            *("--agent", "command", "--agent-command", agent or self.make_agent()),
            *(() if review else ("--no-review",)),
            *options,
            status=status,
        )
        return self.last()

    def dispatch(self, **request: Any) -> str:
        """Record a run without starting its worker; its id. It is not reviewed, unless that is asked for."""
        from fabrik.workflows.dispatch import RunRequest, dispatch

        before = dict(os.environ)
        os.environ.clear()
        os.environ.update(self.env())
        try:
            return asyncio.run(dispatch(RunRequest(**{"no_review": True, **request}), lambda text: None))
        finally:
            os.environ.clear()
            os.environ.update(before)

    def last(self) -> Run:
        with Ledger.open(self.home / "ledger.db") as ledger:
            return ledger.find_run("last")

    def events(self, kind: str | None = None) -> list[Event]:
        with Ledger.open(self.home / "ledger.db") as ledger:
            found = ledger.events(ledger.find_run("last").id)
        return [event for event in found if kind in (None, event.kind)]

    def commits(self, branch: str = "spec-feature") -> list[str]:
        """The subjects of the commits on a branch, oldest first."""
        return git("log", "--reverse", "--format=%s", f"main..{branch}", cwd=self.project).splitlines()

    def worker_logs(self) -> str:
        return "\n".join(log.read_text(errors="replace") for log in self.home.glob("runs/*/worker.log"))

    def leftovers(self) -> list[str]:
        """The command lines of living processes that belong to this world, but for the tests themselves."""
        found = []
        for process in Path("/proc").iterdir():
            if not process.name.isdigit() or int(process.name) == os.getpid():
                continue
            try:
                seen = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
            except OSError:
                continue
            if os.fsencode(str(self.home)) in seen or os.fsencode(str(self.directory / "agent")) in seen:
                found.append(seen.replace(b"\0", b" ").decode(errors="replace")[:300])
        return found


def wait_for(condition: Callable[[], object], what: str) -> None:
    """Poll until the condition holds. Fails with `what` when it never does."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"never happened: {what}")
        time.sleep(0.02)


def rows(world: World, query: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
    """What plain sqlite3 reads from the ledger."""
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(world.home / "ledger.db")) as db:
        return db.execute(query, parameters).fetchall()
