"""What an agent said in a session, read off its transcript: the exit contract is looked for in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fabrik.agents import registry
from fabrik.backlog.contract import MAGIC_PHRASE, read_contract
from fabrik.workflows.backlog.answer import answer, readable

ID = "0123456789abcdef0123456789abcdef01234567"
END = f"DONE REPORT\n{ID}\n{MAGIC_PHRASE}"


def claude(*texts: str) -> list[dict[str, Any]]:
    return [{"type": "assistant", "message": {"content": [{"type": "text", "text": text}]}} for text in texts]


def gemini(*pieces: str) -> list[dict[str, Any]]:
    return [{"type": "message", "role": "assistant", "content": piece, "delta": True} for piece in pieces]


def scripted(*texts: str) -> list[dict[str, Any]]:
    return [{"type": "say", "text": text} for text in texts]


@pytest.mark.parametrize(
    ("name", "events"),
    [
        ("claude", claude("I begin.", END)),
        ("claude", claude("DONE REPORT", ID, MAGIC_PHRASE)),
        ("claude", claude("x" * 50_000 + f"\n{ID}\n{MAGIC_PHRASE}")),
        ("gemini", gemini("DONE REP", "ORT\n" + ID[:7], ID[7:] + "\nI AM HYPER", MAGIC_PHRASE[10:])),
        ("scripted", scripted(END)),
    ],
    ids=["one message", "three messages", "a very long message", "pieces of a message", "a script"],
)
def test_the_contract_is_found_in_what_was_said(
    name: str, events: list[dict[str, Any]], tmp_path: Path
) -> None:
    transcript = tmp_path / "stdout.log"
    transcript.write_text("junk\n" + "".join(json.dumps(event) + "\n" for event in events))
    said = answer(registry.load(name), transcript)
    assert read_contract(said).commit == ID and read_contract(said).kept
    assert ID in readable(registry.load(name), transcript)


def test_what_a_tool_printed_is_not_what_the_agent_said(tmp_path: Path) -> None:
    result = {"type": "user", "message": {"content": [{"type": "tool_result", "content": END}]}}
    call = {"type": "tool_use", "name": "Bash", "input": {"command": f"echo '{END}'"}}
    events = [{"type": "assistant", "message": {"content": [call]}}, result, *claude("That is all.")]
    transcript = tmp_path / "stdout.log"
    transcript.write_text("".join(json.dumps(event) + "\n" for event in events))
    claim = read_contract(answer(registry.load("claude"), transcript))
    assert not claim.kept and claim.commit is None
    assert "> Bash: " in readable(registry.load("claude"), transcript)


def test_of_a_program_all_that_it_prints_counts(tmp_path: Path) -> None:
    transcript = tmp_path / "stdout.log"
    transcript.write_bytes(b"\x1b[1mworking\x1b[0m \xff\r\n" + END.replace("\n", "\r\n").encode())
    agent = registry.load("command")
    assert read_contract(answer(agent, transcript)).kept
    assert answer(agent, transcript) == readable(agent, transcript)
