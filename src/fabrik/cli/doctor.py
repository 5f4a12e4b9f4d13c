"""`fabrik doctor`: what works on this machine, what it lacks, and what to do about it."""

from __future__ import annotations

import asyncio
import json

import click

from fabrik.cli.health import Finding, examine
from fabrik.cli.screen import Screen, Tone
from fabrik.cli.text import neutralise
from fabrik.outcome import ExitStatus

MARKS: dict[str, tuple[str, Tone]] = {
    "ok": ("✓", "good"),
    "note": ("·", "dim"),
    "weak": ("!", "warn"),
    "missing": ("✗", "bad"),
}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object (fabrik docs json).")
def doctor(as_json: bool) -> int:
    """Try every part that fabrik needs on this machine, and say what each protection is worth here.

    Keys are named, never shown. The exit status is 1 when something is missing that every run needs.

    \b
    Examples:
      fabrik doctor
      fabrik doctor --json
    """
    screen = Screen()
    if not as_json:
        screen.status("trying the sandboxes and the agents")
    findings = asyncio.run(examine())
    screen.clear()
    missing = [finding for finding in findings if finding.level == "missing"]
    if as_json:
        screen.line(json.dumps({"ok": not missing, "findings": [_json(one) for one in findings]}, indent=2))
    else:
        _show(findings, screen)
        screen.line()
        if missing:
            screen.line(f"{len(missing)} missing: runs cannot work before that is mended.", "bad")
        else:
            screen.line("All that a run needs is here.", "good")
    return ExitStatus.FAILED if missing else ExitStatus.OK


def _json(finding: Finding) -> dict[str, str]:
    return {
        "area": finding.area,
        "what": finding.what,
        "level": finding.level,
        "how": finding.how,
        "todo": finding.todo,
    }


def _show(findings: list[Finding], screen: Screen) -> None:
    area = ""
    width = max(len(finding.what) for finding in findings)
    for finding in findings:
        if finding.area != area:
            if area:
                screen.line()
            area = finding.area
            screen.line(area, "strong")
        mark, tone = MARKS[finding.level]
        how = neutralise(finding.how)
        screen.line(f"  {screen.paint(mark, tone)} {finding.what:<{width}}  {how}".rstrip())
        if finding.todo and finding.level != "ok":
            screen.line(f"    {' ' * width}  → {neutralise(finding.todo)}", "dim")
