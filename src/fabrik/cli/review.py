"""`fabrik review`: reviewers, checks and the host look at a branch that fabrik did not make."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from fabrik.cli import store
from fabrik.cli.render.words import plural
from fabrik.cli.review_options import SECTIONS_OF_REVIEW, named, require_agents, review_options
from fabrik.cli.run_options import write_sections
from fabrik.cli.screen import Screen
from fabrik.cli.text import neutralise, one_line
from fabrik.outcome import ExitStatus

HELP = """Review BRANCH of your project, whoever made it. Nothing is changed, fixed or merged.

The branch's exact commit is looked at, as it differs from where it left its base. All reviewers read it at
the same time, each in a sandbox of its own; none of them sees what the commits say about themselves. The
checks (of --spec, of --check, else of the base's AGENTS.md) are run in fresh clones: as the commit stands,
and with the protected files of the base; fabrik looks for tampering with what judges the change. With a
spec, a verifier looks for the evidence of each acceptance criterion.

\b
Examples:
  fabrik review --branch fix-parser
  fabrik review --branch origin/dependabot/npm --base main --reviewers security,test-coverage
  fabrik review --branch feature --spec specs/0004-search.md --check "make test" --json

\b
Exit status: 0 everybody approves; 4 changes are requested, or somebody gave no verdict; 1, 2 as usual.
"""


class ReviewCommand(click.Command):
    """Shows its options in sections, as `fabrik run` does."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_sections(ctx, self, formatter, SECTIONS_OF_REVIEW)


@click.command(cls=ReviewCommand, help=HELP)
@review_options
def review(detach: bool, as_json: bool, reviewers: tuple[str, ...], **options: Any) -> int:
    import asyncio

    from fabrik.cli.render.runs import short
    from fabrik.cli.run_again import start_and_follow
    from fabrik.workflows.review_dispatch import ReviewRequest, dispatch_review

    require_agents(options)
    screen, remarks = Screen(), Screen(sys.stderr)

    def warn(text: str) -> None:
        remarks.line(remarks.paint("warning: ", "warn") + neutralise(text))

    told = remarks if as_json else screen
    told.status("fetching the branch")
    try:
        found = asyncio.run(dispatch_review(ReviewRequest(reviewers=named(reviewers), **options), warn))
    finally:
        told.clear()
    order, fork = found.order, found.fork[:12]
    if as_json:
        screen.line(json.dumps({"dispatched": found.run, "commit": order.tip, "base": found.fork}))
    else:
        screen.line(f"{screen.paint('run ' + short(found.run), 'strong')}  {found.run}")
        screen.line(
            f"  {one_line(order.branch, 80)} at {order.tip[:12]}: {plural(order.commits, 'commit')},"
            f" {plural(found.files, 'file')}, since it left {one_line(order.against, 80)} at {fork}"
        )
        checks = ", ".join(one_line(name, 60) for name in found.checks)
        screen.line(f"  checks: {checks or 'none (--check CMD, or a section in AGENTS.md)'}")
    status = start_and_follow(found.run, screen, after=0, detach=detach, as_json=as_json)
    if not detach and status != ExitStatus.INTERRUPTED:
        _show(screen, found.run, as_json=as_json)
    return status


def _show(screen: Screen, run_id: str, *, as_json: bool) -> None:
    """What was found, in full: a page of its own has the rest."""
    from fabrik.cli.render.review_result import result_json, result_lines
    from fabrik.workflows.record import read

    with store.existing() as ledger:
        record = read(ledger, ledger.find_run(run_id))
    if as_json:
        screen.line(json.dumps({"review": result_json(record)}))
        return
    for text, tone in result_lines(record):
        screen.line(text, tone)
