"""Which turn a request gets: decided from the script, the conversation and a count of failures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fabrik.testing.model_server.conversation import Conversation
from fabrik.testing.model_server.failures import Failure
from fabrik.testing.model_server.script import CLOSING, SIDE_ANSWER, Answer, Script, Session, Turn, as_turn

Place = tuple[int, int]  # session (-1: the script's own failures, -2: the default), position in it
ANY, DEFAULT = -1, -2


@dataclass(frozen=True, kw_only=True)
class Play:
    """What a request gets: the answer, or the failure on the way to it."""

    answer: Answer
    failure: Failure | None = None


def choose(script: Script, conversation: Conversation, met: Counter[Place]) -> Play:
    """The turn for this request. `met` counts how often each failure was played, and is counted up here."""
    number, session = select(script, conversation.prompt)
    general = _next_failure(script.failures, lambda position: (ANY, position), met)
    steps = (as_turn(session.turns(conversation)),) if callable(session.turns) else session.steps
    if not conversation.tools and any(isinstance(turn, Answer) and turn.actions for turn in steps):
        # Titles and summaries: CLIs ask for them on the side, without tools and often with the same prompt.
        return Play(answer=SIDE_ANSWER, failure=general)
    results = 0 if callable(session.turns) else len(conversation.results)
    answer, start, end = _window(steps, results)
    failures = [turn for turn in steps[start:end] if isinstance(turn, Failure)]
    own = general or _next_failure(failures, lambda position: (number, start + position), met)
    return Play(answer=answer, failure=own)


def select(script: Script, prompt: str) -> tuple[int, Session]:
    """The session that a prompt belongs to, with its number."""
    for number, session in enumerate(script.sessions):
        if session.match in prompt:
            return number, session
    return DEFAULT, script.default


def _window(steps: Sequence[Turn], results: int) -> tuple[Answer, int, int]:
    """The next answer, and from where to where the failures before it are."""
    start = 0
    for position, turn in enumerate(steps):
        if not isinstance(turn, Answer):
            continue
        if results <= 0 or not turn.actions:
            return turn, start, position
        results -= len(turn.actions)
        start = position + 1
    return CLOSING, start, len(steps)


def _next_failure(
    failures: Sequence[Failure], place: Callable[[int], Place], met: Counter[Place]
) -> Failure | None:
    for position, failure in enumerate(failures):
        if failure.times is None or met[place(position)] < failure.times:
            met[place(position)] += 1
            return failure
    return None
