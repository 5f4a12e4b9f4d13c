"""The report that an agent may leave: what it claims and what it asks. Never evidence of anything.

The format is the one of the original's report.json: v, taskId, status, work, files, tests, issues, next.
Agents write it by hand, so what can be understood is taken and the rest is told.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal, cast

Claim = Literal["done", "blocked", "failed"]

REPORT_BYTES = 1 << 20  # a larger report is not read at all
ITEMS = 100  # kept of each list
ITEM_CHARACTERS = 2000  # kept of each item
LISTS = ("work", "files", "tests", "issues", "next")


@dataclass(frozen=True, kw_only=True)
class AgentReport:
    """What an agent says of its session."""

    status: Claim
    task_id: str = ""
    work: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    issues: tuple[str, ...] = ()
    next: tuple[str, ...] = ()


def read_report(data: bytes) -> tuple[AgentReport | None, str]:
    """The report, as far as it can be understood, and one line about what is wrong with it (or "").

    Never raises: a broken report is a fact about the agent, not an error of ours.
    """
    if len(data) > REPORT_BYTES:
        return None, f"the agent's report is larger than {REPORT_BYTES >> 20} MiB and was not read"
    if not data.strip():
        return None, "the agent's report is empty"
    try:
        document = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return None, "the agent's report is not UTF-8"
    except RecursionError:
        return None, "the agent's report is nested too deeply"
    except ValueError as error:
        return None, f"the agent's report is not valid JSON ({_clean(str(error))})"
    if not isinstance(document, dict):
        return None, "the agent's report is not a JSON object"
    return _understand(document)


def _understand(document: dict[str, Any]) -> tuple[AgentReport | None, str]:
    status = document.get("status")
    if status not in ("done", "blocked", "failed"):
        said = "no status" if status is None else f"the status {_clean(json.dumps(status))[:60]}"
        return None, f"the agent's report has {said}; known are done, blocked and failed"
    problems = []
    if "v" in document and (document["v"] != 1 or isinstance(document["v"], bool)):
        problems.append("v is not 1")
    task = document.get("taskId", "")
    if not isinstance(task, str | int) or isinstance(task, bool):
        problems.append("taskId is not a text")
        task = ""
    lists: dict[str, tuple[str, ...]] = {}
    for key in LISTS:
        lists[key], fine = _texts(document.get(key, []))
        if not fine:
            problems.append(f"{key} is not a list of texts")
    report = AgentReport(status=cast("Claim", status), task_id=_clean(str(task))[:ITEM_CHARACTERS], **lists)
    return report, f"the agent's report is malformed: {', '.join(problems)}" if problems else ""


def _texts(value: Any) -> tuple[tuple[str, ...], bool]:
    """What there is of texts in the value, and whether it was what it should be. A lone text counts."""
    if isinstance(value, str):
        return ((_clean(value)[:ITEM_CHARACTERS],) if value.strip() else ()), False
    if not isinstance(value, list):
        return (), value is None
    texts = [_clean(item)[:ITEM_CHARACTERS] for item in value if isinstance(item, str) and item.strip()]
    return tuple(texts[:ITEMS]), all(isinstance(item, str) for item in value)


def _clean(text: str) -> str:
    """The text without lone surrogates, which could not be stored."""
    return text.encode("utf-8", "replace").decode("utf-8").strip()
