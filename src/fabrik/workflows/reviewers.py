"""Who may review a run: the reviewers that are shipped, and those of `--reviewers-dir`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fabrik.errors import UsageError
from fabrik.problems import Problem, did_you_mean
from fabrik.prompts.render import reviewer_names, reviewer_prompt
from fabrik.specs.json_text import parse_object
from fabrik.workflows.context import TAMPERING, VERIFIER

RESERVED = {
    VERIFIER: "the agent that looks for evidence of each acceptance criterion",
    TAMPERING: "fabrik's own look at the files that judge the work",
}
OTHERS = "_default"  # in a table of models: those that are not named
MAX_BYTES = 1 << 20  # of a prompt, or a table of models

_ID = re.compile(r"[a-z][a-z0-9-]{0,39}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Reviewer:
    """Somebody who can be asked."""

    id: str
    place: str  # where the prompt is, for people
    prompt: bytes  # UTF-8


def known_reviewers(
    directory: Path | None, problems: list[Problem], warn: Callable[[str], None]
) -> dict[str, Reviewer]:
    """Every reviewer there is: the shipped ones, then those that only the directory has, by name.

    Problems of the directory go to the list; what is no prompt in it is told by `warn`.
    """
    known = {
        name: Reviewer(
            id=name, place=f"fabrik:reviewers/{name}.md", prompt=reviewer_prompt(name).encode("utf-8")
        )
        for name in reviewer_names()
    }
    if directory is None:
        return known
    try:
        entries = sorted(directory.iterdir())
    except OSError as error:
        what = f"the directory cannot be read: {error.strerror}"
        problems.append(Problem(file=str(directory), what=what, todo="check --reviewers-dir"))
        return known
    own = [path for path in entries if path.suffix == ".md" and path.stem.lower() != "readme"]
    others = [path.name for path in entries if path not in own and not path.name.startswith(".")]
    if others:
        warn(f"{directory}: only NAME.md is a reviewer's prompt, left out: {', '.join(others)}")
    if not own:
        what = "there is no reviewer's prompt in it"
        problems.append(Problem(file=str(directory), what=what, todo="a prompt is a file NAME.md"))
    for path in own:
        if (found := _read(path, problems)) is not None:
            known[found.id] = found
    return known


def _read(path: Path, problems: list[Problem]) -> Reviewer | None:
    name, what, todo = path.stem, "", ""
    if not _ID.fullmatch(name):
        what = f"{name[:80]!r} is no name of a reviewer"
        todo = "small letters, digits and hyphens, at most 40, a letter first"
        if _ID.fullmatch(better := re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")):
            todo = f"call it {better}.md"
    elif name in RESERVED:
        what, todo = f"{name!r} is {RESERVED[name]}", "choose another name"
    if what:
        problems.append(Problem(file=str(path), what=what, todo=todo))
        return None
    content = read_text(path, problems)
    if content is not None and not content.strip():
        problems.append(Problem(file=str(path), what="is empty", todo="say what this reviewer looks for"))
        return None
    return None if content is None else Reviewer(id=name, place=str(path.absolute()), prompt=content)


def read_text(path: Path, problems: list[Problem]) -> bytes | None:
    """The bytes of a file with UTF-8 text, or None with a problem more in the list."""
    todo = ""
    try:
        if not path.is_file():
            what = "is not a file" if path.exists() else "is not there"
        elif len(content := path.read_bytes()) > MAX_BYTES:
            what = f"is larger than {MAX_BYTES >> 20} MiB"
        else:
            content.decode("utf-8")
            return content
    except OSError as error:
        what = f"cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        what, todo = "is not UTF-8 text", "save it as UTF-8"
    problems.append(Problem(file=str(path), what=what, todo=todo))
    return None


def pick(names: Sequence[str], known: Mapping[str, Reviewer], key: str, problems: list[Problem]) -> list[str]:
    """Those of the names that are known, each once; a problem for each other."""
    problems += [_unknown(name, known, "the configuration", key) for name in names if name not in known]
    return [name for name in dict.fromkeys(names) if name in known]


def read_models(path: Path, known: Mapping[str, Reviewer], problems: list[Problem]) -> dict[str, str]:
    """The models in a JSON file: reviewer → model. Its problems go to the list."""
    content = read_text(path, problems)
    if content is None:
        return {}
    values = parse_object(content.decode("utf-8-sig"), str(path), problems)
    models: dict[str, str] = {}
    for name, model in (values or {}).items():
        if isinstance(model, str) and model.strip():
            models[name] = model
        else:
            what = "must not be empty" if isinstance(model, str) else "must be a text: the name of a model"
            problems.append(Problem(file=str(path), where=name, what=what))
    check_names(models, known, str(path), "", problems)
    return models


def check_names(
    models: Mapping[str, str], known: Mapping[str, Reviewer], file: str, key: str, problems: list[Problem]
) -> None:
    """A problem for each name in a table of models that is no reviewer's."""
    for name in models:
        where = f"{key}.{name}" if key else name
        if name == VERIFIER:
            what, todo = "the verifier is no reviewer", "choose its model with --verify-model"
            problems.append(Problem(file=file, where=where, what=what, todo=todo))
        elif name != OTHERS and name not in known:
            problems.append(_unknown(name, known, file, where, OTHERS))


def _unknown(name: str, known: Mapping[str, Reviewer], file: str, where: str, *more: str) -> Problem:
    what = f"there is no reviewer {name[:80]!r}"
    hint = did_you_mean(name, [*known, *more], noun="reviewers")
    return Problem(file=file, where=where, what=what, todo=hint)


def read_prompt(path: Path, option: str) -> bytes:
    """The text that a user adds to a prompt. Raises UsageError when it cannot be read or is not UTF-8."""
    try:
        content = path.read_bytes()  # a pipe is fine, too
        content.decode("utf-8")
    except OSError as error:
        raise UsageError(
            f"cannot be read: {error.strerror}", where=str(path), todo=f"check {option}"
        ) from error
    except UnicodeDecodeError as error:
        raise UsageError("is not UTF-8 text", where=str(path), todo="save it as UTF-8") from error
    return content
