"""The person at the terminal, as an interview knows them: screens for questions and specs, and replies."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fabrik.cli.replies import read_reply
from fabrik.cli.screen import Screen, Tone
from fabrik.cli.text import neutralise, one_line
from fabrik.cli.typist import Typist
from fabrik.cli.waiting import waiting
from fabrik.workflows.interview.flow import Shown
from fabrik.workflows.interview.model import Proposal, Question, Reply
from fabrik.workflows.interview.talk import Talk

WIDEST = 96  # columns of running text
HOW = (
    "Answer with a number or in your own words; or type skip, back (takes your last answer back) or done "
    "(writes the spec now). A line that ends with \\ goes on. Ctrl-D leaves: nothing is lost."
)


class Interviewed:
    """Shows what is asked, and reads what is replied."""

    def __init__(self, screen: Screen, typist: Typist) -> None:
        self.screen = screen
        self.path: Path | None = None  # of the spec, once it is written
        self.left = False  # the person did not want to go on now
        self._typist = typist
        self._explained = False

    @contextmanager
    def waits(self, talk: Talk) -> Iterator[None]:
        """Show that the agent is at work, and for how long."""
        self.explain()
        what = "the agent writes the spec" if talk.finish else f"the agent prepares question {talk.number}"
        with waiting(self.screen, what):
            yield

    def explain(self) -> None:
        """Say once how one answers."""
        if not self._explained:
            self._explained = True
            self._text(HOW, tone_dim=True)

    def again(self, talk: Talk) -> None:
        """Recall what was said before."""
        self.explain()
        self.screen.line()
        self.screen.line("What was said so far", "strong")
        for exchange in talk.exchanges:
            asked = exchange.asked.text if isinstance(exchange.asked, Question) else "What is to be changed?"
            answer = "(skipped)" if exchange.answer is None else one_line(exchange.answer, 300)
            self.screen.line()
            self._text(one_line(asked, 300), by="  ")
            self._text(answer, by="  > ", then="    ")

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
        self._text(question.text, tone_strong=True)
        if question.why:
            self._text(question.why, tone_dim=True)
        if question.options:
            self.screen.line()
        for number, option in enumerate(question.options, 1):
            self._text(option, by=f"  {number}  ", then="     ")

    def _proposal(self, proposal: Proposal, file: Path | None) -> None:
        self.screen.line("The spec", "dim")
        self.screen.line()
        for line in neutralise(proposal.markdown).splitlines():
            tone: Tone = "strong" if line.startswith("#") else "plain"
            self.screen.line(f"  {line}" if line else "", tone)
        self.screen.line()
        where = f" to {neutralise(shown_path(file))}" if file else ""
        self._text(
            f"Write it{where}? Type yes, or no to leave it for now, or say what is to be changed.",
            tone_strong=True,
        )

    def _text(
        self,
        text: str,
        *,
        by: str = "",
        then: str | None = None,
        tone_dim: bool = False,
        tone_strong: bool = False,
    ) -> None:
        """Running text, wrapped; by: before its first line, then: before the others."""
        rest = by if then is None else then
        width = max(30, min(WIDEST, self.screen.width - 1))
        tone: Tone = "strong" if tone_strong else "dim" if tone_dim else "plain"
        lead = by
        for paragraph in neutralise(text).splitlines():
            wrapped = textwrap.wrap(
                paragraph,
                width,
                initial_indent=lead,
                subsequent_indent=rest,
                break_long_words=False,
                break_on_hyphens=False,
            )
            for line in wrapped or [""]:
                self.screen.line(line, tone)
            lead = rest


def shown_path(path: Path) -> str:
    """A path as a person would type it here."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
