"""`fabrik credentials`: logins that are files, a copy of each per worker, and whether the keys work."""

from __future__ import annotations

import os
from pathlib import Path

import click

from fabrik.cli.screen import Screen, Tone
from fabrik.cli.text import neutralise
from fabrik.outcome import ExitStatus

MARKS: dict[str, tuple[str, Tone]] = {
    "ok": ("✓", "good"),
    "absent": ("·", "dim"),
    "wrong": ("✗", "bad"),
    "works": ("✓", "good"),
    "no key": ("·", "dim"),
    "refused": ("✗", "bad"),
    "unreachable": ("✗", "bad"),
}


@click.group(no_args_is_help=True)
def credentials() -> None:
    """Look at logins and keys on this host. No value of any is ever shown.

    \b
    Examples:
      fabrik credentials validate                all logins, and ralph.env, line by line
      fabrik credentials sync --worker build-1   a copy of the logins for one worker
      fabrik credentials test                    ask each model provider whether the key works
    """


@credentials.command()
def validate() -> int:
    """Say what is wrong with logins that are files, and with ralph.env: all at once, each with its remedy.

    The exit status is 1 when something is wrong. What is not there is not wrong.

    \b
    Examples:
      fabrik credentials validate
    """
    import time

    from fabrik.credentials.validate import validate as look

    screen = Screen()
    found = look(os.environ, Path.home(), time.time())
    width = max(len(one.name) for one in found)
    for one in found:
        mark, tone = MARKS[one.state]
        screen.line(f"{screen.paint(mark, tone)} {one.name:<{width}}  {neutralise(one.said)}  ({one.path})")
        for what, todo in one.problems:
            screen.line(f"  {' ' * width}  {neutralise(what)}")
            screen.line(f"  {' ' * width}  → {neutralise(todo)}", "dim")
    return ExitStatus.FAILED if any(one.state == "wrong" for one in found) else ExitStatus.OK


@credentials.command()
@click.option("--worker", required=True, metavar="NAME", help="Whose copies.")
@click.option("--only", multiple=True, metavar="LOGIN", help="Only this one: claude, codex, pi, github.")
@click.option("--release", is_flag=True, help="Bring back what the worker renewed, and remove its copies.")
def sync(worker: str, only: tuple[str, ...], release: bool) -> int:
    """Give a worker copies of the logins, and bring back what it has renewed.

    A login that renews itself belongs to one worker at a time: two with the same refresh token would log
    each other out. A second worker is refused it, and told what to do.

    \b
    Examples:
      fabrik credentials sync --worker build-1
      fabrik credentials sync --worker build-1 --only claude --release
    """
    from fabrik import paths
    from fabrik.credentials.copies import Copies
    from fabrik.credentials.logins import LOGINS
    from fabrik.errors import FabrikError, UsageError
    from fabrik.problems import did_you_mean

    screen = Screen()
    names = [login.name for login in LOGINS]
    for name in only:
        if name not in names:
            todo = did_you_mean(name, names, noun="logins")
            raise UsageError(f"no login is called {name}", where="--only", todo=todo)
    copies = Copies(directory=paths.home().directory / "credentials", env=os.environ, home=Path.home())
    failed: FabrikError | None = None
    for login in LOGINS:
        if only and login.name not in only:
            continue
        try:
            done = copies.release(login, worker) if release else copies.sync(login, worker)
        except FabrikError as error:
            failed = failed or error
            screen.line(f"{screen.paint('✗', 'bad')} {login.name:<8}{neutralise(str(error))}")
            continue
        where = f"  {copies.path(worker, login)}" if done not in ("absent", "released") else ""
        mark, tone = MARKS["absent" if done == "absent" else "ok"]
        screen.line(f"{screen.paint(mark, tone)} {login.name:<8}{done}{where}")
    return failed.exit_status if failed else ExitStatus.OK


@credentials.command("test")
def try_them() -> int:
    """Ask each model provider for its list of models, with the host's key. That costs nothing.

    The exit status is 1 when a key is refused, a provider cannot be reached, or there is no key at all.

    \b
    Examples:
      fabrik credentials test
    """
    import asyncio

    from fabrik.config.read import load_config, user_config_path
    from fabrik.workflows.judge_run import project_root
    from fabrik.workflows.try_keys import try_keys

    screen = Screen()
    config = load_config(project_root(Path.cwd()), user_config_path(), flags={})
    tried = asyncio.run(try_keys(config))
    for one in tried:
        mark, tone = MARKS[one.result]
        said = f"{one.result} ({one.status})" if one.status not in (None, 200) else one.result
        screen.line(f"{screen.paint(mark, tone)} {one.vendor:<10}{said}  {one.variable} at {one.base_url}")
        if one.result == "refused":
            screen.line(f"            → is {one.variable} the right key, and does it still count?", "dim")
    results = {one.result for one in tried}
    return ExitStatus.OK if "works" in results and results <= {"works", "no key"} else ExitStatus.FAILED
