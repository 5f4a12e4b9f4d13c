"""`fabrik doctor`: everything is tried, nothing secret is shown."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from ledgers import Books, Fabrik

CANARY = "sk-ant-canary-7d1f0c"


def findings(fabrik: Fabrik, **environment: str) -> tuple[int, dict[tuple[str, str], dict[str, str]]]:
    done = fabrik("doctor", "--json", **environment)
    document = json.loads(done.stdout)
    assert document["ok"] is (done.returncode == 0)
    return done.returncode, {(one["area"], one["what"]): one for one in document["findings"]}


def test_keys_are_named_and_never_shown(fabrik: Fabrik) -> None:
    address = f"https://user:{CANARY}@proxy.example"
    for options in ([], ["--json"]):
        done = fabrik("doctor", *options, ANTHROPIC_API_KEY=CANARY, OPENAI_BASE_URL=address)
        assert "ANTHROPIC_API_KEY" in done.stdout
        assert "OPENAI_BASE_URL" in done.stdout
        assert "canary" not in done.stdout + done.stderr


def test_a_missing_git_is_missing(fabrik: Fabrik, tmp_path: Path) -> None:
    status, found = findings(fabrik, PATH=str(tmp_path))
    assert status == 1
    assert found["Git", "git"]["level"] == "missing"


def test_no_identity_is_told_with_the_way_out(fabrik: Fabrik, tmp_path: Path) -> None:
    _, found = findings(fabrik, HOME=str(tmp_path), XDG_CONFIG_HOME=str(tmp_path), GIT_CONFIG_NOSYSTEM="1")
    assert found["Git", "identity"]["level"] == "weak"
    assert "git config" in found["Git", "identity"]["todo"]


def test_a_damaged_ledger_is_missing(books: Books, fabrik: Fabrik) -> None:
    books.home.ledger.write_bytes(b"no database at all, " * 400)
    status, found = findings(fabrik)
    assert status == 1
    assert found["Ledger", "ledger"]["level"] == "missing"


def test_an_interrupted_run_is_found(books: Books, fabrik: Fabrik) -> None:
    run_id = books.dispatch()
    _, found = findings(fabrik)
    assert run_id[-8:] in found["Ledger", "interrupted run"]["todo"]


@pytest.mark.parametrize(
    ("program", "shown"),
    [
        ("#!/bin/sh\nprintf '9.9.9 (\\033[31mAgent\\033[0m)\\nmore\\n'\n", "9.9.9 (Agent)"),
        ("#!/bin/sh\nexit 3\n", "version unknown"),
        ("no program\0", "does not start"),
    ],
)
def test_agents_are_found_with_their_versions(
    fabrik: Fabrik, tmp_path: Path, program: str, shown: str
) -> None:
    agent = tmp_path / "codex"
    agent.write_text(program)
    agent.chmod(0o755)
    _, found = findings(fabrik, PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert shown in found["Agents", "codex"]["how"]
    assert found["Agents", "codex"]["level"] == "ok"


def test_an_agent_that_is_not_installed_is_told_how(fabrik: Fabrik, tmp_path: Path) -> None:
    (tmp_path / "git").symlink_to("/usr/bin/git")
    _, found = findings(fabrik, PATH=str(tmp_path))
    assert found["Agents", "claude"]["level"] == "note"
    assert found["Agents", "claude"]["todo"]
