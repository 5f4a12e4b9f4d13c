"""The person at the terminal, as an interview knows them: screens for questions and specs, and replies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fabrik.cli.paragraphs import paragraphs
from fabrik.cli.proposal_review import show_review
from fabrik.cli.replies import read_reply
from fabrik.cli.screen import Screen, Tone
from fabrik.cli.text import neutralise, one_line
from fabrik.cli.typist import Typist
from fabrik.cli.waiting import waiting
from fabrik.workflows.interview.flow import Shown
from fabrik.workflows.interview.model import Proposal, Question, Reply
from fabrik.workflows.interview.talk import Talk

HOW = (
    "Answer with a number or in your own words; or type skip, back (takes your last answer back) or done "
    "(writes the spec now). A line that ends with \\ goes on. Ctrl-D leaves: nothing is lost."
)


class Interviewed:
    """Shows what is asked, and reads what is replied."""

    def __init__(self, screen: Screen, typist: Typist, run: str) -> None:
        """run: its id."""
        self.screen = screen
        self.path: Path | None = None  # of the spec, once it is written
        self.left = False  # the person did not want to go on now
        self._run = run
        self._typist = typist
        self._explained = False

    @contextmanager
    def waits(self, talk: Talk) -> Iterator[None]:
        """Show that the agent is at work, and for how long."""
        self.explain()
        what = "the agent writes the spec" if talk.finish else f"the agent prepares question {talk.number}"
        with waiting(self.screen, what, self._run):
            yield

    def explain(self) -> None:
        """Say once how one answers."""
        if not self._explained:
            self._explained = True
            paragraphs(self.screen, HOW, "dim")

    def again(self, talk: Talk) -> None:
        """Recall what was said before."""
        self.explain()
        self.screen.line()
        self.screen.line("What was said so far", "strong")
        for exchange in talk.exchanges:
            asked = exchange.asked.text if isinstance(exchange.asked, Question) else "What is to be changed?"
            answer = "(skipped)" if exchange.answer is None else one_line(exchange.answer, 300)
            self.screen.line()
            paragraphs(self.screen, one_line(asked, 300), by="  ")
            paragraphs(self.screen, answer, by="  > ", then="    ")

    async def reply(self, shown: Shown) -> Reply | None:
        """Show it and read until there is a reply; None: the person leaves for now."""
        self.explain()
        self.screen.line()
        if isinstance(shown.asked, Proposal):
            self._proposal(shown.asked, shown.file)
        else:
            self._question(shown.asked, shown)
        self.screen.line()
        while (typed := await self._typist.answer()) is not None:
            reply = read_reply(typed, shown.asked, first=shown.first)
            if not isinstance(reply, str):
                self.left = reply is None
                return reply
            self.screen.line(reply, "warn")
        self.screen.line()
        self.left = True
        return None

    def written(self, path: Path) -> None:
        """Remember where."""
        self.path = path

    def _question(self, question: Question, shown: Shown) -> None:
        head = f"Question {shown.number} of at most {max(shown.most, shown.number)}"
        self.screen.line(head, "dim")
        paragraphs(self.screen, question.text, "strong")
        if question.why:
            paragraphs(self.screen, question.why, "dim")
        if question.options:
            self.screen.line()
        for number, option in enumerate(question.options, 1):
            paragraphs(self.screen, option, by=f"  {number}  ", then="     ")

    def _proposal(self, proposal: Proposal, file: Path | None) -> None:
        self.screen.line("The spec", "dim")
        self.screen.line()
        for line in neutralise(proposal.markdown).splitlines():
            tone: Tone = "strong" if line.startswith("#") else "plain"
            self.screen.line(f"  {line}" if line else "", tone)
        self.screen.line()
        show_review(self.screen, proposal)
        self.screen.line()
        where = f" to {neutralise(shown_path(file))}" if file else ""
        paragraphs(
            self.screen,
            f"Write it{where}? Type yes, or no to leave it for now, or say what is to be changed.",
            "strong",
        )


def shown_path(path: Path) -> str:
    """A path as a person would type it here."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
