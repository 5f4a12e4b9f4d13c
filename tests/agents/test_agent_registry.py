"""Names, dotted paths, and what is said when there is none."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from fabrik.agents.agent import Agent
from fabrik.agents.claude import Claude
from fabrik.agents.command import Command
from fabrik.agents.registry import AGENTS, DETECTION, load
from fabrik.agents.scripted import Scripted
from fabrik.errors import UsageError

TYPED: list[Agent] = [Claude(), Command(), Scripted()]  # the type checker proves the contract


@pytest.mark.parametrize("name", AGENTS)
def test_every_name_loads(name: str) -> None:
    agent = load(name)
    assert agent.name == name
    assert agent.install_hint
    assert "\n" not in agent.install_hint


def test_detection_knows_only_agents_that_need_no_option() -> None:
    assert set(DETECTION) == set(AGENTS) - {"command", "scripted"}


def test_any_dotted_path() -> None:
    assert isinstance(load("fabrik.agents.claude:Claude"), Claude)


def test_close_matches() -> None:
    with pytest.raises(UsageError) as error:
        load("claud")
    assert "did you mean claude" in error.value.todo
    with pytest.raises(UsageError) as error:
        load("xyzzy")
    assert "did you mean" not in error.value.todo
    assert "gemini" in error.value.todo


@pytest.mark.parametrize(
    "path", ["", ":", "nowhere.to_be_found:Agent", "fabrik.agents.claude:Nobody", ".relative:Agent", "a:b:c"]
)
def test_what_cannot_be_loaded(path: str) -> None:
    with pytest.raises(UsageError):
        load(path)


def test_a_class_that_does_not_keep_the_contract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "half_an_agent.py").write_text("class Half:\n    name = 'half'\n    programs = ()\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(UsageError, match=r"lacks protocol, install_hint, invocation, parse, conclude"):
        load("half_an_agent:Half")
    sys.modules.pop("half_an_agent")
