"""The interview itself: the agent asks, the person replies, until there is a spec that the person wants.

Everything that is asked and replied is in the journal at once, so an interview that was broken off is played
again up to that point, and nothing is asked twice.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from fabrik.ledger.codec import decode
from fabrik.ledger.journal import StepContext
from fabrik.outcome import Verdict
from fabrik.workflows.attempts import ended_before
from fabrik.workflows.briefing import extra_of
from fabrik.workflows.consult import Adviser, Consultation, Told, Unusable, consult
from fabrik.workflows.interview.briefing import prompt_of
from fabrik.workflows.interview.document import read_report
from fabrik.workflows.interview.model import Asked, Order, Proposal, Question, Reply, Written
from fabrik.workflows.interview.talk import Talk
from fabrik.workflows.interview.writing import file_of, text_of, write_new
from fabrik.workflows.registry import Ended, Workflow
from fabrik.workflows.work import Stop, Work


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What a person is to reply to."""

    asked: Asked
    number: int  # of the question, from 1
    most: int
    first: bool  # nothing was answered before that could be taken back
    file: Path | None  # where a proposal would be written


class Person(Protocol):
    """Who is interviewed."""

    def waits(self, talk: Talk) -> AbstractContextManager[None]:
        """The agent is at work, and the person waits for it."""
        ...

    def again(self, talk: Talk) -> None:
        """The interview is taken up again: what was said before."""
        ...

    async def reply(self, shown: Shown) -> Reply | None:
        """What the person says; None when they leave for now."""
        ...

    def written(self, path: Path) -> None:
        """The spec is written."""
        ...


def interview(person: Person) -> Workflow:
    """The workflow for this person."""

    async def carry_out(work: Work) -> Ended:
        order: Order = decode(Order, work.context.order)
        accepted = await _talk(work, order, person)

        async def write(_: StepContext) -> Written:
            meant = file_of(order, accepted)
            return Written(path=str(write_new(meant, text_of(order, accepted), work.umask)))

        written = await work.journal.step(
            "write", write, result=Written, inputs={"spec": dict(accepted.document)}
        )
        person.written(Path(written.path))
        return Ended(verdict=Verdict.DONE)

    return carry_out


async def _talk(work: Work, order: Order, person: Person) -> Proposal:
    """What the person accepts. Raises Stop when they leave, or the agent has nothing that can be used."""
    adviser, talk = Adviser(work), Talk(most=order.most)
    asked = said = 0
    live = False  # this process has come to something that is not in the journal

    def goes_on() -> None:
        nonlocal live
        if not live and talk.exchanges:
            person.again(talk)
        live = True

    while talk.accepted is None:
        if talk.pending is None:
            asked += 1
            consultation = _question(work, order, talk, asked)
            if ended_before(work, consultation.key):
                talk.pending = await consult(adviser, consultation)
            else:
                goes_on()
                with person.waits(talk):
                    talk.pending = await consult(adviser, consultation)
        said += 1
        reply: Reply | None = None
        if not ended_before(work, f"answer#{said}"):
            goes_on()
            reply = await person.reply(_shown(order, talk))
            if reply is None:
                raise Stop(Verdict.BLOCKED, "the interview waits for your answer")
        talk.reply(await _kept(work, f"answer#{said}", reply, talk.pending))
        work.journal.tell_progress(f"{talk.number - 1} answered")
    return talk.accepted


def _question(work: Work, order: Order, talk: Talk, number: int) -> Consultation[Asked]:
    extra = extra_of(work)

    def prompt(told: Told) -> str:
        return prompt_of(told, order, talk, extra)

    def read(data: bytes | None) -> Asked | Unusable:
        return read_report(data, order, talk)

    inputs = {
        "asked": [each.asked.text for each in talk.exchanges if isinstance(each.asked, Question)],
        "answers": [each.answer for each in talk.exchanges],
        "finish": talk.finish,
    }
    return Consultation(key=f"question#{number}", prompt=prompt, read=read, inputs=inputs)


async def _kept(work: Work, key: str, reply: Reply | None, asked: Asked | None) -> Reply:
    """The reply, written into the journal; or the one that was written before."""

    async def keep(_: StepContext) -> Reply:
        assert reply is not None  # noqa: S101
        return reply

    about = asked.text if isinstance(asked, Question) else "the specification"
    return await work.journal.step(key, keep, result=Reply, inputs={"asked": about})


def _shown(order: Order, talk: Talk) -> Shown:
    asked = talk.pending
    assert asked is not None  # noqa: S101
    return Shown(
        asked=asked,
        number=talk.number,
        most=order.most,
        first=not talk.exchanges,
        file=file_of(order, asked) if isinstance(asked, Proposal) else None,
    )
