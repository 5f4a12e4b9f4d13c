"""What an agent said in a session, from its transcript: for the exit contract, and for people's logs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fabrik.agents.agent import Agent
from fabrik.events import Said, SessionEvent, ToolCalled
from fabrik.workflows.logs import plain, redacted_end

READ = 16 << 20  # bytes of a transcript, from its end; more is not kept of it
RAW = "command"  # the agent whose stdout is not events but its words
DELTAS = "gemini"  # this CLI tells a message in pieces, which may end anywhere


def answer(agent: Agent, transcript: Path) -> str:
    """All that the agent said, in order. Raises OSError."""
    if agent.name == RAW:
        return plain(redacted_end(transcript, READ).decode("utf-8", "replace").replace("\r\n", "\n"))
    said = [event.text for event in _events(agent, transcript) if isinstance(event, Said)]
    return ("" if agent.name == DELTAS else "\n").join(said)


def readable(agent: Agent, transcript: Path) -> str:
    """The session as people can read it: what was said, and which tools were used. Raises OSError."""
    if agent.name == RAW:
        return answer(agent, transcript)
    lines = []
    pieces = ""
    for event in _events(agent, transcript):
        match event:
            case Said(text=text) if agent.name == DELTAS:
                pieces += text
            case Said(text=text):
                lines.append(text)
            case ToolCalled(name=name, summary=summary):
                lines += [pieces] if pieces else []
                pieces = ""
                lines.append(f"> {name}: {summary}")
            case _:
                pass
    return "\n".join([*lines, pieces] if pieces else lines)


def _events(agent: Agent, transcript: Path) -> Iterator[SessionEvent]:
    for line in redacted_end(transcript, READ).split(b"\n"):
        yield from agent.parse(line)
