"""The judge inside a run's sandboxes, where the user has opened them: `[judge] in_checks = true`.

A check reaches the models door then (and nothing else of the network), and finds the program `fabrik` and the
pytest fixture without installing anything: fabrik's own interpreter and package are shown, read-only.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import fabrik
from fabrik import paths
from fabrik.judging.inside import Inside
from fabrik.sandboxes.sandbox import Doors

if TYPE_CHECKING:
    from fabrik.sandboxes.sandbox import Sandbox
    from fabrik.workflows.work import Work

PLUGIN = "fabrik_judge_inside"  # a module of its own, so that what the project calls `fabrik` stays that
_ASKS = re.compile(r"\bfabrik\s+judge\b")

_PROGRAM = """#!/bin/sh
exec {python} -I -B {main} "$@"
"""
_MAIN = """import sys

sys.path.append({parent!r})
from fabrik.cli.entry import main

main()
"""

# Loaded by whatever Python and pytest the project has. The directory is appended: a project that has a fabrik
# of its own, or is fabrik, is tested with that.
_MODULE = """import sys

if sys.version_info >= (3, 11):
    sys.path.append({only!r})
    try:
        from fabrik.judge.pytest_plugin import judge, pytest_addoption, pytest_configure
    except ImportError:
        pass
"""
_METADATA = "Metadata-Version: 2.1\nName: fabrik-judge-inside\nVersion: 1\n"
_ENTRY_POINTS = f"[pytest11]\nfabrik-judge = {PLUGIN}\n"


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What a sandbox must show for the judge."""

    read_only: tuple[Path, ...] = ()
    path: tuple[str, ...] = ()  # directories for PATH


NOTHING = Shown()


@asynccontextmanager
async def doors(work: Work, step: str) -> AsyncIterator[Doors | None]:
    """The doors of a step's checks, metered under the step; None where checks reach no models."""
    if work.context.judge is None:
        yield None
        return
    async with work.gateway.door(step, egress=False) as door:
        yield Doors(models=door.models, proxy=door.proxy)


def variables(work: Work, sandbox: Sandbox) -> Mapping[str, str]:
    """What a command in a sandbox with doors must be told to ask a judge."""
    judge = work.context.judge
    if judge is None:
        return {}
    library = str(_place(work) / "lib")
    given = work.context.env.get("PYTHONPATH")
    inside = Inside(url=sandbox.endpoints.models, fast=judge.fast, smart=judge.smart)
    return {**inside.variables(), "PYTHONPATH": f"{given}:{library}" if given else library}


def hint(work: Work, command: str) -> str:
    """For the end of a check whose command was not found: that it wants a judge, which is not there."""
    if work.context.judge is not None or not _ASKS.search(command):
        return ""
    return (
        "\n(no judge can be asked in checks: who runs fabrik opens them to models with `in_checks = true`"
        " below `[judge]` in their own config)"
    )


def shown(work: Work) -> Shown:
    """What a sandbox of this run must show; written on the host at the first use, and whenever it differs."""
    if work.context.judge is None:
        return NOTHING
    place = _place(work)
    package = Path(fabrik.__file__).parent
    only = place / "only"
    library = place / "lib"
    information = library / f"{PLUGIN}-1.dist-info"
    main = place / "main.py"
    _write(main, _MAIN.format(parent=str(package.parent)))
    program = _PROGRAM.format(python=shlex.quote(sys.executable), main=shlex.quote(str(main)))
    _write(place / "bin" / "fabrik", program, mode=0o700)
    _write(library / f"{PLUGIN}.py", _MODULE.format(only=str(only)))
    _write(information / "METADATA", _METADATA)
    _write(information / "entry_points.txt", _ENTRY_POINTS)
    _link(only / "fabrik", package)
    return Shown(read_only=(place, *_installation()), path=(str(place / "bin"),))


def _place(work: Work) -> Path:
    return work.paths.directory / "judge"


@cache
def _installation() -> tuple[Path, ...]:
    """Where this fabrik is installed: its interpreter, its package, and what its command line needs."""
    click = importlib.util.find_spec("click")
    real = Path(os.path.realpath(sys.executable)).parent.parent
    wanted = [Path(fabrik.__file__).parent]
    for prefix in (Path(sys.prefix), Path(sys.base_prefix), real):
        wanted += parts(prefix)
    if click is not None and click.origin is not None:
        wanted.append(Path(click.origin).parent)
    found: list[Path] = []
    for path in sorted({path.absolute() for path in wanted}):  # a parent comes before its children
        if not any(path.is_relative_to(other) for other in found):
            found.append(path)
    return tuple(found)


def parts(prefix: Path) -> list[Path]:
    """What of an installation of Python a sandbox is shown: all of it, where it has a directory of its own.

    One in ~/.local, or in a home, lies beside keys and the ledger: only its interpreter and libraries are
    shown then.
    """
    home = Path.home()
    if not any(own.is_relative_to(prefix) for own in (home / ".local/share", paths.home().directory)):
        return [prefix]
    library = prefix / "lib"
    found = [Path(sys.executable), Path(os.path.realpath(sys.executable)), *library.glob("libpython*.so*")]
    found.append(library / f"python{sys.version_info.major}.{sys.version_info.minor}")
    return [path for path in found if path.exists()]


def _write(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Whole or not at all: a sandbox that already shows the directory may read it at this moment."""
    if path.is_file() and path.read_text() == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text)
    draft.chmod(mode)
    draft.replace(path)


def _link(path: Path, target: Path) -> None:
    if path.is_symlink() and path.readlink() == target:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(target)
