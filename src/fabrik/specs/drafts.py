"""Reads one spec file of any kind into a draft. Never raises for what is in the file."""

from __future__ import annotations

import re
from pathlib import Path

from fabrik.problems import Problem, closest
from fabrik.specs.draft import Draft
from fabrik.specs.files import decode, read_bytes
from fabrik.specs.json_spec import read_json_spec
from fabrik.specs.json_text import parse_object
from fabrik.specs.markdown_spec import read_markdown_spec

MARKDOWN = (".md", ".mdx", ".markdown")
PROSE = re.compile(r"^readme$|^prd(?![a-z])|[-_.]prd$", re.IGNORECASE)  # stems of what is no spec
WRAPPED = tuple(f"{suffix}.min.json" for suffix in MARKDOWN)  # the original's wrapper around Markdown


def read_draft(path: Path) -> Draft:
    """What is in a spec file, with all its problems."""
    draft = Draft(path=path)
    data = read_bytes(path)
    if isinstance(data, Problem):
        draft.problems.append(data)
        return draft
    draft.data = data
    text = decode(data, str(path))
    if isinstance(text, Problem):
        draft.problems.append(text)
        return draft
    name = path.name.lower()
    if name.endswith(WRAPPED):
        unwrapped = _unwrap(text, draft)
        if unwrapped is not None:
            read_markdown_spec(unwrapped, draft)
    elif name.endswith(MARKDOWN):
        read_markdown_spec(text, draft)
    elif name.endswith(".todo.json"):
        draft.problems.append(Problem(file=str(path), what="is a todo, not a spec", todo="name its spec"))
    elif name.endswith(".json"):
        read_json_spec(text, draft)
    else:
        what = "is neither Markdown nor JSON by its name"
        draft.problems.append(Problem(file=str(path), what=what, todo="call it NAME.md or NAME.json"))
    return draft


def _unwrap(text: str, draft: Draft) -> str | None:
    """The Markdown in a wrapper {"_type": "markdown", "path": …, "content": …}."""
    values = parse_object(text, str(draft.path), draft.problems)
    if values is None:
        return None
    content = values.get("content")
    if values.get("_type") != "markdown" or not isinstance(content, str):
        hint = 'the original writes {"_type": "markdown", "path": …, "content": …}'
        what = "is no Markdown spec in a JSON wrapper"
        draft.problems.append(Problem(file=str(draft.path), what=what, todo=hint))
        return None
    for key in values:
        if key not in ("_type", "path", "content"):
            meant = closest(key, ("path", "content"))
            hint = f"did you mean `{meant}`?" if meant else ""
            draft.problems.append(
                Problem(file=str(draft.path), where=key, what="is not a known key", todo=hint)
            )
    decoded = decode(content.encode("utf-8"), str(draft.path))
    if isinstance(decoded, Problem):
        draft.problems.append(decoded)
        return None
    return decoded


def todo_path_of(spec: Path) -> Path:
    """Where the todo of a spec is by default: beside it, `<its name>.todo.json`."""
    name = spec.name
    for suffix in (*WRAPPED, ".min.json", ".json", *(f".min{one}" for one in MARKDOWN), *MARKDOWN):
        if name.lower().endswith(suffix):
            name = name[: -len(suffix)]
            break
    return spec.with_name(f"{name}.todo.json")


def siblings(directory: Path) -> list[Path]:
    """The files in a directory that could be specs, in the order of their names.

    Not among them: todos, what was minified, prose beside a spec in JSON (X.md and X.TODO.md beside
    X.json), README.md, and product requirements (PRD.md, PRD-X.md, X.prd.md), from which specs are made.
    Raises OSError.
    """
    names = {entry.name for entry in directory.iterdir() if entry.is_file()}
    found = []
    for name in sorted(names):
        low = name.lower()
        if low.endswith(WRAPPED):
            chosen = name[: -len(".min.json")] not in names
        elif low.endswith(".json"):
            chosen = not low.endswith((".min.json", ".todo.json"))
        elif low.endswith(MARKDOWN):
            stem = name[: name.rindex(".")]
            chosen = (
                f"{stem}.json" not in names
                and not stem.lower().endswith(".min")
                and not stem.lower().endswith(".todo")
                and not PROSE.search(stem)
            )
        else:
            chosen = False
        if chosen:
            found.append(directory / name)
    return found
