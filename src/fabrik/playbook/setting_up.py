"""Lays out the files of the loop, or of a backlog, in a project. What is there is never written over."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from fabrik.errors import FabrikError, UsageError
from fabrik.playbook import layout
from fabrik.playbook.ecosystem import Ecosystem, detect
from fabrik.playbook.layout import Layout

Purpose = Literal["loop", "backlog"]
Fate = Literal["written", "kept", "not needed"]

CHECKS_TODO: Final = """<!-- No checks were found in this project. Name them, one per line:
- Tests: `pytest -q`
- Lint: `ruff check .`
-->"""
SETUP_TODO: Final = "<!-- How to install and start it, in a few lines. -->"


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A file of the layout, and what becomes of it."""

    path: Path  # below the root
    fate: Fate
    text: str = ""  # what is written
    why: str = ""  # of "not needed"


def plan(root: Path, purpose: Purpose, ecosystem: Ecosystem | None = None) -> tuple[Planned, ...]:
    """What becomes of each file of the layout in a project. Nothing is written.

    A project that is one of the playbook already (both prompts, AGENTS.md, specs/) is left as it is.
    Raises UsageError when something else is where a directory or a file is to be.
    """
    if purpose == "backlog":
        files = (
            _file(root, Path("specs/README.md"), layout.template("backlog-specs.md")),
            _file(root, Path("SCRATCHPAD.md"), layout.template("SCRATCHPAD.md")),
        )
        _refuse_what_is_no_file(root, [entry.path for entry in files])
        return files
    found = layout.find(root)
    agents = agents_md(ecosystem if ecosystem is not None else detect(root))
    entries = [_prompt(found, mode) for mode in layout.MODES]
    entries += [
        _file(root, Path(layout.AGENTS), agents),
        _file(root, Path(layout.PLAN), layout.template(layout.PLAN)),
        _file(root, Path(layout.AUDIENCE), layout.template(layout.AUDIENCE)),
        _specs(found),
    ]
    _refuse_what_is_no_file(root, [entry.path for entry in entries if entry.path != Path(layout.SPECS)])
    if not found.complete:
        return tuple(entries)
    return tuple(
        Planned(path=entry.path, fate="not needed", why=_without(entry.path))
        if entry.fate == "written"
        else entry
        for entry in entries
    )


def write(root: Path, planned: tuple[Planned, ...]) -> None:
    """Write the files whose fate it is. A file that has appeared meanwhile stays as it is.

    Raises FabrikError when one cannot be written.
    """
    for entry in planned:
        if entry.fate != "written":
            continue
        path = root / entry.path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8", newline="\n") as stream:
                stream.write(entry.text)
        except FileExistsError:
            continue
        except OSError as error:
            raise FabrikError(f"cannot be written: {error.strerror}", where=str(path)) from error


def agents_md(ecosystem: Ecosystem) -> str:
    """An AGENTS.md with the commands of this project."""
    setup = "\n".join(f"- Set up: `{command}`" for command in ecosystem.setup) or SETUP_TODO
    checks = "\n".join(f"- {check.label}: `{check.run}`" for check in ecosystem.checks) or CHECKS_TODO
    return layout.template(layout.AGENTS).replace("{{setup}}", setup).replace("{{checks}}", checks)


def _prompt(found: Layout, mode: layout.Mode) -> Planned:
    if own := found.prompts.get(mode):
        return Planned(path=own.relative_to(found.root), fate="kept")
    name = layout.PROMPT_FILES[mode][0]
    return _file(found.root, Path(name), layout.template(name))


def _specs(found: Layout) -> Planned:
    if found.specs and (found.spec_files or any(found.specs.iterdir())):
        return Planned(path=Path(layout.SPECS), fate="kept")
    return _file(found.root, Path(layout.SPECS) / "README.md", layout.template("specs.md"))


def _file(root: Path, path: Path, text: str) -> Planned:
    if os.path.lexists(directory := root / path.parent) and not directory.is_dir():
        raise UsageError(
            "a directory is to be here, and something else is called so",
            where=str(directory),
            todo="move it away, or point the link at a directory",
        )
    there = os.path.lexists(root / path)
    return Planned(path=path, fate="kept") if there else Planned(path=path, fate="written", text=text)


def _refuse_what_is_no_file(root: Path, paths: Iterable[Path]) -> None:
    """What is there and cannot be read as a file was never meant so: no loop could use it."""
    wrong = []
    for path in paths:
        if os.path.lexists(place := root / path) and not place.is_file():
            link = place.is_symlink() and not place.exists()
            wrong.append(f"{path} is {'a link to nothing' if link else _kind(place)}")
    if wrong:
        raise UsageError(
            f"a file is to be here: {'; '.join(wrong)}",
            where=str(root),
            todo="move it away, or point the link at a file. Nothing was written",
        )


def _kind(place: Path) -> str:
    return "a directory" if place.is_dir() else "no ordinary file"


def _without(path: Path) -> str:
    reasons = {layout.PLAN: "an agent writes it", layout.AUDIENCE: "only plan-release needs it"}
    return reasons.get(path.name, "fabrik has its own")
