"""What the model server plays: sessions, and what the model says, does or fails at in each of their turns.

    Script(
        sessions=(
            Session(match="task 1", turns=(
                HttpError(status=529, times=2),
                Shell("echo one > one.txt && git add -A && git commit -qm one"),
                Text("Task 1 is finished."),
            )),
        ),
    )

A turn is an answer (one part or several at once) or a failure. The turn to play is read off the request
itself, from the number of tool results since the last prompt. So any number of sessions can run at once, and
a server that is restarted goes on where the old one was. Only failures that end after some requests are
counted by the server; sessions that match the same entry share that count.

A request that offers no tools gets the turns of a session without tool calls. From a session with tool calls
it gets SIDE_ANSWER and uses up nothing: CLIs ask for titles that way, often with the same prompt.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fabrik.errors import UsageError
from fabrik.testing.model_server.conversation import Conversation
from fabrik.testing.model_server.failures import Failure
from fabrik.usage import Usage

TYPICAL = Usage(
    input_tokens=1000,
    cache_read_tokens=300,
    cache_write_tokens=200,
    output_tokens=43,
    reasoning_tokens=7,
)


@dataclass(frozen=True)
class Shell:
    """Run a shell command with whatever tool the request offers for it."""

    command: str


@dataclass(frozen=True)
class WriteFile:
    """Write a file: a relative path with the shell, an absolute one with the CLI's own tool if it has one."""

    path: str
    text: str


@dataclass(frozen=True)
class ToolCall:
    """Call exactly this tool with exactly these arguments, offered or not."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Text:
    """Say this."""

    text: str


Action = Shell | WriteFile | ToolCall
Part = Action | Text


@dataclass(frozen=True)
class Answer:
    """One answer of the model: its text and tool calls in order, and the usage that it states."""

    parts: tuple[Part, ...]
    usage: Usage = TYPICAL

    @property
    def actions(self) -> tuple[Action, ...]:
        """The tool calls. An answer without any ends the CLI's turn."""
        return tuple(part for part in self.parts if not isinstance(part, Text))

    @property
    def text(self) -> str:
        """All that is said."""
        return "\n".join(part.text for part in self.parts if isinstance(part, Text))


Turn = Answer | Failure
Brain = Callable[[Conversation], Turn | Part | Sequence[Part]]

CLOSING = Answer((Text("That is all."),))
SIDE_ANSWER = Answer((Text("A short answer"),))


def as_turn(turn: Turn | Part | Sequence[Part]) -> Turn:
    """A part or several parts as the answer they make."""
    match turn:
        case Answer() | Failure():
            return turn
        case Shell() | WriteFile() | ToolCall() | Text():
            return Answer((turn,))
        case _:
            return Answer(tuple(turn))


def _is_last(turn: Turn) -> bool:
    if isinstance(turn, Answer):
        return not turn.actions
    return turn.times is None and not turn.on_the_answer


@dataclass(frozen=True, kw_only=True)
class Session:
    """What happens in sessions whose last prompt contains `match`.

    turns: played in order, then CLOSING for ever; or a pure function of the conversation.
    Raises UsageError where a turn could never be reached.
    """

    match: str = ""  # a part of the prompt; empty: any prompt
    turns: Sequence[Turn | Part | Sequence[Part]] | Brain = ()

    def __post_init__(self) -> None:
        turns = self.steps
        for position, turn in enumerate(turns[:-1]):
            if _is_last(turn):
                raise UsageError(
                    f"turn {position + 1} ends the session, so the turns after it are never played",
                    where=f"session {self.match!r}",
                    todo="put an answer without tool calls, or a failure without `times`, last",
                )

    @property
    def steps(self) -> tuple[Turn, ...]:
        """The turns as answers and failures; empty when the turns are a function."""
        return () if callable(self.turns) else tuple(as_turn(turn) for turn in self.turns)


@dataclass(frozen=True, kw_only=True)
class Script:
    """All that a model server plays. The first session that matches a prompt is taken, else `default`."""

    sessions: Sequence[Session] = ()
    default: Session = field(
        default_factory=lambda: Session(turns=(Text("Nothing is scripted for this prompt."),))
    )
    failures: Sequence[Failure] = ()  # before anything else, for whichever session calls
    models: Sequence[str] = (
        "claude-sonnet-4-5",
        "claude-haiku-4-5",
        "gpt-5.5",
        "gpt-5",
        "gemini-2.5-flash",
        "gemini-2.5-pro",
    )
