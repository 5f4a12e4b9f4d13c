"""The examination behind `fabrik doctor`: each part is tried for real, and nothing is changed."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from fabrik import __version__, paths
from fabrik.agents import registry as agents
from fabrik.cli import store, units
from fabrik.cli.render.runs import short, state
from fabrik.cli.text import one_line
from fabrik.errors import FabrikError
from fabrik.sandboxes import registry as sandboxes
from fabrik.sandboxes.sandbox import Preflight, Probe
from fabrik.vcs import git, project
from fabrik.workflows.registry import take_up

Level = Literal["ok", "note", "weak", "missing"]

LITTLE_ROOM = 2 << 30  # bytes: below it a run with a big workspace may fill the disk
NO_ROOM = 64 << 20  # bytes: below it no run is dispatched
VERSION_SECONDS = 20.0  # for an agent's `--version`; the slowest takes two on a busy machine
KEYS = ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY")
ADDRESSES = ("ANTHROPIC_BASE_URL", "OPENAI_BASE_URL", "GOOGLE_GEMINI_BASE_URL")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line of the report."""

    area: str
    what: str
    level: (
        Level  # missing: no run works without it. weak: works, but less than it could. note: for information
    )
    how: str = ""  # what was found
    todo: str = ""


async def examine() -> list[Finding]:
    """Try everything. Raises nothing of our own: what fails is a finding."""
    tried = await asyncio.gather(_git(), _sandboxes(), _agents())
    return [*_machine(), *_ledger(), *(finding for part in tried for finding in part), *_keys()]


def _machine() -> list[Finding]:
    system = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    home = paths.home().directory
    existing = next(path for path in (home, *home.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    level: Level = "missing" if free < NO_ROOM else "weak" if free < LITTLE_ROOM else "ok"
    return [
        Finding(area="Machine", what="fabrik", level="ok", how=f"{__version__} on {system}"),
        Finding(
            area="Machine",
            what="disk",
            level=level,
            how=f"{units.size(free)} free at {existing}",
            todo="make room, or set FABRIK_HOME to a directory on another disk",
        ),
    ]


def _ledger() -> list[Finding]:
    where = str(paths.home().ledger)
    try:
        with store.reading() as ledger:
            if ledger is None:
                return [Finding(area="Ledger", what="ledger", level="ok", how=f"none yet; will be {where}")]
            running = ledger.list_runs(limit=None, status="running")
    except FabrikError as error:
        return [
            Finding(
                area="Ledger", what="ledger", level="missing", how=f"{where}: {error.what}", todo=error.todo
            )
        ]
    interrupted = [run for run in running if state(run) == "interrupted"]
    found = [Finding(area="Ledger", what="ledger", level="ok", how=f"{where}, {len(running)} runs under way")]
    found.extend(
        Finding(
            area="Ledger",
            what="interrupted run",
            level="weak",
            how=f"{short(run.id)}  {one_line(run.spec_id, 60)}: its worker is gone",
            todo=f"{take_up(run)}, or fabrik run cancel {short(run.id)}",
        )
        for run in interrupted
    )
    return found


async def _git() -> list[Finding]:
    try:
        version = ".".join(map(str, await git.version()))
        author = await project.identity(None)
    except FabrikError as error:
        return [Finding(area="Git", what="git", level="missing", how=error.what, todo=error.todo)]
    return [
        Finding(area="Git", what="git", level="ok", how=version),
        Finding(
            area="Git",
            what="identity",
            level="ok" if author.configured else "weak",
            how=f"{author.name} <{author.email}>" + ("" if author.configured else " (none is configured)"),
            todo='git config --global user.name "You" and user.email you@example.org',
        ),
    ]


async def _sandboxes() -> list[Finding]:
    tried = await asyncio.gather(*(_tried(name) for name in sandboxes.PROVIDERS))
    return [finding for part in tried for finding in part]


async def _tried(name: str) -> list[Finding]:
    try:
        provider = sandboxes.load(name)
    except FabrikError as error:
        return _sandbox(name, True, Preflight(ready=False, why=error.what, todo=error.todo))
    report = await provider.preflight()  # a machine that is reached says only now whether it isolates
    return _sandbox(name, provider.isolates, report)


def _sandbox(name: str, isolates: bool, preflight: Preflight) -> list[Finding]:
    area = f"Sandbox {name}"
    if not preflight.ready:
        level: Level = "missing" if name == sandboxes.default_name() else "note"  # one of several will do
    else:
        level = "ok" if isolates else "note"
    head = Finding(
        area=area,
        what="ready" if preflight.ready else "not ready",
        level=level,
        how=preflight.why,
        todo=preflight.todo,
    )
    return [head, *(_probe(area, isolates, probe) for probe in preflight.probes)]


def _probe(area: str, isolates: bool, probe: Probe) -> Finding:
    level: Level = "ok" if probe.holds else "weak" if isolates else "note"
    return Finding(area=area, what=probe.what, level=level, how=probe.how, todo=probe.todo)


async def _agents() -> list[Finding]:
    names = [name for name in agents.AGENTS if agents.load(name).programs]
    return list(await asyncio.gather(*(_agent(name) for name in names)))


async def _agent(name: str) -> Finding:
    agent = agents.load(name)
    missing = [program for program in agent.programs if shutil.which(program) is None]
    if missing:
        return Finding(
            area="Agents",
            what=name,
            level="note",
            how=f"{', '.join(missing)} is not installed",
            todo=agent.install_hint,
        )
    where = shutil.which(agent.programs[0]) or ""
    return Finding(
        area="Agents", what=name, level="ok", how=f"{await _version([where, '--version'])}  {where}"
    )


async def _version(argv: Sequence[str]) -> str:
    """The first line that a program's --version prints."""
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError as error:
        return f"does not start: {error.strerror}"
    try:
        output, _ = await asyncio.wait_for(process.communicate(), VERSION_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
        return f"no answer to --version in {VERSION_SECONDS:.0f} s"
    return one_line(output.decode("utf-8", "replace").strip().partition("\n")[0], 60) or "version unknown"


def _keys() -> list[Finding]:
    """Which keys and addresses of model providers are set. Their names only, never a value."""
    found = [
        Finding(
            area="Models",
            what=name,
            level="ok" if os.environ.get(name) else "note",
            how="set; no sandbox sees it" if os.environ.get(name) else "not set",
        )
        for name in KEYS
    ]
    found.extend(
        Finding(area="Models", what=name, level="ok", how="set: model calls go there")
        for name in ADDRESSES
        if os.environ.get(name)
    )
    return found
