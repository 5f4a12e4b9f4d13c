"""JSON schemas of the files that people write, for editors and other tools."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any, Literal

from fabrik.specs.documents import Document, SpecDocument, TodoDocument

Name = Literal["spec", "todo"]
NAMES: tuple[Name, ...] = ("spec", "todo")
DIALECT = "https://json-schema.org/draft/2020-12/schema"

_DOCUMENTS: dict[Name, type[Document]] = {"spec": SpecDocument, "todo": TodoDocument}

# What an editor shows beside a key.
_SAID = {
    "$schema": "The address of this schema, for editors.",
    "v": "The version of the format: 1.",
    "id": "Fit for a branch name; unique among the specs around.",
    "title": "One line, without “and”: one spec, one topic.",
    "status": "Where it stands; `done` and `superseded` specs are not run.",
    "version": "Of this text, in any form.",
    "lastUpdated": "A date, in any form.",
    "goals": "What users can do when it is done.",
    "nonGoals": "What looks related and is left alone.",
    "req": "Requirements: on interfaces, on behaviour, on what is logged or measured.",
    "api": "What others call or see.",
    "behavior": "What happens in the normal case, in odd ones, and when something is wrong.",
    "obs": "What is logged or measured.",
    "accept": "Acceptance criteria: observable facts that are true when it is done, and not today.",
    "assume": "What is taken for granted.",
    "supersedes": "Ids of specs that this one replaces.",
    "dependsOn": "Ids of specs that must be done before.",
    "cfg": "What the spec needs from its surroundings.",
    "env": "Names of environment variables.",
    "checks": "Commands that decide: exit status 0 is a pass.",
    "holdout": "Checks that no agent ever sees.",
    "mayChange": "Globs of protected files (tests, CI, lint configuration) that this spec asks to change.",
    "prose": "Lines of a converted Markdown spec around these values; see `fabrik spec convert`.",
    "comments": "Comments of a converted Markdown spec's front matter.",
    "name": "What the check is called; by default its command.",
    "run": "A shell command.",
    "seconds": "Its time limit.",
    "files": "Place in the repository → file beside the spec.",
    "tdd": "Whether tests are written first.",
    "dod": "Definition of done: holds for every task.",
    "tasks": "In the order in which they are worked on; each is one session of an agent.",
    "do": "What to do.",
    "verify": "What shows that it is done; empty: the acceptance criteria that it is about.",
}


def schema(name: Name) -> dict[str, Any]:
    """The JSON schema (draft 2020-12) of spec.json or todo.json.

    It says less than validation: ids, the length of names and what holds between files are checked there.
    """
    document = _DOCUMENTS[name].model_json_schema(mode="validation")
    described: dict[str, Any] = _described(document)
    return {"$schema": DIALECT, **described, "title": f"fabrik {name}"}


def text(name: Name) -> str:
    """The schema as its file: it comes with the package, so that no tool needs pydantic to read it."""
    return (resources.files("fabrik.specs") / "schemas" / file_name(name)).read_text(encoding="utf-8")


def generated(name: Name) -> str:
    """What the file must be."""
    return json.dumps(schema(name), indent=2, ensure_ascii=False) + "\n"


def file_name(name: Name) -> str:
    """What the file of a schema is called: spec.schema.json."""
    return f"{name}.schema.json"


def _described(node: Any) -> Any:
    """The schema with a description beside each key, instead of titles made of its name."""
    if isinstance(node, list):
        return [_described(entry) for entry in node]
    if not isinstance(node, dict):
        return node
    found = {}
    for key, value in node.items():
        if key == "title" and isinstance(value, str):
            continue
        if key == "properties" and isinstance(value, dict):
            found[key] = {
                name: {**({"description": _SAID[name]} if name in _SAID else {}), **_described(one)}
                for name, one in value.items()
            }
        else:
            found[key] = _described(value)
    return found
