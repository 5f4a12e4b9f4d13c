"""`fabrik init`: lay out a project for Ralph's loop, or a folder for a backlog."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from fabrik.cli.paragraphs import paragraphs
from fabrik.cli.screen import Screen
from fabrik.cli.text import neutralise, one_line

if TYPE_CHECKING:
    from fabrik.playbook.agents_md import Understood
    from fabrik.playbook.layout import Layout
    from fabrik.playbook.python_project import Check
    from fabrik.playbook.setting_up import Planned

Purpose = Literal["loop", "backlog"]
BACKLOG = Path("ralph")
_WIDE = 44  # columns: a longer command has its explanation on a line of its own


@click.command()
@click.argument(
    "directory", metavar="[DIR]", required=False, type=click.Path(path_type=Path, file_okay=False)
)
@click.option(
    "--for",
    "purpose",
    type=click.Choice(["loop", "backlog"]),
    default="loop",
    show_default=True,
    help="What to lay out: a project for `fabrik loop`, or a folder for `fabrik backlog`.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would be written.")
def init(directory: Path | None, purpose: Purpose, dry_run: bool) -> None:
    """Lay out the files of the loop in the git repository that DIR (by default: here) belongs to.

    \b
    Examples:
      fabrik init                          the project you are in
      fabrik init --dry-run                only say what would be written
      fabrik init ralph --for backlog      a folder of specs for many repositories

    \b
    For the loop these are:
      PROMPT_plan.md, PROMPT_build.md,     what agents are told; yours to edit
        PROMPT_plan_work.md,
        PROMPT_plan_release.md
      AGENTS.md                            how to build and check the project; filled in from what is there
      IMPLEMENTATION_PLAN.md               what is to do; agents write it
      AUDIENCE_JTBD.md                     who it is for, which plan-release needs
      specs/                               what is wanted, one topic per file

    Nothing is ever written over. A project that has PROMPT_plan.md, PROMPT_build.md, AGENTS.md and specs/ is
    used as it is: nothing is written, and you are told which checks were understood.

    \b
    Variables in prompts: ${WORK_SCOPE} ${GOAL} ${SPECS} ${PLAN} ${AGENTS} ${AUDIENCE} ${SOURCE} ${BRANCH}
    ${ITERATION}; ${GOAL:-this} stands for "this" where no goal is given. Other ${…} stay as they are.
    """
    screen = Screen()
    if purpose == "backlog":
        _backlog(screen, directory or (Path() if Path("specs").is_dir() else BACKLOG), dry_run=dry_run)
    else:
        _loop(screen, directory or Path(), dry_run=dry_run)


def _loop(screen: Screen, directory: Path, *, dry_run: bool) -> None:
    from fabrik.playbook import agents_md, ecosystem, layout, setting_up, variables

    root = _repository(directory)
    before = layout.find(root)
    planned = setting_up.plan(root, "loop")
    unseen = _ignored(root, [str(entry.path) for entry in planned if entry.fate != "not needed"])
    if before.complete:
        screen.line(f"{_path(root)} is laid out for the loop already. Nothing is written.", "strong")
    else:
        verb = "Would be laid out" if dry_run else "Laid out"
        screen.line(f"{verb} for the loop: {_path(root)}", "strong")
    if not dry_run:
        setting_up.write(root, planned)
    _files(screen, planned, dry_run=dry_run)
    text = layout.read(before.agents) if before.agents else _text_of(planned, layout.AGENTS)
    understood = agents_md.read(text)
    _checks(screen, understood, ecosystem.detect(root).checks)
    for name in unseen:
        _warn(screen, f"{name} is ignored by git, so no session sees it", "take it out of .gitignore")
    for mode, own in before.prompts.items():
        for warning in (
            variables.warnings(layout.read(own), where=own.name) if mode.startswith("plan") else ()
        ):
            _warn(screen, warning)
    _next(screen, before, planned, dry_run=dry_run)


def _backlog(screen: Screen, directory: Path, *, dry_run: bool) -> None:
    from fabrik.playbook import setting_up

    planned = setting_up.plan(directory, "backlog")
    there = all(entry.fate == "kept" for entry in planned)
    verb = "Would be laid out" if dry_run else "Laid out"
    if there:
        screen.line(f"{_path(directory)} is laid out for a backlog already. Nothing is written.", "strong")
    else:
        screen.line(f"{verb} for a backlog: {_path(directory)}", "strong")
    if not dry_run:
        setting_up.write(directory, planned)
    _files(screen, planned, dry_run=dry_run)
    where = _shell(directory)
    _steps(
        screen,
        [
            (f"cat {where}/specs/README.md", "how a spec is written"),
            (f"fabrik backlog status --dir {where}", "the specs, in the order in which they are done"),
            (f"fabrik backlog run --dir {where}", "do them"),
        ],
    )


def _repository(directory: Path) -> Path:
    """The top of the repository that a directory belongs to.

    Raises UsageError when there is none, or it has no working tree; EnvironmentProblem when git is missing.
    """
    import asyncio

    from fabrik.errors import UsageError
    from fabrik.vcs.project import facts

    if not directory.is_dir():
        raise UsageError(
            "this directory does not exist",
            where=str(directory),
            todo=f"make it: git init {_shell(directory)}",
        )
    try:
        found = asyncio.run(facts(directory))
    except UsageError as error:
        if "not a git repository" not in error.what:
            raise
        raise UsageError(
            "this is not a git repository, and the loop works with commits",
            where=str(directory),
            todo=f"make it one: git init {_shell(directory)}",
        ) from error
    if found.root is None:
        raise UsageError(
            "this repository has no working tree", where=str(directory), todo="use a clone of it"
        )
    return found.root


def _ignored(root: Path, names: list[str]) -> list[str]:
    """Those of the files that git ignores."""
    import asyncio

    from fabrik.vcs.git import run

    output = asyncio.run(run("check-ignore", "--", *names, cwd=root, user_config=True))
    return output.stdout.decode(errors="replace").splitlines()


def _files(screen: Screen, planned: tuple[Planned, ...], *, dry_run: bool) -> None:
    """A line for each file: what became of it."""
    width = max(len(str(entry.path)) for entry in planned) + 2
    for entry in planned:
        name = neutralise(str(entry.path)).ljust(width)
        match entry.fate:
            case "written":
                screen.line(f"  {name}{screen.paint('would be written' if dry_run else 'written', 'good')}")
            case "kept":
                screen.line(f"  {name}kept as it is")
            case _:
                screen.line(f"  {name}{screen.paint(f'not there; {entry.why}', 'dim')}")


def _checks(screen: Screen, understood: Understood, there: tuple[Check, ...]) -> None:
    """The checks in AGENTS.md, and what a human should know about them.

    there: what the project's files speak of, shown when AGENTS.md names none.
    """
    screen.line()
    if understood.checks:
        screen.line("Checks in AGENTS.md, which fabrik runs itself after each session:", "strong")
        width = min(30, max(len(check.name) for check in understood.checks)) + 2
        for check in understood.checks:
            screen.line(f"  {one_line(check.name, 30).ljust(width)}{one_line(check.run)}")
    else:
        screen.line("Checks in AGENTS.md: none", "strong")
    for problem in understood.problems:
        where = f"{problem.file}: {problem.where}" if problem.where else problem.file
        _warn(screen, f"{where}: {problem.what}", problem.todo)
    if there and not understood.checks:
        screen.line("  By its files, this project has:")
        for one in there:
            screen.line(f"    - {one.label}: `{one.run}`")


def _next(screen: Screen, before: Layout, planned: tuple[Planned, ...], *, dry_run: bool) -> None:
    """What to do now, in this order."""
    from fabrik.playbook import layout, plan

    steps: list[tuple[str, str]] = []
    written = [entry.path.parts[0] for entry in planned if entry.fate == "written"]
    if dry_run and written:
        steps.append(("fabrik init", "write the files"))
    if not before.spec_files:
        steps.append(("fabrik spec new specs/NAME.md", "write down what is wanted, one topic per file"))
    if written:
        names = dict.fromkeys("PROMPT_*.md" if name.startswith("PROMPT_") else name for name in written)
        add = " ".join(dict.fromkeys([*names, layout.SPECS]))
        kept = "or leave it: the first work that lands commits it"
        steps.append((f'git add {add} && git commit -m "Lay out the loop"', kept))
    open_items = len(plan.read(layout.read(before.plan)).open) if before.plan else 0
    if not open_items:
        steps.append(("fabrik loop plan", "an agent compares specs and code, and writes the plan"))
    items = f"{open_items} item{' is' if open_items == 1 else 's are'} open; " if open_items else ""
    steps.append(("fabrik loop build 20", f"{items}one item after the other, 20 sessions at the most"))
    _steps(screen, steps)


def _steps(screen: Screen, steps: list[tuple[str, str]]) -> None:
    screen.line()
    screen.line("Next:", "strong")
    width = max((len(command) for command, _ in steps if len(command) <= _WIDE), default=1) + 3
    for command, why in steps:
        if len(command) <= _WIDE:
            screen.line(f"  {command.ljust(width)}{screen.paint(why, 'dim')}")
        else:
            screen.line(f"  {command}")
            screen.line(f"  {' ' * width}{screen.paint(why, 'dim')}")


def _warn(screen: Screen, what: str, todo: str = "") -> None:
    paragraphs(screen, what, by=screen.paint("warning: ", "warn"), then="  ")
    if todo:
        paragraphs(screen, todo, by="  → ", then="    ")


def _text_of(planned: tuple[Planned, ...], name: str) -> str:
    return next(entry.text for entry in planned if str(entry.path) == name)


def _path(path: Path) -> str:
    return neutralise(str(path.resolve()))


def _shell(path: Path) -> str:
    return neutralise(shlex.quote(str(path)))
