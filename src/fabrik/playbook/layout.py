"""Where a project keeps the files of the loop, what each mode needs, and the prompt that a mode is given.

The names are those of the Ralph Playbook; what a project has is used as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final, Literal, get_args

from fabrik.errors import UsageError
from fabrik.playbook import blocks
from fabrik.problems import did_you_mean

Mode = Literal["plan", "build", "plan-work", "plan-release"]
MODES: Final[tuple[Mode, ...]] = get_args(Mode)

PLAN = "IMPLEMENTATION_PLAN.md"
AGENTS = "AGENTS.md"
AUDIENCE = "AUDIENCE_JTBD.md"
SPECS = "specs"
SOURCE = "src"

# The playbook shows its release prompt without a name; people call it "slc": simple, lovable, complete.
PROMPT_FILES: Final[dict[Mode, tuple[str, ...]]] = {
    "plan": ("PROMPT_plan.md",),
    "build": ("PROMPT_build.md",),
    "plan-work": ("PROMPT_plan_work.md",),
    "plan-release": ("PROMPT_plan_release.md", "PROMPT_plan_slc.md"),
}

_PROSE = frozenset({".md", ".mdx", ".markdown", ".json", ".txt", ".adoc", ".rst"})


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What a project has of the files of the loop. A path is None where there is no such file."""

    root: Path
    prompts: dict[Mode, Path]  # the project's own prompts
    agents: Path | None  # AGENTS.md
    plan: Path | None  # IMPLEMENTATION_PLAN.md
    audience: Path | None  # AUDIENCE_JTBD.md
    specs: Path | None  # the directory specs/
    spec_files: tuple[Path, ...]  # what it holds; a README alone does not count
    source: Path | None  # the directory src/

    @property
    def complete(self) -> bool:
        """The project is one of the playbook already: both prompts, AGENTS.md and specs/ are there."""
        return bool(
            "plan" in self.prompts and "build" in self.prompts and self.agents and self.specs is not None
        )


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """What an agent is told in a mode, before its variables are filled in."""

    text: str
    path: Path | None  # the project's own file; None: the template that fabrik ships
    name: str  # how to speak of it: "PROMPT_build.md", "fabrik's own PROMPT_build.md"


def find(root: Path) -> Layout:
    """What there is in a project. Reads names only; never fails for a file that is missing."""
    prompts: dict[Mode, Path] = {}
    for mode, names in PROMPT_FILES.items():
        if own := next((path for name in names if (path := root / name).is_file()), None):
            prompts[mode] = own
    specs = root / SPECS
    return Layout(
        root=root,
        prompts=prompts,
        agents=_file(root / AGENTS),
        plan=_file(root / PLAN),
        audience=_file(root / AUDIENCE),
        specs=specs if specs.is_dir() else None,
        spec_files=tuple(_spec_files(specs)) if specs.is_dir() else (),
        source=root / SOURCE if (root / SOURCE).is_dir() else None,
    )


def missing(layout: Layout, mode: Mode) -> tuple[tuple[str, str], ...]:
    """What a mode cannot do without and the project does not have: pairs of what is wrong and what to do."""
    lacks: list[tuple[str, str]] = []
    if mode == "build":
        if layout.plan is None:
            lacks.append((f"there is no {PLAN}", "let an agent write it: fabrik loop plan"))
        elif not written(layout.plan):
            lacks.append((f"{PLAN} says nothing yet", "let an agent write it: fabrik loop plan"))
        return tuple(lacks)
    if not layout.spec_files:
        what = f"there are no specs in {SPECS}/" if layout.specs else f"there is no directory {SPECS}/"
        lacks.append((what, f"write one, one topic per file: fabrik spec new {SPECS}/NAME.md"))
    if mode == "plan-release":
        todo = "write down who it is for and what they want to get done"
        if layout.audience is None:
            lacks.append((f"there is no {AUDIENCE}", todo))
        elif not written(layout.audience):
            lacks.append((f"{AUDIENCE} says nothing yet", todo))
    return tuple(lacks)


def require(layout: Layout, mode: Mode) -> None:
    """Raises UsageError, one that says everything that is missing for this mode and what to do."""
    if not (lacks := missing(layout, mode)):
        return
    what = "; ".join(what for what, _ in lacks)
    todo = "; ".join(dict.fromkeys(todo for _, todo in lacks))
    raise UsageError(f"{what}, which `{mode}` needs", where=str(layout.root), todo=todo)


def prompt_for(layout: Layout, mode: Mode) -> Prompt:
    """The prompt of a mode: the project's own file, byte for byte, or the one that fabrik ships.

    A project whose PROMPT_plan.md is the playbook's release variant (it speaks of AUDIENCE_JTBD.md) has its
    prompt for `plan-release` there.
    Raises UsageError: no such mode, something that the mode needs is missing (`require`), a file that cannot
    be read or is not UTF-8.
    """
    if mode not in MODES:
        raise UsageError(f"there is no mode {mode!r}", todo=did_you_mean(mode, MODES, noun="modes"))
    require(layout, mode)
    if own := layout.prompts.get(mode):
        return Prompt(text=read(own), path=own, name=own.name)
    if mode == "plan-release" and (own := layout.prompts.get("plan")) and AUDIENCE in (text := read(own)):
        return Prompt(text=text, path=own, name=own.name)
    name = PROMPT_FILES[mode][0]
    return Prompt(text=template(name), path=None, name=f"fabrik's own {name}")


def template(name: str) -> str:
    """The text of a file that fabrik ships. Raises KeyError when there is none of that name."""
    if name not in TEMPLATES:
        raise KeyError(name)
    return (resources.files("fabrik.playbook") / "templates" / name).read_text(encoding="utf-8")


TEMPLATES: Final = (
    *(names[0] for names in PROMPT_FILES.values()),
    AGENTS,
    PLAN,
    AUDIENCE,
    "specs.md",
    "backlog-specs.md",
    "SCRATCHPAD.md",
)


def written(path: Path) -> bool:
    """Whether a Markdown file says anything besides comments. Raises UsageError when it cannot be read."""
    return bool(blocks.without_comments(read(path).removeprefix("\ufeff")).strip())


def read(path: Path) -> str:
    """The text of a file, with its line ends as they are. Raises UsageError."""
    try:
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=str(path)) from error
    except UnicodeDecodeError as error:
        raise UsageError("is not UTF-8", where=str(path), todo="save it as UTF-8") from error


def _file(path: Path) -> Path | None:
    return path if path.is_file() else None


def _spec_files(specs: Path) -> Iterator[Path]:
    for path in sorted(specs.rglob("*")):
        inside = path.relative_to(specs)
        hidden = any(part.startswith(".") for part in inside.parts)
        if path.suffix.lower() in _PROSE and path.stem.lower() != "readme" and not hidden and path.is_file():
            yield path
