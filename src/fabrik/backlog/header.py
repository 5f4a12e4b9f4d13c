"""What a spec of a backlog says about itself: repository, dependencies, criteria and commands. Pure.

# 0007 - Add webhook retries

Repo: repo-a
Workdir: repo-a

## Dependencies
- 0006-previous-spec.md

## Acceptance criteria
- Concrete, testable.

## Verification (fast-first)
```bash
pytest tests/webhooks -q
```
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from fabrik.backlog.markdown import Part, below, bullets, parts
from fabrik.backlog.verification import commands_of

_FIELD = re.compile(
    r"[ \t>]*(?:[-*+][ \t]+)?[*_`]*(repo|repository|workdir)[*_`]*[ \t]*:[*_`]*[ \t]*(.*)", re.I
)
_NONE = re.compile(r"[(\[<]?\s*(?:none|n/a)\s*[)\]>]?", re.I)
_BEHIND = re.compile(r"(?:^|\s)(?:#|//|<!--|--|—|–|;)|\s\(")
_LINK = re.compile(r"\[([^\[\]]*)\]\([^()]*\)")
_SPEC = r"(?:[\w.-]+/)*\d{4}(?:-[^\s`*,;:|()\[\]<>\"']*)?"
_FIRST_SPEC = re.compile(rf"[`*_\"'<\[\s]*+({_SPEC})", re.ASCII | re.I)
_NEXT_SPEC = re.compile(rf"[`*_\"'>\]\s]*+(?:,|;|&|\band\b)[`*_\"'<\[\s]*+({_SPEC})", re.ASCII | re.I)


@dataclass(frozen=True, kw_only=True)
class Header:
    """A spec, as far as the backlog looks into it."""

    title: str  # "" where there is no heading
    repo: str | None  # the directory in the workspace; None: not said
    seed: bool  # `Repo: (none)`: it writes further specs and commits nothing
    workdir: str | None
    depends_on: tuple[str, ...]  # as written, without decoration
    criteria: tuple[str, ...]
    checks: tuple[str, ...]  # shell scripts: fenced blocks, and lines that are one command in backticks
    remarks: tuple[str, ...]  # what could not be understood


def read_header(text: str) -> Header:
    """Read a spec. Never raises: whatever it does not say is empty."""
    document = parts(text)
    repo, workdir = _fields(document)
    depends_on, remarks = _dependencies(document)
    seed = repo is not None and _NONE.fullmatch(repo) is not None
    verification = commands_of(below(document, "verification"))
    return Header(
        title=next((part.title for part in document if part.level), ""),
        repo=None if seed else repo,
        seed=seed,
        workdir=None if workdir is None or _NONE.fullmatch(workdir) else workdir,
        depends_on=depends_on,
        criteria=tuple(
            criterion for part in below(document, "acceptance") for criterion in bullets(part.lines)
        ),
        checks=verification.checks,
        remarks=(*remarks, *(f"nobody runs this: {text}" for text in verification.unread)),
    )


def _fields(document: Sequence[Part]) -> tuple[str | None, str | None]:
    """`Repo:` and `Workdir:`, from what stands before the second heading; the first of each counts."""
    found: dict[str, str] = {}
    head = [part for part in document if part.level <= 1][:2] or document[:1]
    for line in (line for part in head for line in part.lines):
        if match := _FIELD.fullmatch(line):
            name = "workdir" if match[1].lower() == "workdir" else "repo"
            if value := _value(match[2]):
                found.setdefault(name, value)
    return found.get("repo"), found.get("workdir")


def _value(text: str) -> str:
    """What a field says, without a comment behind it and without decoration."""
    text = text.strip()
    if text.startswith("`") and (end := text.find("`", 1)) > 0:
        return text[1:end].strip()
    if none := _NONE.match(text):
        return none[0].strip() if not re.match(r"[\w/-]", text[none.end() :]) else _plain(text)
    return _plain(text)


def _plain(text: str) -> str:
    if behind := _BEHIND.search(text):
        text = text[: behind.start()]
    return text.strip().strip("*_\"'").rstrip("/")


def _dependencies(document: Sequence[Part]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    found: list[str] = []
    remarks: list[str] = []
    for part in below(document, "dependencies", "depends on"):
        listed = bullets(part.lines) or [line for line in part.lines if line.strip()]
        for text in listed:
            names = _specs_in(text)
            found += names
            words = text.strip().strip("*_`.").lower()
            if (
                not names
                and words not in ("", "-")
                and not re.match(r"[(\[]?\s*(?:none|n/a|nothing|no )\b", words)
            ):
                shown = " ".join(text.split())[:80]
                remarks.append(f"the dependency {shown!r} names no spec and is not looked at")
    return tuple(dict.fromkeys(found)), tuple(remarks)


def _specs_in(text: str) -> list[str]:
    """The specs that an item begins with; what is said behind them is not looked at."""
    text = _LINK.sub(r"\1", text)
    match = _FIRST_SPEC.match(text)
    found = []
    while match:
        found.append(match[1].rstrip("."))
        match = _NEXT_SPEC.match(text, match.end())
    return found
