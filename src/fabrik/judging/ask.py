"""Asks a judge: one vote or several, each with one repair. What it speaks through is given to it."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fabrik.judging import prompt, votes
from fabrik.judging.answer import Declined, Malformed, clean, loads, vote_of
from fabrik.judging.model import Judgement, JudgeModel, Question, Vote
from fabrik.judging.wire import WIRES
from fabrik.judging.wire.format import Request

MOST_AT_ONCE = 4  # votes
MOST_PROBLEM = 300  # characters of what a provider says


class NotReached(Exception):
    """No answer came from the other side. Its text says why, in one line."""


@dataclass(frozen=True, kw_only=True)
class Response:
    """A complete answer over HTTP."""

    status: int
    body: bytes


Post = Callable[[Request], Awaitable[Response]]
"""Carries one request to the models door. Raises NotReached."""


async def ask(question: Question, model: JudgeModel, post: Post) -> Judgement:
    """The verdict on a question. Raises NoVerdict.

    As many votes are asked for at once as may decide, and no further ones when it is decided: a vote that is
    under way is paid for, so none is broken off.
    """
    cast: list[Vote] = []
    while votes.outcome(cast, question.votes) == "open":
        number = min(MOST_AT_ONCE, votes.wave(cast, question.votes))
        cast += await asyncio.gather(*(one_vote(question, model, post) for _ in range(number)))
    return votes.judgement(cast, question.votes)


async def one_vote(question: Question, model: JudgeModel, post: Post) -> Vote:
    """One vote; a malformed answer is asked for once more, then the vote is missing."""
    wire = WIRES[model.vendor]
    problem = ""
    for _ in range(2):
        worded = prompt.word(question, lambda: secrets.token_hex(8), problem)
        try:
            response = await post(wire.request(model.name, worded))
        except NotReached as why:
            return Vote(passed=None, problem=str(why))
        if response.status != 200:
            return Vote(passed=None, problem=_refused(response))
        try:
            document = loads(response.body)
            if not isinstance(document, dict):
                raise Malformed("it is not a JSON object")
            return vote_of(wire.said(document))
        except Declined as why:
            return Vote(passed=None, problem=str(why))
        except Malformed as why:
            problem = str(why)
    return Vote(passed=None, problem=f"the judge gave no usable answer, twice: {problem}")


def _refused(response: Response) -> str:
    """Why a provider, or the gateway, gave no answer: all vendors have the text at error.message."""
    try:
        document = loads(response.body)
        error = document.get("error") if isinstance(document, dict) else None
        said = error.get("message") if isinstance(error, dict) else None
    except Malformed:
        said = None
    words = re.sub(r"\s+", " ", clean(said))[:MOST_PROBLEM] if isinstance(said, str) else ""
    return f"no answer from the model (HTTP {response.status}{': ' if words else ''}{words})"
