"""What the tests of the loop share: a project of the playbook, and agents as small programs."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from harness import World, git

from fabrik.ledger.store import Ledger
from fabrik.ledger.types import Run, TaskReport

FILES = {
    "PROMPT_build.md": "0a. Study `specs/*`.\n1. Follow @IMPLEMENTATION_PLAN.md.\n4. Then `git push`.\n",
    "PROMPT_plan.md": "1. Compare `specs/*` with `src/*` and update @IMPLEMENTATION_PLAN.md. Plan only.\n",
    "PROMPT_plan_work.md": '1. A SCOPED plan for work: "${WORK_SCOPE}".\n',
    "AGENTS.md": "## Build & Run\n\nNothing.\n\n## Validation\n\n- Tests: `sh test.sh`\n",
    "IMPLEMENTATION_PLAN.md": "# Plan\n\n- [ ] first thing\n- [ ] second thing\n- [ ] third thing\n",
    "specs/a.md": "# A\n\nEvery thing is in out/.\n",
    "src/lib/.keep": "",
    "test.sh": 'for f in out/*; do [ ! -e "$f" ] || grep -q ok "$f" || { echo "bad: $f"; exit 1; }; done\n',
}

# Does the first open item: its words become a file, which the check reads.
HONEST = """#!/bin/sh
set -eu
cat > "$HOME/prompt"
item=$(sed -n 's/^- \\[ \\] //p' IMPLEMENTATION_PLAN.md | head -n 1)
mkdir -p out
echo ok > "out/$(echo "$item" | tr ' ' '-')"
sed -i "s/^- \\[ \\] $item/- [x] $item/" IMPLEMENTATION_PLAN.md
git add -A
git commit -q -m "Do the $item"
"""


def playbook(directory: Path, files: Mapping[str, str | None] | None = None) -> World:
    """A world with a project of the playbook; None leaves a file out."""
    world = World(directory)
    wanted = FILES | dict(files or {})
    world.make_project({name: text for name, text in wanted.items() if text is not None})
    return world


def loop(
    world: World,
    mode: str,
    *words: str | Path,
    agent: str | Path = HONEST,
    status: int | None = 0,
    **env: str,
) -> subprocess.CompletedProcess[str]:
    """`fabrik loop` with a command agent, given as its text or its path."""
    program = agent if isinstance(agent, Path) else world.make_agent(agent)
    return world.fabrik(
        *("loop", mode, *words, "--project", world.project),
        *("--agent", "command", "--agent-command", program),
        status=status,
        **env,
    )


def dispatched(world: World, *, agent: str = HONEST, **request: Any) -> str:
    """Record a loop without starting its worker; its id."""
    from fabrik.workflows.loop.asking import LoopRequest, dispatch_loop

    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(world.env())
    wanted: dict[str, Any] = {"mode": "build", "project": world.project, "agent": "command"}
    try:
        request = wanted | {"agent_command": world.make_agent(agent)} | request
        with ExitStack() as begun:
            return asyncio.run(dispatch_loop(LoopRequest(**request), lambda text: None, begun))
    finally:
        os.environ.clear()
        os.environ.update(before)


def subjects(world: World, since: str = "base") -> list[str]:
    """The subjects of the commits on main after the first, oldest first."""
    found = git("log", "--reverse", "--format=%s", "main", cwd=world.project).splitlines()
    return found[found.index(since) + 1 :]


def status(world: World) -> str:
    return git("status", "--porcelain", cwd=world.project)


def plan_of(world: World) -> str:
    return (world.project / "IMPLEMENTATION_PLAN.md").read_text()


def reports(world: World) -> list[TaskReport]:
    with Ledger.open(world.home / "ledger.db") as ledger:
        return list(ledger.task_reports(ledger.find_run("last").id))


def ended(world: World, verdict: str, *said: str) -> Run:
    """The run, which has ended so, with a reason that says so."""
    run = world.last()
    assert run.status == verdict, (run.status, run.failure_reason, world.worker_logs())
    for words in said:
        assert words in (run.failure_reason or ""), run.failure_reason
    return run


def kept(world: World, ref: str, path: str) -> str:
    """A file of a commit that was kept aside in the run's repository."""
    return git("show", f"refs/fabrik/{ref}:{path}", cwd=world.home / "runs" / world.last().id / "repo.git")
