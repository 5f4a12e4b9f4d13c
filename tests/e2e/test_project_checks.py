"""A spec without checks: those of the project's AGENTS.md are used, and a verifier sees to the criteria."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from harness import World
from review_kit import few, plan

AGENTS = """# Working here

## Validation

Run these after implementing:

- Tests: `sh check.sh`
- Lint: `[lint command]`
"""


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.make_project({"README.md": "# project\n", "check.sh": "test -e README.md\n", "AGENTS.md": AGENTS})
    few(world, "simplicity")
    return world


def unchecked_spec(world: World) -> Path:
    spec = world.make_spec()
    content = json.loads(spec.read_text())
    del content["checks"]
    spec.write_text(json.dumps(content))
    return spec


def test_the_projects_checks_are_used(world: World) -> None:
    """They pass before the work as well, so nobody approves in advance: a human looks, and it ships."""
    agent = plan(world, check="Tests")
    run = world.run("--auto-approve", spec=unchecked_spec(world), agent=agent, status=3, review=True)
    assert (run.status, run.unchecked) == ("waiting", False)
    assert [(check["name"], check["run"]) for check in run.context["checks"]] == [("Tests", "sh check.sh")]
    world.fabrik("approve", run.id)
    assert world.last().status == "shipped"


def test_without_a_verifier_nothing_could_prove_it(world: World) -> None:
    done = world.fabrik(
        *("run", "--spec", unchecked_spec(world), "--project", world.project, "--no-review"),
        *("--agent", "command", "--agent-command", world.make_agent()),
        status=2,
    )
    assert "has no check: nothing could prove that it is done" in done.stderr


def test_a_verifier_who_sees_no_evidence_is_not_overruled(world: World) -> None:
    agent = plan(world, {"verifier": ["changes"]}, check="Tests")
    run = world.run(
        "--auto-approve", "--review-max", "0", spec=unchecked_spec(world), agent=agent, status=3, review=True
    )
    assert run.status == "waiting"
