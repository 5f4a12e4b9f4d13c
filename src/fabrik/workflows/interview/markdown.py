"""A spec that an agent proposes, as Markdown: read back, it is the same spec. Pure."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from textwrap import indent
from typing import Any

from fabrik.prompts.render import fence
from fabrik.specs.commands import commands
from fabrik.specs.draft import Draft
from fabrik.specs.json_spec import read_json_spec
from fabrik.specs.markdown import sections
from fabrik.specs.markdown_spec import read_markdown_spec
from fabrik.specs.model import Spec

SECTIONS = (("goals", "Goals"), ("nonGoals", "Non-Goals"))
REQUIREMENTS = (("api", "API"), ("behavior", "Behavior"), ("obs", "Observability"))
CLOSING = (("accept", "Acceptance Criteria"), ("assume", "Assumptions"))
BOX = defaultdict(str, accept="[ ] ")
FRONT = ("id", "status", "version", "lastUpdated", "supersedes", "dependsOn", "cfg", "mayChange")


def to_markdown(document: Mapping[str, Any]) -> str | None:
    """The Markdown of a valid spec.json without held-out checks; None when no Markdown says the same."""
    wanted = _read(json.dumps(document, ensure_ascii=False), "spec.json")
    if wanted is None:
        return None
    flat = _flat(document), _flattened(wanted)
    # A blank line in an example keeps its indentation only where the example needs that.
    for texts, meant, item in ((document, wanted, _item), (document, wanted, _full_item), (*flat, _item)):
        text = _render(texts, item)
        found = _read(text, f"{document['id']}.md")
        if found and _same(found) == _same(meant):
            return text
    return None


def _render(document: Mapping[str, Any], item: Callable[[str], str]) -> str:
    """Checks stand in a section of their own, where people look for them; those that cannot, in front."""
    checks = [{"run": check} if isinstance(check, str) else check for check in document.get("checks", [])]
    in_block = [_command(check) for check in checks if _fits(check)]
    front = "".join(f"{key}: {_yaml(document[key])}\n" for key in FRONT if document.get(key))
    if odd := [check for check in checks if not _fits(check)]:
        front += "checks:\n" + "".join(map(_entry, odd))
    parts = [f"---\n{front}---", f"# {document['title']}", *_lists(document, SECTIONS, "##", item)]
    if requirements := _lists(document["req"], REQUIREMENTS, "###", item):
        parts += ["## Requirements", *requirements]
    parts += _lists(document, CLOSING, "##", item)
    if in_block:
        parts += ["## Verification", fence("\n\n".join(in_block), "sh")]
    return "\n\n".join(parts) + "\n"


def _fits(check: Mapping[str, Any]) -> bool:
    """Whether a check can stand in a code block: one line, no time limit."""
    if "seconds" in check:
        return False
    (code,) = sections(fence(_command(check), "sh"))[0].codes or (None,)
    found = commands(code) if code else []
    return [(one.name, one.run, one.problem) for one in found] == [(check.get("name"), check["run"], "")]


def _entry(check: Mapping[str, Any]) -> str:
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in check.items()]
    return "  - " + "    ".join(lines)


def _yaml(value: Any) -> str:
    """A value on one line. JSON is YAML; plain words need no quotes."""
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9][\w.-]*", value, re.ASCII):
        return value
    return json.dumps(value, ensure_ascii=False)


def _lists(
    document: Mapping[str, Any], keys: Iterable[tuple[str, str]], level: str, item: Callable[[str], str]
) -> list[str]:
    return [
        f"{level} {heading}\n\n" + "\n".join(f"- {BOX[key]}{item(text)}" for text in document[key])
        for key, heading in keys
        if document[key]
    ]


def _item(text: str) -> str:
    return indent(text, "  ").strip()


def _full_item(text: str) -> str:
    return text.replace("\n", "\n  ")


def _command(check: Mapping[str, Any]) -> str:
    name = check.get("name")
    return f"# {name}\n{check['run']}" if name else str(check["run"])


def _flat(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with each of its texts on one line."""
    return {key: _flat_value(value) for key, value in document.items()}


def _flat_value(value: Any) -> Any:
    if isinstance(value, str):
        return " ".join(value.split())
    if isinstance(value, list):
        return [item if isinstance(item, dict) else _flat_value(item) for item in value]
    return {key: _flat_value(item) for key, item in value.items()} if isinstance(value, dict) else value


def _flattened(spec: Spec) -> Spec:
    def flat(texts: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(" ".join(text.split()) for text in texts)

    return replace(
        spec,
        title=" ".join(spec.title.split()),
        goals=flat(spec.goals),
        non_goals=flat(spec.non_goals),
        api=flat(spec.api),
        behavior=flat(spec.behavior),
        obs=flat(spec.obs),
        accept=flat(spec.accept),
        assume=flat(spec.assume),
        env=flat(spec.env),
    )


def _read(text: str, name: str) -> Spec | None:
    draft = Draft(path=Path(name))
    if name.endswith(".json"):
        read_json_spec(text, draft)
    else:
        read_markdown_spec(text, draft)
    return None if draft.problems else draft.spec


def _same(spec: Spec) -> Spec:
    """What of a spec is the same however it is written."""
    checks = sorted(spec.checks, key=lambda check: check.name)
    return replace(spec, source="", path=Path(), checks=tuple(checks))
