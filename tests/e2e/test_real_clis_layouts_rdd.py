"""A workspace of Ralph Driven Development, half done by the original, taken to its end by the real CLIs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_world import COMMIT, CliWorld, Require, cli_world, installed
from harness import git
from layouts_kit import (
    Contents,
    acting,
    assert_metered,
    begin_repository,
    commit,
    every_cli,
    has,
    lay_out,
    passes_in_a_fresh_clone,
    prompts,
    runs,
    types,
)

from fabrik.testing.model_server import Conversation, ModelServer, Script, Session, Shell, Text, WriteFile
from fabrik.testing.model_server.script import Part

PHRASE = "I AM HYPER SURE I AM DONE!"
ID = re.compile(r"\b[0-9a-f]{40}\b")
JUDGED = re.compile(r"The commit `([0-9a-f]{40})`, as it differs")

DISCOUNT = "# What a line of an order costs, in cents. The discount is rounded down, in favour of the shop.\n"
DISCOUNT += "echo $(($1 * $2 - $1 * $2 * ${3:-0} / 100))\n"
REPORT = """# What an order costs, in cents.
sum=0
while read -r price quantity discount; do
    sum=$((sum + price * quantity))
done < "$1"
echo $sum
"""
REPORT_TEST = """cd "$(dirname "$0")" || exit 1
[ "$(sh report.sh order.txt)" = 950 ]
"""
WITH_DISCOUNT = "sum + price * quantity - price * quantity * ${discount:-0} / 100"
NOTE = "- 0003: report.sh reads a third column; repo-a is not called."


def claim(conversation: Conversation, said: str) -> Text:
    """How an implementer ends: with the commit that git has just told it."""
    return Text(f"DONE REPORT\n{said}\n{ID.findall(conversation.results[-1])[-1]}\n{PHRASE}")


def implement(conversation: Conversation) -> Part:
    """Forgets the discounts, and writes a test that does not miss them."""
    turns = (
        Shell('cat "$HOME/SCRATCHPAD.md" README.md order.txt'),
        WriteFile("/workspace/report.sh", REPORT),
        Shell(
            f"printf %s '{REPORT_TEST}' > test.sh && sh test.sh && echo '{NOTE}' >> \"$HOME/SCRATCHPAD.md\""
        ),
        Shell(f"{COMMIT} 'Report what an order costs' && git rev-parse HEAD"),
    )
    done = len(conversation.results)
    return turns[done] if done < len(turns) else claim(conversation, "The report is there, with a test.")


def mend(conversation: Conversation) -> Part:
    if not conversation.results:
        return Shell(
            f"sed -i 's|sum + price \\* quantity|{WITH_DISCOUNT}|' report.sh &&"
            " echo '[ \"$(echo 250 3 10 | sh report.sh /dev/stdin)\" = 675 ]' >> test.sh &&"
            f" sh test.sh && {COMMIT} 'Take discounts into account' && git rev-parse HEAD"
        )
    return claim(conversation, "Discounts are taken into account.")


def verifying(title: str, look: str, expected: str) -> Session:
    """Runs something, and says yes by the contract of the original only when it comes out as expected."""

    def play(conversation: Conversation) -> Part:
        if not conversation.results:
            return Shell(look)
        if expected not in conversation.results[-1]:
            return Text("Discounts are NOT taken into account: `250 3 10` gives 750. Read the third column.")
        judged = JUDGED.search(conversation.prompt)
        assert judged
        return Text(f"VERIFICATION REPORT\n{look} printed {expected}.\n{judged[1]}\n{PHRASE}")

    return acting(f'# Does the change do what "{title}"', play)


FIRST, SECOND = "0002 - Discounts on a line", "0003 - Report about an order"
SCRIPT = Script(
    sessions=(
        verifying(FIRST, "cd /workspace && sh tests/run.sh && sh total.sh 250 3 10", "675"),
        verifying(SECOND, "cd /workspace && echo 250 3 10 | sh report.sh /dev/stdin", "675"),
        acting("This is attempt 2.", mend),
        acting(f"# {SECOND}", implement),
    )
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[CliWorld]:
    with cli_world(tmp_path) as made:
        yield made


def half_done(world: CliWorld) -> tuple[Path, str]:
    """The workspace after the original has made and marked 0001, and put 0002 forward; and that commit."""
    top = lay_out("rdd", world.directory / "workspace")
    seeded = begin_repository(top / "ralph", "Seed the backlog")
    begin_repository(top / "repo-b")
    begin_repository(top / "repo-a")
    (top / "repo-a" / "total.sh").write_text(DISCOUNT)
    with (top / "repo-a" / "tests" / "total_test.sh").open("a") as tests:
        tests.write('[ "$(sh total.sh 250 3 10)" = 675 ]\n')
    put_forward = commit(top / "repo-a", "Add discounts")
    specs = top / "ralph" / "specs"
    (specs / "done").mkdir()
    (specs / "done" / "0001-seed.md").write_text(f"# 0001-seed.md\n\n{seeded}\n")
    (specs / "candidates" / "area").mkdir(parents=True)
    for spec, made in (("0001-seed", seeded), ("area/0002-discount", put_forward)):
        marker = json.dumps({"spec": f"{spec}.md", "commit_hash": made})
        (specs / "candidates" / f"{spec}.json").write_text(marker)
    return top, put_forward


@every_cli
def test_a_half_done_workspace_is_taken_to_its_end(name: str, world: CliWorld, require: Require) -> None:
    cli = installed(name, require)
    has(world, cli)
    top, put_forward = half_done(world)
    ralph, specs = top / "ralph", top / "ralph" / "specs"
    own = Contents.of(ralph / "ralph.py", specs, ralph / "runs", top / "repo-a" / "total.sh")
    log, notes = (ralph / "ralph.log").read_bytes(), (ralph / "SCRATCHPAD.md").read_text()
    world.here = top

    with ModelServer(SCRIPT, key=world.canary.key) as server:
        world.connect(server)
        told = types(world, "fabrik backlog run").stdout
        asked = len(server.calls)
        again = types(world, "fabrik backlog run").stdout
        assert len(server.calls) == asked

    # Verified work on the branches: what was put forward before fabrik as it was, the rest on top.
    assert "all 3 specs are done" in told and "all 3 specs are done" in again
    assert [run.status for run in runs(world)] == ["done", "done"]
    assert git("rev-parse", "main", cwd=top / "repo-a") == put_forward
    assert git("log", "--format=%s", "main", cwd=top / "repo-b").splitlines() == [
        "Take discounts into account",
        "Report what an order costs",
        "As it was before fabrik",
    ]
    for repository, test in (("repo-a", "tests/run.sh"), ("repo-b", "test.sh")):
        assert git("status", "--porcelain", cwd=top / repository) == ""
        passes_in_a_fresh_clone(top / repository, "main", world.directory / repository, "sh", test)

    # Markers at the paths of the original, each with its commit; what was there is as it was, or goes on.
    tip = git("rev-parse", "main", cwd=top / "repo-b")
    assert put_forward in (specs / "done" / "area" / "0002-discount.md").read_text()
    assert tip in (specs / "done" / "0003-order-report.md").read_text()
    assert tip in (specs / "candidates" / "0003-order-report.json").read_text()
    assert own.changed() == []
    assert (ralph / "ralph.log").read_bytes().startswith(log)
    assert (ralph / "SCRATCHPAD.md").read_text() == f"{notes}{NOTE}\n"
    (logs,) = (ralph / "runs" / "0003-order-report").iterdir()
    assert {path.name for path in logs.iterdir()} == {
        "impl-attempt-1.log", "impl-attempt-2.log", "verify.log",
    }  # fmt: skip

    # The model was given the user's own specifications, and then what the verifier wanted.
    for spec, count in (("area/0002-discount.md", 1), ("0003-order-report.md", 4)):
        assert len(prompts(server, (specs / spec).read_text().strip())) == count
    assert len(prompts(server, "This is attempt 2.", "`250 3 10` gives 750")) == 1

    assert_metered(world, server, cli)
    world.assert_clean()
