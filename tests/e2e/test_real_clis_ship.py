"""The real CLIs implement a two-task spec in bubblewrap, through the gateway, to a shipped branch.

The model server takes one key only, the canary, which the host has and no sandbox: what ships proves that the
gateway added it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from canary import Canary
from cli_world import (
    CLIS,
    CliWorld,
    Require,
    answers,
    cli_world,
    cost,
    installed,
    tokens,
    two_tasks,
)
from harness import git

from fabrik.agents.environment import PLACEHOLDER_KEY
from fabrik.testing.model_server import ModelServer

# All that a thief inside would look at, into two files that are committed: what the processes are told, and
# each file outside of the system's own and the CLI's program.
LOOK = r"""
{ echo "== env"; env
  for p in /proc/[0-9]*; do echo "== $p"; tr '\0' '\n' < $p/environ; tr '\0' ' ' < $p/cmdline; echo; done
  echo "== mounts"; cat /proc/self/mountinfo; echo "== sockets"; cat /proc/net/unix; find /run
} > seen.txt 2>/dev/null
find "$HOME" /workspace /tmp /run /etc /var /dev/shm -xdev -type f -size -4096k ! -name 'seen.*' -print0 |
  tar -c -f seen.tar --ignore-failed-read --null -T - 2>/dev/null
ls -l seen.tar seen.txt
"""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[CliWorld]:
    with cli_world(tmp_path) as made:
        yield made


@pytest.mark.parametrize("name", CLIS)
def test_a_real_cli_ships_metered_and_without_a_key(name: str, world: CliWorld, require: Require) -> None:
    cli = installed(name, require)
    with ModelServer(two_tasks(cli, LOOK), key=world.canary.key) as server:
        world.connect(server)
        run = world.ship(cli)
        asked, expected = answers(server), server.expected_usage()
        of_first = server.expected_usage(lambda call: "# Task 1 of 2" in call.prompt)

    # Shipped: one commit a task with its files, the second by fabrik for what was left uncommitted.
    assert run.status == "shipped"
    first, second = git("rev-list", "--reverse", "main..spec-feature", cwd=world.project).split()
    assert world.commits() == ["Add the first", "Do task 2"]
    assert world.files_of(first) == {"done-1.txt", "notes.md", "seen.txt", "seen.tar"}
    assert world.files_of(second) == {"done-2.txt"}
    assert world.content("notes.md") == '# Notes – it\'s "one"'
    assert git("status", "--porcelain", cwd=world.project) == ""
    assert git("branch", "--show-current", cwd=world.project) == "main"
    shown = world.shown()
    evidence = Path(shown["evidence"]).read_text()
    assert f"| Verdict | **shipped** |\n| Spec | A feature (`{run.spec_id}`)" in evidence
    assert f"`{second}`" in evidence

    # Metered: what the ledger has is what the server sent, call by call and in the sum.
    calls = world.calls()
    assert [(call.status, call.outcome) for call in asked] == [(200, "answered")] * len(calls)
    assert [(call.protocol, call.model) for call in calls] == [(cli.protocol, cli.model)] * 7
    assert [tokens(call.usage) for call in calls] == [call.usage for call in asked]
    assert [call.usage.cost_usd for call in calls] == [pytest.approx(cost(call)) for call in asked]
    steps = ["task/1/implement#1"] * 5 + ["task/2/implement#1"] * 2
    assert [call.step for call in calls] == steps
    assert {call.outcome for call in calls} == {"ok"}
    assert tokens(world.usage()) == expected
    assert expected.calls == 7
    assert tokens(world.usage(steps[0])) == of_first
    prices = [cost(call) for call in asked]
    assert world.usage().cost_usd == pytest.approx(sum(price for price in prices if price is not None))
    assert {field: shown["usage"][field] for field in ("calls", "total_tokens", "output_tokens")} == {
        "calls": 7,
        "total_tokens": expected.total_tokens,
        "output_tokens": expected.output_tokens,
    }
    assert f"| Output tokens | {expected.output_tokens:,} |" in evidence

    # Without a key: the placeholder is inside; the canary is only in the requests that reached the server.
    assert {call.key for call in server.calls if call.kind != "other"} == {world.canary.key}
    inside = world.content("seen.txt")
    assert PLACEHOLDER_KEY in inside
    assert inside.count("== /proc/") >= 4  # bwrap, the forwarder, the CLI, the shell
    packed = world.archived("seen.tar")
    assert {"workspace/done-1.txt", "workspace/.git/config", "etc/passwd"} <= packed.keys()
    assert any(name.startswith("home/agent/") for name in packed)
    assert not any(world.canary.within(data) for data in (inside.encode(), *packed.values()))
    world.assert_clean()


def test_the_search_for_the_canary_finds_it(tmp_path: Path) -> None:
    """In each form, in the middle of something else, in a database, a git object, a name and a process."""
    import base64
    import sqlite3
    import subprocess
    from contextlib import closing
    from urllib.parse import quote

    canary = Canary()
    key = canary.key
    for at in range(3):
        padded = base64.b64encode(b"x" * at + f"Bearer {key} and more".encode())
        assert canary.within(b"{" + padded + b"}")
        assert canary.within(base64.urlsafe_b64encode(b"x" * at + key.encode()))
    for form in (key, key[::-1], quote(key), json.dumps({"key": key}), key.encode().hex(), key[5:-1]):
        assert canary.within(f"before {form} after".encode())
    assert canary.within(key.encode("utf-16"))
    assert not Canary().within(key.encode())
    assert canary.in_files(tmp_path) == []

    (tmp_path / canary.token).touch()
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as database:
        database.execute("create table t (a)")
        database.execute("insert into t values (?)", ("x" * 4060 + key + "y" * 9000,))
        database.commit()
    repository = tmp_path / "repository"
    git("init", "-q", str(repository), cwd=tmp_path)
    secret = repository / "secret.txt"
    secret.write_text(key)
    git("hash-object", "-w", "secret.txt", cwd=repository)
    secret.unlink()
    (tmp_path / "link").symlink_to(canary.token)
    found = canary.in_files(tmp_path)
    assert {Path(place).name for place in found} >= {canary.token, "link", "ledger.db", ".git"}
    assert any(place.startswith("rows of") for place in found)
    holder = subprocess.Popen(["sleep", "60"], env={"KEY": key})
    try:
        assert canary.in_processes() == [holder.pid]
    finally:
        holder.kill()
        holder.wait()
