"""How far an interview is, from what was asked and replied so far. Pure: a resumed run plays it again."""

from __future__ import annotations

from dataclasses import dataclass, field

from fabrik.workflows.interview.model import Asked, Exchange, Proposal, Question, Reply

ENOUGH = "The person says that this is enough."
CHANGED = "The person has read it and said what is to be changed."


@dataclass(kw_only=True)
class Talk:
    """The state of an interview."""

    most: int  # questions
    exchanges: list[Exchange] = field(default_factory=list)
    pending: Asked | None = None  # waits for a reply; None: the agent is to be asked
    enough: bool = False  # the person wants the spec now
    accepted: Proposal | None = None  # the end

    @property
    def number(self) -> int:
        """The number of the question that is asked, or would be asked, from 1."""
        return 1 + sum(isinstance(exchange.asked, Question) for exchange in self.exchanges)

    @property
    def draft(self) -> Proposal | None:
        """The proposal that the last answer wants changed."""
        last = self.exchanges[-1].asked if self.exchanges else None
        return last if isinstance(last, Proposal) else None

    @property
    def finish(self) -> str:
        """Why the agent has to write the spec now, in a sentence; "": it may ask."""
        if self.draft is not None:
            return CHANGED
        if self.enough:
            return ENOUGH
        return f"All {self.most} questions are used up." if self.number > self.most else ""

    @property
    def questions(self) -> tuple[Question, ...]:
        """What was asked and not taken back."""
        return tuple(each.asked for each in self.exchanges if isinstance(each.asked, Question))

    def reply(self, reply: Reply) -> None:
        """Go on with what the person said to what is pending."""
        asked = self.pending
        assert asked is not None  # noqa: S101
        match reply.kind:
            case "back":
                if self.exchanges:
                    self.pending = self.exchanges.pop().asked
                self.enough = False
            case "write":
                assert isinstance(asked, Proposal)  # noqa: S101
                self.accepted = asked
            case "done":
                self.pending, self.enough = None, True
            case "skip":
                self._exchange(asked, None)
            case "answer":
                self._exchange(asked, reply.text)

    def _exchange(self, asked: Asked, answer: str | None) -> None:
        self.exchanges.append(Exchange(asked=asked, answer=answer))
        self.pending = None
