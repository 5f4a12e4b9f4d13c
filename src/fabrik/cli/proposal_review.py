"""What `fabrik spec review` says of a spec that an agent proposes, for the person who decides about it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from fabrik.cli.paragraphs import paragraphs
from fabrik.cli.screen import Screen
from fabrik.cli.text import one_line
from fabrik.specs.reviewing.review import review
from fabrik.workflows.interview.model import Proposal

MOST = 5  # findings that are shown; all of them are told by the command itself


def show_review(screen: Screen, proposal: Proposal) -> None:
    """Show the score and the gravest findings."""
    with tempfile.TemporaryDirectory(prefix="fabrik-") as directory:
        path = Path(directory) / f"{proposal.id}.md"
        path.write_text(proposal.markdown, encoding="utf-8")
        (found,) = review([path])
    screen.line(f"A review of it: {found.verdict}, {found.score} of 100", "dim")
    for finding in found.findings[:MOST]:
        words = f" “{one_line(finding.words, 60)}”" if finding.words else ""
        text = f"{finding.rule}{words}: {one_line(finding.why)} → {one_line(finding.instead)}"
        paragraphs(screen, text, "dim", by="  ", then="    ")
    if (more := len(found.findings) - MOST) > 0:
        screen.line(f"  and {more} more", "dim")
