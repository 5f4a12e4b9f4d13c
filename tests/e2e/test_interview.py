"""`fabrik spec interview` end to end: an agent asks through a pipe, and writes a spec that can be run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import IO

import pytest
from harness import PROGRAM, World, git, wait_for
from interview_kit import PROPOSES, SPEC, asks, command, hangs, prompt, script, steps

from fabrik.ledger.store import Ledger
from fabrik.specs.read import read_spec

WHO = asks("Who searches?", "Owners", "Everybody", why="It decides who sees what.")
TALK = {"question#1": WHO, "question#2": asks("What is seen when nothing matches?"), "question#3": PROPOSES}


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.make_project({"README.md": "# notes\n"})
    return made


def interview(world: World, *args: str | Path, typed: str, status: int = 0) -> str:
    return command(world, "spec", "interview", *args, typed=typed, status=status).stdout


def test_a_spec_comes_of_questions_and_answers(world: World) -> None:
    agent = script(world, TALK)
    said = interview(world, "--about", "find notes", *agent, typed="2\nnothing,\\\nexit status 1\nyes\n")
    for shown in (
        "Question 1 of at most 12",
        "It decides who sees what.",
        "  2  Everybody",
        "> 2",
        "Question 2",
    ):
        assert shown in said
    assert "Write it to specs/find-notes.md?" in said and "fabrik run --spec specs/find-notes.md" in said
    spec = read_spec(world.project / "specs" / "find-notes.md")
    assert spec.accept == tuple(SPEC["accept"]) and spec.status == "ready"
    first, second, third = (prompt(world, f"question#{n}") if n < 3 else "" for n in (1, 2, 3))
    assert "find notes" in first and "number 1 of at most 12" in first and third == ""
    assert "Answer: Everybody" in second and "number 2 of at most 12" in second
    run = world.last()
    assert (run.status, run.workflow, run.spec_id) == ("done", "interview", "interview")
    assert steps(world).keys() >= {"question#1", "answer#1", "answer#2", "answer#3", "write"}
    assert "answer#4" not in steps(world)
    command(world, "spec", "validate")
    assert command(world, "run", "resume", "last", status=2).stderr.count("fabrik spec interview --resume")
    wait_for(lambda: not world.leftovers(), "the end of every process")


def test_the_agent_reads_the_project_and_changes_nothing(world: World) -> None:
    look = [{"run": "cat README.md; git log --format=%s; touch new README.md 2>&1 && printf WR%s OTE; true"}]
    script_options = script(world, {"question#1": [*look, *PROPOSES]})
    before = git("status", "--porcelain", "--ignored", cwd=world.project)
    interview(world, *script_options, typed="no\n", status=4)
    told = prompt(world, "question#1")
    assert "# notes" in told and "base" in told and "WROTE" not in told
    assert git("status", "--porcelain", "--ignored", cwd=world.project) == before
    assert not (world.project / "specs").exists()


def test_who_leaves_goes_on_where_they_were(world: World) -> None:
    agent = script(world, TALK)
    said = interview(world, *agent, typed="1\n", status=4)
    run = world.last()
    assert run.status == "blocked" and f"--resume {run.id[-8:]}" in said
    said = interview(world, "--resume", run.id[-8:], typed="nothing\nyes\n")
    assert "What was said so far" in said and "> Owners" in said and "Question 1 of" not in said
    assert world.last().id == run.id and world.last().status == "done"
    assert {key: starts for key, starts in steps(world).items() if starts > 1} == {}
    assert (world.project / "specs" / "find-notes.md").is_file()
    refused = command(world, "spec", "interview", "--resume", "last", status=2).stderr
    assert "has ended (done)" in refused
    refused = command(world, "spec", "interview", "--resume", "last", "--about", "x", status=2).stderr
    assert "--resume and --about exclude each other" in refused


def finished(world: World, step: str) -> bool:
    if not (world.home / "ledger.db").exists():
        return False
    with Ledger.open(world.home / "ledger.db") as ledger:
        runs = ledger.list_runs(limit=1)
        return bool(runs) and any(
            one.key == step and one.state == "finished" for one in ledger.steps(runs[0].id)
        )


def under_way(world: World, agent: list[str | Path], *, typed: str) -> tuple[subprocess.Popen[str], IO[str]]:
    """An interview that goes on, with this typed so far; and where more can be typed."""
    process = subprocess.Popen(
        [PROGRAM, "spec", "interview", *map(str, agent)],
        env=world.env(),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        cwd=world.project,
        text=True,
    )
    assert process.stdin is not None
    process.stdin.write(typed)
    process.stdin.flush()
    return process, process.stdin


@pytest.mark.parametrize("during", ["a question", "the agent's work"])
def test_kill_9_loses_no_answer(world: World, during: str) -> None:
    hanging = {"question#2": [{"hang": True}]} if during == "the agent's work" else {}
    agent = script(world, {**TALK, **hanging})
    process, standard_input = under_way(world, agent, typed="2\n")
    wait_for(lambda: finished(world, "answer#1"), "the first answer in the journal")
    if during == "a question":
        wait_for(lambda: finished(world, "question#2"), "the second question")
    else:
        wait_for(lambda: hangs(world, "question#2"), "the agent at work")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    standard_input.close()
    wait_for(lambda: not world.leftovers(), "the end of every process")
    script(world, TALK)
    said = interview(world, "--resume", "last", typed="nothing\nyes\n")
    assert "Question 2 of" in said and "Question 1 of" not in said
    expected = 2 if during == "the agent's work" else 1
    assert steps(world)["question#1"] == 1 and steps(world)["question#2"] == expected
    assert "Answer: Everybody" in prompt(world, "question#2", start=expected)
    assert world.last().status == "done"
    wait_for(lambda: not world.leftovers(), "the end of every process")


def test_skip_back_and_done(world: World) -> None:
    agent = script(
        world,
        {
            "question#1": asks("One?"),
            "question#2": asks("Two?"),
            "question#3": asks("Three?"),
            "question#4": asks("Four?"),
            "question#5": [{"print": "{{prompt}}"}, *PROPOSES],
        },
    )
    said = interview(world, *agent, typed="back\nfirst\nback\nsecond\nskip\ndone\nskip\nyes\n")
    assert "There is no answer yet" in said and "The questions are over" in said
    assert said.count("One?") == 2 and said.count("Three?") == 1
    told = prompt(world, "question#5")
    assert "Answer: second" in told and "Answer: first" not in told and "Answer: (skipped)" in told
    assert "this is enough" in told and "Two?" not in told


def test_what_is_to_be_changed_goes_back_to_the_agent(world: World) -> None:
    changed = {**SPEC, "title": "Find notes quickly by a word"}
    agent = script(
        world,
        {
            "question#1": PROPOSES,
            "question#2": [{"print": "{{prompt}}"}, {"report": {"v": 1, "spec": changed}}],
        },
    )
    interview(world, "specs/0004-search.json", *agent, typed="another title\nyes\n")
    told = prompt(world, "question#2")
    assert "Answer: another title" in told and "# Find notes by their text" in told
    document = json.loads((world.project / "specs" / "0004-search.json").read_text())
    assert (document["id"], document["title"]) == ("0004-search", changed["title"])


def test_the_number_of_questions_is_bounded(world: World) -> None:
    agent = script(world, {"question#1": asks("One?"), "question#2": [{"print": "{{prompt}}"}, *PROPOSES]})
    own = world.directory / "own.md"
    own.write_text("Ask in Latin.")
    options = ("--questions", "1", "--template", "bug", "--prompt", own)
    said = interview(world, *options, *agent, typed="1\nyes\n")
    assert "Question 1 of at most 1" in said
    assert "All 1 questions are used up" in prompt(world, "question#2")
    first = prompt(world, "question#1")
    assert "fails today because of the bug" in first and "Ask in Latin." in first


def test_a_bad_answer_of_the_agent_is_repaired_once(world: World) -> None:
    weak = {**SPEC, "checks": ["true"]}
    agent = script(
        world,
        {
            "question#1": [{"report": {"v": 1, "spec": weak}}],
            "question#1/repair": [{"print": "{{prompt}}"}, *PROPOSES],
        },
    )
    interview(world, *agent, typed="yes\n")
    told = prompt(world, "question#1/repair")
    assert "can never fail" in told and '"checks": ["true"]' in told


def test_two_bad_answers_end_it_and_a_resume_asks_anew(world: World) -> None:
    agent = script(world, {"question#1": [{"say": "hello"}], "question#1/repair": [{"report": "{"}]})
    said = interview(world, *agent, typed="", status=1)
    assert "failed: the agent's answer (question#1) cannot be used" in " ".join(said.split())
    script(world, {"question#1/again#1": PROPOSES})
    interview(world, "--resume", "last", typed="yes\n")
    assert world.last().status == "done"


def test_a_crash_of_the_agent_is_nobodys_fault(world: World) -> None:
    agent = script(world, {"question#1": [{"die": "KILL"}], "question#1/retry#1": PROPOSES})
    interview(world, *agent, typed="yes\n")
    assert (world.project / "specs" / "find-notes.md").is_file()


def test_an_interview_can_be_cancelled(world: World) -> None:
    agent = script(world, {**TALK, "question#2": [{"hang": True}]})
    process, standard_input = under_way(world, agent, typed="1\n")
    standard_input.close()
    wait_for(lambda: hangs(world, "question#2"), "the agent at work")
    command(world, "run", "cancel", "last")
    process.wait()
    assert world.last().status == "cancelled"
    wait_for(lambda: not world.leftovers(), "the end of every process")


def test_without_a_sandbox(world: World) -> None:
    agent = script(world, TALK)
    interview(world, "--sandbox", "none", *agent, typed="1\nnone\nyes\n")
    assert "Answer: Owners" in prompt(world, "question#2")


def test_nothing_is_written_over(world: World) -> None:
    (world.project / "specs").mkdir()
    mine = world.project / "specs" / "search.md"
    mine.write_text("mine")
    agent = script(world, {"question#1": [*PROPOSES]})
    refused = command(world, "spec", "interview", "search", *agent, status=2)
    assert "is there already" in refused.stderr and not (world.home / "ledger.db").exists()
    interview(world, *agent, typed="", status=4)
    meanwhile = world.project / "specs" / "find-notes.md"
    meanwhile.write_text("# not a spec\n")
    said = interview(world, "--resume", "last", typed="yes\n")
    assert "wrote specs/find-notes-2.md" in said
    assert mine.read_text() == "mine" and meanwhile.read_text() == "# not a spec\n"


def test_without_a_project_the_agent_sees_an_empty_directory(world: World) -> None:
    nowhere = world.directory / "nowhere"
    nowhere.mkdir()
    agent = script(
        world, {"question#1": [{"print": "{{prompt}}"}, {"run": "ls -A | grep -v .git; true"}, *PROPOSES]}
    )
    command(world, "spec", "interview", "--json-out", *agent, typed="yes\n", at=nowhere)
    told = prompt(world, "question#1")
    assert "There is no project yet" in told
    assert [path.name for path in (nowhere / "specs").iterdir()] == ["find-notes.json"]
    assert command(world, "spec", "interview", "--project", nowhere, *agent, status=2).stderr


@pytest.mark.parametrize(
    ("args", "what"),
    [
        (["--agent", "claude", "--agent-script", "x"], "--agent-script is for --agent scripted"),
        (["--agent-command", "x", "--agent-script", "x"], "exclude each other"),
        (["--", "..."], "no id can be made of the name '...'"),
        (["--agent", "scripted"], "this agent needs --agent-script"),
        (["--resume", "nope"], "there are no runs yet"),
        (["--template", "novel"], "novel"),
    ],
)
def test_what_is_refused(world: World, args: list[str], what: str) -> None:
    assert what in command(world, "spec", "interview", *args, status=2).stderr
    assert not list(world.home.glob("runs/*"))


def test_only_interviews_are_taken_up_again(world: World) -> None:
    world.run(status=3)
    assert "is no interview" in command(world, "spec", "interview", "--resume", "last", status=2).stderr
