"""Commands that read: ids in every form, text for people, JSON with all that the page json names."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from harness import HONEST, World, wait_for
from trouble_kit import (
    finish,
    given,
    has_ledger_open,
    lines,
    refused,
    shipped_well,
    start,
    waiting_run,
    world_at,
)

DOCUMENTED = (Path(__file__).parents[2] / "src/fabrik/manual/pages/json.md").read_text()


@pytest.fixture
def world(tmp_path: Path) -> World:
    return world_at(tmp_path)


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A world with one run that has shipped, for tests that only look."""
    made = world_at(tmp_path_factory.mktemp("shipped"))
    talking = HONEST + 'echo "I did task $id"\nprintf "\\033[31mred\\033[0m \\377\\n"\necho "a warning" >&2\n'
    made.run("--auto-approve", agent=made.make_agent(talking))
    return made


def fields(section: str) -> set[str]:
    """The names in backticks that begin the rows, or the list, of a section of the page json."""
    if section == "A run":
        table = DOCUMENTED.partition("## A run\n")[2].partition("\n\n**")[0]
        rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
        return {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    text = re.split(r"\.\s", DOCUMENTED.partition(f"**{section}**: ")[2])[0]
    return set(re.findall(r"`(\w+)`", re.sub(r"\([^)]*\)", "", text)))


def test_list_as_json(shipped: World) -> None:
    [run] = json.loads(shipped.fabrik("runs", "list", "--json").stdout)
    pages = {"evidence", "standing", "tasks", "reviews", "findings", "criteria", "steps", "gates", "feedback"}
    assert set(run) == fields("A run") - pages - {"events", "files", "checkpoints"}
    assert run["state"] == run["status"] == "shipped"
    assert run["progress"] == "2/2 tasks"
    assert run["usage"]["calls"] == 0
    assert datetime.fromisoformat(run["started_at"]) <= datetime.fromisoformat(run["finished_at"])
    assert json.loads(shipped.fabrik("runs", "list", "--json", "--status", "failed").stdout) == []
    assert json.loads(shipped.fabrik("runs", "list", "--json", "--status", "shipped", "-n", "5").stdout) == [
        run
    ]


def test_show_as_json(shipped: World) -> None:
    run = json.loads(shipped.fabrik("runs", "show", "last", "--json", "--events").stdout)
    assert set(run) == fields("A run")
    assert set(run["usage"]) == fields("`usage`") | {"total_tokens"}
    assert [set(task) for task in run["tasks"]] == [
        fields("A task") - {"done", "pending", "blocked", "failed"}
    ] * 2
    assert [task["status"] for task in run["tasks"]] == ["pending", "done"]
    assert all(set(step) == fields("A step") for step in run["steps"])
    assert {step["key"] for step in run["steps"]} >= {"baseline", "task/1/implement#1", "verify#1", "ship"}
    assert [set(gate) for gate in run["gates"]] == [fields("A gate")]
    assert all(set(event) == fields("An event") for event in run["events"])
    without = json.loads(shipped.fabrik("runs", "show", "last", "--json").stdout)
    assert without == {key: value for key, value in run.items() if key != "events"}
    assert Path(run["evidence"]).read_text().startswith("# Evidence")


def test_show_for_people(shipped: World) -> None:
    text = shipped.fabrik("runs", "show", "last", "--events").stdout
    for words in (
        "shipped",
        "Tasks",
        "Steps",
        "Events",
        "task/2/checks#1",
        "Do task 2",
        "spec-feature",
        "git -C",
    ):
        assert words in text
    assert "\x1b" not in text  # no terminal, no colour


def test_logs(shipped: World) -> None:
    run = shipped.last()
    listed = json.loads(shipped.fabrik("runs", "logs", run.id, "--json").stdout)
    assert all(set(log) == fields("A log") for log in listed)
    for log in listed:
        assert Path(log["path"]).stat().st_size == log["bytes"]
    steps = {log["step"] for log in listed}
    assert {"task/1/implement#1", "task/2/checks#1", "verify#1", "baseline"} <= steps
    text = shipped.fabrik("runs", "logs", run.id).stdout
    assert all(step in text for step in steps)
    said = shipped.fabrik("runs", "logs", run.id, "--step", "task/1/implement#1").stdout
    assert "I did task 1" in said
    assert "red" in said
    assert "\x1b" not in said
    last = shipped.fabrik("runs", "logs", run.id, "--step", "task/2/implement#1", "-n", "1").stdout
    assert "I did task 2" not in last
    errors = shipped.fabrik("runs", "logs", run.id, "--step", "task/1/implement#1", "--stderr").stdout
    assert "a warning" in errors
    assert shipped.fabrik("runs", "logs", run.id, "--worker").returncode == 0
    wrong = refused(shipped, "runs", "logs", run.id, "--step", "task/9/implement#1")
    assert "task/1/implement#1" in wrong


def test_logs_of_a_step_under_way(world: World) -> None:
    keeper, run = waiting_run(world)
    follower = start(world, "runs", "logs", run.id, "-f")
    assert follower.stdout is not None
    assert follower.stdout.readline() == "waiting\n"
    keeper.let_go()
    assert finish(follower).returncode == 0
    world.fabrik("run", "attach", run.id)
    shipped_well(world, run.id)


def test_watch(world: World) -> None:
    keeper, run = waiting_run(world)
    one = start(world, "runs", "watch", run.id[-8:], "--json")
    everything = start(world, "runs", "watch", "--json")
    for_people = start(world, "runs", "watch")
    watchers = [one, everything, for_people]
    wait_for(lambda: all(has_ledger_open(each.pid, world) for each in watchers), "watchers that watch")
    keeper.let_go()
    done = [finish(each) for each in watchers]
    assert [each.returncode for each in done] == [0, 0, 0]
    *events, last = lines(done[0].stdout)
    assert last["run"]["status"] == "shipped"
    kinds = [event["kind"] for event in lines(done[1].stdout)]
    assert "run.verdict" in kinds
    assert [event["kind"] for event in events][-1] == "run.verdict"
    assert "shipped" in done[2].stdout
    assert world.fabrik("runs", "watch").stdout == ""  # nothing is under way


def test_ids(world: World) -> None:
    first = world.run("--auto-approve", spec=world.make_spec(name="first"))
    second = world.run("--auto-approve", spec=world.make_spec(name="second"))

    def shown(ref: str) -> Any:
        return json.loads(world.fabrik("runs", "show", ref, "--json").stdout)["id"]

    assert (
        shown(first.id) == shown(first.id.lower()) == shown(first.id[-8:]) == shown(first.id[-6:]) == first.id
    )
    assert shown(second.id[:-1]) == shown("last") == shown("LAST") == second.id
    ambiguous = refused(world, "runs", "show", first.id[:4])
    assert first.id in ambiguous
    assert second.id in ambiguous
    assert "first" in ambiguous
    assert "more characters" in ambiguous
    for wrong in ("nothing-like-it", "ZZZZZZ", "%", "", "' OR 1=1 --", "é"):
        assert "there is no run" in refused(world, "runs", "show", wrong)
    for command in (["run", "attach"], ["run", "resume"], ["run", "cancel"], ["runs", "logs"], ["approve"]):
        assert "may mean 2 runs" in refused(world, *command, first.id[:4])


def test_nothing_yet(world: World) -> None:
    assert world.fabrik("runs", "list").stdout == "There are no runs yet.\n"
    assert world.fabrik("runs", "list", "--json").stdout == "[]\n"
    for command in (
        ["runs", "show", "last"],
        ["runs", "watch"],
        ["runs", "logs", "last"],
        ["run", "attach", "x"],
    ):
        assert "there are no runs yet" in refused(world, *command)
    assert not world.home.exists()  # reading makes nothing


def test_list_of_runs_in_every_state(world: World) -> None:
    world.run("--auto-approve")
    world.run("--branch", "b", status=3)
    world.run("--branch", "c", "--auto-approve", agent=world.make_agent("#!/bin/sh\n", "idle"), status=4)
    table = world.fabrik("runs", "list").stdout.splitlines()
    assert table[0].split() == ["ID", "STATUS", "SPEC", "STEP", "/", "PROGRESS", "COST", "AGE"]
    assert [line.split()[1] for line in table[1:4]] == ["blocked", "waiting", "shipped"]
    assert len(world.fabrik("runs", "list", "-n", "1").stdout.splitlines()) == 2
    assert "waiting" in world.fabrik("runs", "list", "--status", "waiting").stdout
    assert "waiting" in refused(world, "runs", "list", "--status", "wating")


def test_hostile_text_is_made_harmless(world: World) -> None:
    """Titles, reports and file names are others' text: nothing of it reaches the terminal as a command."""
    spec = world.make_spec(tasks=1)
    said = '{"v":1,"status":"blocked","issues":["\\u001b]0;owned\\u0007 which?"],"next":["\\u202egnp"]}'
    asking = world.make_agent(f"#!/bin/sh\ncat > $FABRIK_REPORT <<'E'\n{said}\nE\n")
    done = world.fabrik("run", *given(world, spec=spec, agent=asking), "--auto-approve", status=4)
    shown = world.fabrik("runs", "show", "last", "--events").stdout + world.fabrik("runs", "list").stdout
    for text in (done.stdout, done.stderr, shown):
        assert not set("\x1b\x07\u202e") & set(text)
    assert "which?" in shown
    run = json.loads(world.fabrik("runs", "show", "last", "--json").stdout)
    assert "which?" in run["reason"]
