"""`fabrik spec review`: is a spec checkable, and what should be written instead?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fabrik.cli.screen import Screen
from fabrik.cli.text import neutralise
from fabrik.outcome import ExitStatus

if TYPE_CHECKING:
    from fabrik.cli.screen import Tone
    from fabrik.problems import Problem
    from fabrik.specs.reviewing.finding import Finding
    from fabrik.specs.reviewing.review import Reviewed

MIN_SCORE = 80  # fabrik.specs.reviewing.finding.DEFAULT_MIN_SCORE, without its import


@click.command("review", short_help="Is it checkable? What to change.")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="The reviews as JSON.")
@click.option(
    "--min-score",
    type=click.IntRange(0, 100),
    default=MIN_SCORE,
    show_default=True,
    help="So many points of 100 make a spec ready.",
)
@click.pass_context
def review(ctx: click.Context, paths: tuple[Path, ...], as_json: bool, min_score: int) -> None:
    """Say whether specs can be checked, and what to write instead.

    PATH is a spec (Markdown of any style, or JSON) or a directory with specs. Nothing is started and no
    model is asked: the same spec always gets the same review. Exit status 0: all are ready; 4: one needs
    work; 2: one cannot be read.

    \b
    Examples:
      fabrik spec review specs
      fabrik spec review specs/0001-search.md --min-score 90
    """
    from fabrik.specs.problems import SpecErrors
    from fabrik.specs.reviewing.review import review as review_files

    unread: list[Problem] = []
    reviews = review_files(paths, min_score=min_score, unread=unread)
    screen = Screen()
    if unread and not reviews:
        raise SpecErrors(unread)
    if as_json:
        screen.line(json.dumps([_json(one, min_score) for one in reviews], indent=2, ensure_ascii=False))
    else:
        for number, one in enumerate(reviews):
            if number:
                screen.line()
            _show(screen, one)
        if len(reviews) > 1:
            ready = sum(one.verdict == "ready" for one in reviews)
            screen.line()
            screen.line(
                f"{ready} of {len(reviews)} specs are ready", "good" if ready == len(reviews) else "bad"
            )
    if unread:
        raise SpecErrors(unread)
    if any(one.verdict != "ready" for one in reviews):
        ctx.exit(ExitStatus.STOPPED)


def _show(screen: Screen, one: Reviewed) -> None:
    tone: Tone = "good" if one.verdict == "ready" else "bad"
    verdict = screen.paint(f"{one.verdict}, {one.score} of 100", tone)
    screen.line(f"{screen.paint(neutralise(str(one.path)), 'strong')}: {verdict}")
    for finding in one.findings:
        screen.line()
        place = f"{finding.file or one.path}:{finding.line}"
        points = screen.paint(f" -{finding.points}", "dim") if finding.points else ""
        screen.line(f"  {screen.paint(finding.rule, _tone(finding))} {neutralise(place)}{points}")
        if finding.words:
            screen.line(f"    “{neutralise(finding.words)}”", "dim")
        screen.line(f"    {neutralise(finding.why)}")
        screen.line(f"    → {neutralise(finding.instead)}")
    for line in _counted(one):
        screen.line()
        screen.line(f"  {line}", "dim")


def _counted(one: Reviewed) -> list[str]:
    """Why the points of the findings do not add up, where they do not."""
    from fabrik.specs.reviewing.finding import capped

    rules = capped(one.findings)
    lines = [f"of the {total} points of {rule}, {most} count" for rule, total, most in rules]
    lost = sum(finding.points for finding in one.findings) - sum(total - most for _, total, most in rules)
    return [*lines, f"{lost} points in all: fewer than 0 of 100 is 0"] if lost > 100 else lines


def _tone(finding: Finding) -> Tone:
    return "bad" if finding.points > 100 - MIN_SCORE else "warn"


def _json(one: Reviewed, min_score: int) -> dict[str, Any]:
    return {
        "path": str(one.path),
        "title": one.title,
        "score": one.score,
        "min_score": min_score,
        "verdict": one.verdict,
        "findings": [
            {
                "rule": finding.rule,
                "file": str(finding.file or one.path),
                "line": finding.line,
                "words": finding.words,
                "why": finding.why,
                "instead": finding.instead,
                "points": finding.points,
            }
            for finding in one.findings
        ],
    }
