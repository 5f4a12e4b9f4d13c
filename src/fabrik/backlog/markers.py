"""The markers of a backlog: candidates as JSON, what is done as Markdown.

They are read leniently, for another program may have written them: all that counts is that the file is there,
and the commit that it names. Written, they are whole or not there at all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fabrik.backlog.files import read_bounded, write_whole

MARKER_BYTES = 4 << 20  # of a marker that is read
TAIL_LINES = 40  # of the verifier's answer that a done marker shows

_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_ID_INSIDE = re.compile(r"(?<![0-9A-Za-z])(?:[0-9a-f]{64}|[0-9a-f]{40})(?![0-9A-Za-z])")
_TICKS = re.compile(r"`{3,}")


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A commit that an implementer put forward."""

    commit: str | None  # None: the marker names none
    run: str | None = None  # the run of fabrik's that made it; None: somebody else's


@dataclass(frozen=True, kw_only=True)
class Done:
    """A spec that is done."""

    commit: str | None  # None: the spec needed none, or the marker names none


def read_candidate(path: Path) -> Candidate | None:
    """The marker, or None when there is none. Whatever stands in it, nothing is raised but OSError."""
    data = read_bounded(path, MARKER_BYTES)
    if data is None:
        return None
    text = data.decode("utf-8", "replace")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return Candidate(commit=_only(text))
    run = document.get("fabrik_run") if isinstance(document, dict) else None
    return Candidate(commit=_commit_of(document), run=run if isinstance(run, str) else None)


def _commit_of(document: Any) -> str | None:
    """The commit of a document: of a key that is named for it first, then any value that is an id."""
    pairs = list(_texts(document, ""))
    ids = [(key, text.strip().lower()) for key, text in pairs if _ID.fullmatch(text.strip().lower())]
    for word in ("candidate", "commit", "hash", "sha", ""):
        for key, commit in ids:
            if word in key.lower():
                return commit
    return next((found for _, text in pairs if (found := _only(text))), None)


def _texts(value: Any, key: str) -> Iterator[tuple[str, str]]:
    """All texts of a document with the key that they stand at; the outermost first."""
    level = [(key, value)]
    while level:
        below = []
        for name, one in level:
            if isinstance(one, str):
                yield name, one
            elif isinstance(one, dict):
                below += [(str(inner), item) for inner, item in one.items()]
            elif isinstance(one, list):
                below += [(name, item) for item in one]
        level = below


def _only(text: str) -> str | None:
    """The commit in a text that names one and no other."""
    found = set(_ID_INSIDE.findall(text))
    return found.pop() if len(found) == 1 else None


def read_done(path: Path) -> Done | None:
    """The marker, or None when there is none: that it is there is what counts. Raises OSError."""
    data = read_bounded(path, MARKER_BYTES)
    if data is None:
        return None
    found = _ID_INSIDE.search(data.decode("utf-8", "replace"))
    return Done(commit=found[0] if found else None)


def write_candidate(
    path: Path, *, spec: str, commit: str, at: str, attempt: int, run: str, repo: str | None, output: str
) -> None:
    """Mark a commit as put forward. at: UTC, such as 2026-11-20T18:20:16Z. output: the end of the answer.

    Raises OSError.
    """
    content = {
        "spec": spec,
        "commit": commit,
        "created_at": at,
        "attempt": attempt,
        "repo": repo,
        "fabrik_run": run,
        "output_tail": tail(output),
    }
    write_whole(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def write_done(path: Path, text: str) -> None:
    """Mark a spec as done. Raises OSError."""
    write_whole(path, text)


def done_text(
    *,
    spec: str,
    title: str,
    commit: str | None,
    at: str,
    run: str,
    attempts: int,
    repo: str | None,
    branch: str | None,
    checks: Sequence[tuple[str, bool]],
    output: str,
) -> str:
    """What a done marker says: for people, and with the commit on a line of its own."""
    lines = [f"# Done: {title or spec}", "", f"- Spec: {spec}"]
    if commit is None:
        lines += ["- Commit: none (the spec writes specs, and no commit was needed)"]
    else:
        lines += [f"- Commit: {commit}", f"- Repo: {repo}", f"- Branch: {branch}"]
    by = "commands that the host ran, and an agent" if checks else "an agent alone; no command was run"
    lines += [f"- Verified: {at}", f"- Verified by: {by}", f"- Attempts: {attempts}", f"- Run: {run}", ""]
    if checks:
        lines += ["## Checks, run by the host", ""]
        lines += [f"- {'passed' if ok else 'FAILED'}: `{_one_line(name)}`" for name, ok in checks] + [""]
    shown = tail(output)
    if shown.strip():
        longest = max((len(ticks) for ticks in _TICKS.findall(shown)), default=2)
        ticks = "`" * max(3, longest + 1)
        lines += ["## The end of the verification", "", f"{ticks}text", shown, ticks, ""]
    return "\n".join(lines)


def tail(output: str) -> str:
    """The last lines of an answer."""
    return "\n".join(output.rstrip().splitlines()[-TAIL_LINES:])


def _one_line(text: str) -> str:
    return " ".join(text.split())[:200].replace("`", "'")
