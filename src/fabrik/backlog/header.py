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

from fabrik.backlog.markdown import Fence, Part, below, bullets, parts

SHELLS = ("", "sh", "bash", "shell", "zsh", "console", "shell-session", "sh-session", "terminal")
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
    checks: tuple[str, ...]  # shell scripts, one for each fenced block
    remarks: tuple[str, ...]  # what could not be understood


def read_header(text: str) -> Header:
    """Read a spec. Never raises: whatever it does not say is empty."""
    document = parts(text)
    repo, workdir = _fields(document)
    depends_on, remarks = _dependencies(document)
    seed = repo is not None and _NONE.fullmatch(repo) is not None
    return Header(
        title=next((part.title for part in document if part.level), ""),
        repo=None if seed else repo,
        seed=seed,
        workdir=None if workdir is None or _NONE.fullmatch(workdir) else workdir,
        depends_on=depends_on,
        criteria=tuple(
            criterion for part in below(document, "acceptance") for criterion in bullets(part.lines)
        ),
        checks=tuple(
            script
            for part in below(document, "verification")
            for fence in part.fences
            if (script := _script(fence))
        ),
        remarks=remarks,
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


def _script(fence: Fence) -> str:
    """The commands of a block; "" when it has none: a placeholder, or another language."""
    if fence.language not in SHELLS:
        return ""
    lines = [line.rstrip() for line in fence.lines]
    if prompts := [line for line in lines if line.lstrip().startswith("$ ")]:
        lines = [line.lstrip()[2:] for line in prompts]  # the rest is output
    if not any(line.strip() and not line.lstrip().startswith("#") for line in lines):
        return ""
    while lines and not lines[0].strip():
        del lines[0]
    return "\n".join(lines).rstrip()
