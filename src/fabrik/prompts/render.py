"""Fills the Markdown prompts of this directory. Pure but for reading the templates.

A template names its variables `{{so}}`. What stands between the lines `{{#so}}` and `{{/so}}` is there only
when the variable has a value. Values are put in as they are: nothing in them is ever expanded.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path

from fabrik.errors import UsageError
from fabrik.problems import did_you_mean

NAMES = (
    "implement",
    "fix",
    "fix-verification",
    "feedback",
    "review",
    "review-task",
    "verify",
    "interview",
    "todo",
)

# In the order in which they are shown. What each looks for is a file below reviewers/, without variables.
REVIEWERS = (
    "code-quality",
    "maintainability",
    "security",
    "simplicity",
    "tigerstyle",
    "correctness-guarantees",
    "test-coverage",
    "production-monitoring",
)

# Texts that stand in the place of a variable's value: files below parts/, without variables.
PARTS = ("unspecified",)

_NAME = r"[ \t]*([a-z][a-z0-9_]*)[ \t]*"
_SECTION = re.compile(
    rf"^\{{\{{#{_NAME}\}}\}}[ \t]*\n(.*?)^\{{\{{/[ \t]*\1[ \t]*\}}\}}[ \t]*\n?", re.MULTILINE | re.DOTALL
)
_VARIABLE = re.compile(rf"\{{\{{{_NAME}\}}\}}")
_BRACES = re.compile(r"\{\{|\}\}")
_TICKS = re.compile(r"`{3,}")


def render(name: str, variables: Mapping[str, str], override: Path | None = None) -> str:
    """The prompt `name` with its variables filled in and its empty sections left out.

    override: a template to use instead of the one that is shipped: a file, or a directory with `<name>.md`.
    It need not use every variable; a shipped template must.
    Raises UsageError: no such prompt, a variable that is missing or not known, broken braces, a file that
    cannot be read.
    """
    if override is None:
        text, where = template(name), f"prompts/{name}.md"
    else:
        path = override / f"{name}.md" if override.is_dir() else override
        text, where = _read(path), str(path)
    _check(text, where, variables, strict=override is None)
    kept = _SECTION.sub(lambda match: match[2] if variables[match[1]].strip() else "", text)
    return _VARIABLE.sub(lambda match: variables[match[1]].strip("\n"), kept).rstrip() + "\n"


def fence(text: str, language: str = "") -> str:
    """The text in a code fence that nothing inside it can close, or seems to close: ticks count anywhere."""
    longest = max((len(ticks) for ticks in _TICKS.findall(text)), default=2)
    ticks = "`" * max(3, longest + 1)
    return f"{ticks}{language}\n{text.rstrip(chr(10))}\n{ticks}"


@cache
def template(name: str) -> str:
    """The text of a shipped template. Raises UsageError when there is none of that name."""
    if name not in NAMES:
        raise UsageError(f"there is no prompt {name!r}", todo=did_you_mean(name, NAMES, noun="prompts"))
    return (resources.files("fabrik.prompts") / f"{name}.md").read_text(encoding="utf-8")


def reviewer_names() -> tuple[str, ...]:
    """The reviewers that are shipped, in the order in which they are shown."""
    return REVIEWERS


@cache
def reviewer_prompt(name: str) -> str:
    """What a shipped reviewer looks for: Markdown, put into the prompt `review` as it is.

    Raises UsageError when there is none of that name.
    """
    if name not in REVIEWERS:
        raise UsageError(
            f"there is no reviewer {name!r}", todo=did_you_mean(name, REVIEWERS, noun="reviewers")
        )
    return (resources.files("fabrik.prompts") / "reviewers" / f"{name}.md").read_text(encoding="utf-8")


@cache
def part(name: str) -> str:
    """A shipped text for the place of a variable, such as that of a specification that there is not.

    Raises UsageError when there is none of that name.
    """
    if name not in PARTS:
        raise UsageError(f"there is no text {name!r}", todo=did_you_mean(name, PARTS, noun="texts"))
    return (resources.files("fabrik.prompts") / "parts" / f"{name}.md").read_text(encoding="utf-8")


def variables_of(text: str) -> frozenset[str]:
    """The names of all variables and sections of a template."""
    sections = {match[1] for match in _SECTION.finditer(text)}
    return frozenset(sections | {match[1] for match in _VARIABLE.finditer(text)})


def prompt_hashes() -> dict[str, str]:
    """SHA-256 of every shipped file, by its path in here, for the record of what a run was given."""
    texts = {f"{name}.md": template(name) for name in NAMES}
    texts |= {f"reviewers/{name}.md": reviewer_prompt(name) for name in REVIEWERS}
    texts |= {f"parts/{name}.md": part(name) for name in PARTS}
    return {file: hashlib.sha256(text.encode()).hexdigest() for file, text in texts.items()}


def _check(text: str, where: str, variables: Mapping[str, str], *, strict: bool) -> None:
    """Refuse a template that cannot be filled in, or that leaves a value out by mistake."""
    used = variables_of(text)
    # What is left without the braces that mean something; the lines stay, for the number in the message.
    rest = _SECTION.sub(lambda match: f"\n{match[2]}\n", text)
    if (found := _BRACES.search(_VARIABLE.sub("", rest))) is not None:
        line = _VARIABLE.sub("", rest).count("\n", 0, found.start()) + 1
        raise UsageError(
            "braces that hold no variable, or a section that is not closed",
            where=f"{where}: line {line}",
            todo="a variable is {{name}}, a section stands between the lines {{#name}} and {{/name}}",
        )
    if unknown := sorted(used - set(variables)):
        hint = did_you_mean(unknown[0], sorted(variables), noun="known variables")
        raise UsageError(f"no value for the variable {_list(unknown)}", where=where, todo=hint)
    if strict and (unused := sorted(set(variables) - used)):
        raise UsageError(f"the prompt has no variable {_list(unused)}", where=where)


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=str(path)) from error
    except UnicodeDecodeError as error:
        raise UsageError("is not UTF-8", where=str(path), todo="save it as UTF-8") from error


def _list(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
