"""The real CLIs as implementer, reviewers and verifier in one run, through two rounds and a rejection.

The models are played by the scripted server, which takes one key only: the canary, which no sandbox has.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from cli_reviews import (
    CRITERIA,
    HELD_OUT,
    NOTES,
    ONLY_PLANTED,
    STORY,
    Asked,
    asked,
    babbling,
    implementing,
    lingering,
    refusing,
    reviewing,
)
from cli_world import CLIS, CliWorld, Require, answers, cli_world, cost, installed, tokens
from harness import git, wait_for
from review_kit import few, gates, reports, rounds

from fabrik.ledger.types import Run
from fabrik.prompts.render import reviewer_names
from fabrik.testing.model_server import ModelServer, Script
from fabrik.usage import Usage, total

EIGHT = reviewer_names()  # all that are shipped
TWO = ("security", "simplicity")
PATIENCE = 240  # seconds for a reviewer, on a machine that may be busy
OUTCOMES = {200: "ok", 400: "upstream_error"}  # by status, as the ledger has it
NOTHING = Usage(  # of a call that is refused
    input_tokens=0, cache_read_tokens=0, cache_write_tokens=0, output_tokens=0, reasoning_tokens=0, calls=1
)


@dataclass(frozen=True, kw_only=True)
class Cast:
    """Who plays what, with which models."""

    implementer: str
    reviewers: str
    models: Mapping[str, str]  # as in the file of --review-models
    verifier: str
    verifier_model: str
    full: Sequence[str] = TWO
    light: Sequence[str] = ("code-quality",)
    tasks: int = 1
    unreal: bool = False  # the verifier's first report names what is not there

    def __str__(self) -> str:
        return f"{self.implementer}-{self.reviewers}-{self.verifier}"


CASTS = (
    Cast(
        implementer="claude",
        reviewers="codex",
        models={"_default": "gpt-5.5", "security": "gpt-5", "tigerstyle": "openai/gpt-5"},
        verifier="pi",
        verifier_model="gemini/gemini-2.5-flash",
        full=EIGHT,
        light=("code-quality", "maintainability"),
        tasks=2,
    ),
    Cast(
        implementer="codex",
        reviewers="pi",
        models={"_default": "openai/gpt-5.5", "security": "anthropic/claude-haiku-4-5"},
        verifier="claude",
        verifier_model="claude-sonnet-4-5",
        unreal=True,
    ),
    Cast(
        implementer="pi",
        reviewers="claude",
        models={"_default": "claude-sonnet-4-5", "security": "claude-haiku-4-5"},
        verifier="codex",
        verifier_model="gpt-5.5",
    ),
)
SLOWER = Cast(
    implementer="claude",
    reviewers="gemini",
    models={"_default": "gemini-2.5-pro", "security": "gemini-2.5-flash"},
    verifier="opencode",
    verifier_model="anthropic/claude-sonnet-4-5",
    full=("security",),
    light=(),
)

REFUSALS = (  # the agent, the models of --review-models, the one that its vendor refuses
    ("claude", {"_default": "claude-sonnet-4-5", "simplicity": "claude-haiku-4-5"}, "claude-haiku-4-5"),
    ("codex", {"_default": "gpt-5.5", "simplicity": "gpt-6-imagined"}, "gpt-6-imagined"),
    ("pi", {"_default": "openai/gpt-5.5", "simplicity": "anthropic/claude-haiku-4-5"}, "claude-haiku-4-5"),
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[CliWorld]:
    with cli_world(tmp_path) as made:
        yield made


def start(world: CliWorld, cast: Cast, *options: str, status: int = 3) -> Run:
    """`fabrik run` with this cast, to its gate."""
    world.make_spec(tasks=cast.tasks)  # makes the directory of the specs
    (world.directory / "specs" / "out.sh").write_text(f"# {HELD_OUT}\ntest -f done-1.txt\n")
    held_out = {"name": HELD_OUT, "run": f"sh {HELD_OUT}/h.sh", "files": {f"{HELD_OUT}/h.sh": "out.sh"}}
    spec = world.make_spec(tasks=cast.tasks, accept=list(CRITERIA), holdout=[held_out])
    models = world.directory / "models.json"
    models.write_text(json.dumps(cast.models))
    implementer = CLIS[cast.implementer]
    world.fabrik(
        *("run", "--spec", spec, "--project", world.project, "--agent", implementer.name),
        *("--model", str(implementer.option)),
        *("--review-agent", cast.reviewers, "--review-models", models, "--verify-agent", cast.verifier),
        *("--verify-model", cast.verifier_model),
        *options,
        status=status,
    )
    return world.last()


@pytest.mark.parametrize("cast", CASTS, ids=str)
def test_a_run_of_three_clis_with_two_rounds_and_a_rejection(
    cast: Cast, world: CliWorld, require: Require
) -> None:
    for name in (cast.implementer, cast.reviewers, cast.verifier):
        installed(name, require)
    few(world, *cast.full, light=cast.light, seconds=PATIENCE)
    numbers = range(1, cast.tasks + 1)
    script = Script(sessions=[*implementing(*numbers), *reviewing(unreal=cast.unreal)])
    with ModelServer(script, key=world.canary.key) as server:
        world.connect(server)
        run = start(world, cast)
        assert run.status == "waiting"
        before = len(answers(server))
        world.fabrik("reject", run.id, "--notes", NOTES, status=3)
        assert NOTES in answers(server)[before].prompt
        world.fabrik("approve", run.id)
        made = asked(world, server)
        keys = {call.key for call in answers(server)}

    assert world.last().status == "shipped"
    assert keys == {world.canary.key}
    who_was_asked(cast, made, 1, 2, 3)
    what_they_said(world, cast)
    what_is_metered(world, made)
    what_nobody_was_told(made)
    what_is_found(made, {"review#1/security": 2, "review#3/security": 2, "feedback/1/implement#1": 1})
    what_a_reviewer_can_do(made, 1, 2, 3)
    wait_for(lambda: not lingering(), "the end of what a reviewer left behind")
    world.assert_clean()


def test_the_slower_clis_review_and_verify(world: CliWorld, require: Require) -> None:
    for name in (SLOWER.implementer, SLOWER.reviewers, SLOWER.verifier):
        installed(name, require)
    few(world, *SLOWER.full, light=SLOWER.light, seconds=PATIENCE)
    script = Script(sessions=[*implementing(1, also="echo safe > safe.txt"), *reviewing()])
    with ModelServer(script, key=world.canary.key) as server:
        world.connect(server)
        assert start(world, SLOWER, "--auto-approve", status=0).status == "shipped"
        made = asked(world, server)
    who_was_asked(SLOWER, made, 1)
    what_is_metered(world, made)
    what_nobody_was_told(made)
    what_is_found(made, {"review#1/security": 2})
    what_a_reviewer_can_do(made, 1)
    wait_for(lambda: not lingering(), "the end of what a reviewer left behind")
    world.assert_clean()


def who_was_asked(cast: Cast, made: Asked, *numbers: int) -> None:
    """Everybody in each of these rounds, with the models that the user has chosen, and nobody else."""
    light = [f"task/{n}/review#1/{name}" for n in range(1, cast.tasks + 1) for name in cast.light]
    full = [f"review#{n}/{name}" for n in numbers for name in cast.full]
    verifier = [f"review#{n}/verifier" for n in numbers]
    verifier += ["review#1/verifier/repair"] if cast.unreal else []
    assert sorted(step for step in made.steps if "review#" in step) == sorted([*light, *full, *verifier])
    for step in (*light, *full):
        name = step.rpartition("/")[2]
        model = cast.models.get(name, cast.models["_default"]).rpartition("/")[2]
        assert {call.model for call in made.steps[step]} == {model}, step
    model = cast.verifier_model.rpartition("/")[2]
    assert {call.model for step in verifier for call in made.steps[step]} == {model}


def what_they_said(world: CliWorld, cast: Cast) -> None:
    """A finding that is fixed, an approval, a rejection that is followed, and an approval again."""
    everybody = sorted((*cast.full, "verifier", "tampering"))
    first, second, third = rounds(world)
    assert all(
        sorted(said.reviewer for said in each.opinions) == everybody for each in (first, second, third)
    )
    assert len(EIGHT) == 8
    assert [finding.id for finding in first.findings] == ["review-task-security-1"]
    assert [said.reviewer for said in first.opinions if said.status != "approved"] == ["security"]
    assert second.approved and third.approved
    assert [(c.met, c.kind, c.where) for c in third.criteria] == [
        (True, "check", "task 1"),
        (True, "code", "README.md:1"),
    ]
    assert [(gate.state, gate.candidate, gate.marks, gate.notes) for gate in gates(world)] == [
        ("rejected", second.commit, (), NOTES),
        ("approved", third.commit, (), None),
    ]
    assert "1 held-out passed" in gates(world)[0].reason
    light = [report.status for report in reports(world) if report.kind == "light"]
    assert light == ["approved"] * len(cast.light) * cast.tasks

    assert git("rev-parse", "spec-feature", cwd=world.project) == third.commit
    files = {"README.md", "safe.txt", "tone.txt", *(f"done-{n}.txt" for n in range(1, cast.tasks + 1))}
    assert set(git("ls-tree", "-r", "--name-only", "spec-feature", cwd=world.project).splitlines()) == files
    assert [STORY in subject for subject in world.commits()] == [True] * (cast.tasks + 2)
    evidence = Path(world.shown()["evidence"]).read_text()
    assert all(criterion in evidence for criterion in CRITERIA)


def what_is_metered(world: CliWorld, made: Asked) -> None:
    """The ledger has what the server sent: of each step, call by call, and in the sum."""
    calls = world.calls()
    assert {call.step for call in calls} == made.steps.keys()
    for step, sent in made.steps.items():
        of_step = [call for call in calls if call.step == step]
        metered = [(call.outcome, call.model, tokens(call.usage)) for call in of_step]
        assert metered == [(OUTCOMES[c.status or 0], c.model, c.usage or NOTHING) for c in sent], step
        assert [call.usage.cost_usd for call in of_step] == [pytest.approx(cost(c) or 0) for c in sent], step
    stated = [call.usage for sent in made.steps.values() for call in sent if call.usage]
    assert len(set(stated)) == len(stated)  # or one step's would be taken for another's
    assert replace(tokens(world.usage()), calls=len(stated)) == total(stated)


def what_nobody_was_told(made: Asked) -> None:
    """Who judges never hears the implementer, and nobody sees what is held out."""
    judging, working = (json.dumps([c.body for c in made.of(judges=who)]) for who in (True, False))
    assert STORY in working and STORY not in judging
    assert HELD_OUT not in working and HELD_OUT not in judging


def what_is_found(made: Asked, searches: Mapping[str, int]) -> None:
    """Searches in these steps find neither what is held out nor, for those who judge, the story."""
    for step, count in searches.items():
        assert made.results(step).count(ONLY_PLANTED) == count, made.results(step)


def what_a_reviewer_can_do(made: Asked, *numbers: int) -> None:
    """It writes nothing in the checkout; it can start something, which ends with it (see `lingering`)."""
    for step in (f"review#{number}/security" for number in numbers):
        tried = made.results(step).partition("TRIED")[0]
        assert "DONE" not in tried
        assert tried.count("Read-only file system") >= 6
        assert "LINGERING" in made.results(step)


@pytest.mark.parametrize(("name", "models", "refused"), REFUSALS, ids=[name for name, _, _ in REFUSALS])
def test_a_reviewer_that_only_talks_and_one_whose_model_is_refused(
    name: str, models: Mapping[str, str], refused: str, world: CliWorld, require: Require
) -> None:
    """Neither approves anything, nor holds the others up: a human decides, and knows why they are silent."""
    installed(name, require)
    few(world, "security", "simplicity", "code-quality", rounds=0, seconds=PATIENCE)
    sessions = [
        *implementing(1),
        babbling("as `security`"),
        refusing("# Review of ", refused, "This model is not for you"),
        *reviewing(),
    ]
    model = str(CLIS[name].option)
    cast = Cast(implementer=name, reviewers=name, models=models, verifier=name, verifier_model=model)
    with ModelServer(Script(sessions=sessions), key=world.canary.key) as server:
        world.connect(server)
        run = start(world, cast, "--auto-approve")
        made = asked(world, server)
        world.fabrik("approve", run.id, "--notes", "I have read it myself")

    assert run.status == "waiting"
    seats = ("code-quality", "security", "security/repair", "simplicity", "verifier")
    assert sorted(made.steps) == [*(f"review#1/{seat}" for seat in seats), "task/1/implement#1"]
    assert "there is no report" in made.steps["review#1/security/repair"][0].prompt
    assert {(call.model, call.status) for call in made.steps["review#1/simplicity"]} == {(refused, 400)}
    what_is_metered(world, made)
    what_nobody_was_told(made)

    silent = {report.reviewer: report.reason for report in reports(world) if report.status == "no_verdict"}
    assert silent.keys() == {"security", "simplicity"}
    assert silent["security"] == "there is no report"
    assert silent["simplicity"].startswith("the provider refused the request: ")
    assert "This model is not for you" in silent["simplicity"]
    [gate] = gates(world)
    assert gate.marks == tuple(f"{name} gave no verdict: {why}" for name, why in sorted(silent.items()))
    assert "NOT APPROVED by review: no verdict from security, simplicity" in gate.reason
    assert (gate.state, gate.overriding) == ("approved", True)  # by a human, who was told
    assert world.last().status == "shipped"
    evidence = Path(world.shown()["evidence"]).read_text()
    assert all(why in evidence for why in silent.values())
    world.assert_clean()
