"""A folder of JSON specs with todos, worked through as a backlog."""

from __future__ import annotations

import json
from pathlib import Path

from backlog_kit import Backlog
from harness import git

AGENT = """#!/bin/sh
set -eu
if [ "$FABRIK_ROLE" = review ]; then
  printf '{"v": 1, "reviewer": "%s", "commit": "%s", "status": "approved", "issues": [], "next": []}' \\
    "$FABRIK_REVIEWER" "$FABRIK_COMMIT" > "$FABRIK_REPORT"
elif [ "$FABRIK_ROLE" = verify ]; then
  printf '{"v": 1, "reviewer": "verifier", "commit": "%s", "criteria": [{"n": 1, "met": true, "kind": "check",
    "where": "task 1", "why": "it ran"}], "protected": [], "issues": []}' "$FABRIK_COMMIT" > "$FABRIK_REPORT"
else
  id=$(printf %s "$FABRIK_STEP" | cut -d/ -f2)
  echo "$id" > "done-$id.txt"
  echo "$FABRIK_RUN" >> runs.txt
  git add -A
  git commit -q -m "Do task $id"
fi
"""


def test_json_specs_ship_in_order_of_their_dependencies(tmp_path: Path) -> None:
    world = Backlog(tmp_path)
    world.begin()
    twice = {"name": "task 1", "run": "test $(wc -l < runs.txt) = 2"}
    world.make_spec(tasks=1, name="a-second", dependsOn=["b-first"], checks=[twice])
    world.make_spec(tasks=1, name="b-first")
    specs = world.directory / "specs"
    (specs / "b-first.min.json").write_text("{}")
    agent = world.make_agent(AGENT)
    chosen = ("--agent", "command", "--agent-command", agent, "--workspace-root", world.project)

    said = world.fabrik("backlog", "run", "--dir", specs, "--dry-run").stdout.splitlines()
    assert said == ["b-first.json: would be run", "a-second.json: would be run after b-first"]
    shown = world.fabrik("backlog", "status", "--dir", specs).stdout.splitlines()
    assert [line.split()[:2] for line in shown[1:]] == [["b-first", "ready"], ["a-second", "held"]]
    told = world.fabrik("backlog", "run", "--dir", specs, *chosen).stdout
    assert "all 2 specs are done" in told
    assert git("merge-base", "--is-ancestor", "spec-b-first", "spec-a-second", cwd=world.project) == ""
    assert len(world.commits("spec-a-second")) == 2
    again = world.fabrik("backlog", "run", "--specs", specs, *chosen).stdout
    states = world.fabrik("backlog", "status", "--dir", specs, "--json").stdout.splitlines()
    assert [json.loads(line)["state"] for line in states] == ["shipped", "shipped"]
    assert "all 2 specs are done" in again and "begins" not in again


def test_a_circle_of_json_specs_is_refused(tmp_path: Path) -> None:
    world = Backlog(tmp_path)
    world.begin()
    world.make_spec(tasks=1, name="a", dependsOn=["b"])
    world.make_spec(tasks=1, name="b", dependsOn=["a"])
    told = world.fabrik("backlog", "run", "--dir", world.directory / "specs", status=2).stderr
    assert "circle" in told


def test_a_project_with_json_specs_is_found_where_people_are(tmp_path: Path) -> None:
    world = Backlog(tmp_path)
    world.begin()
    world.make_spec(tasks=1, name="only")
    assert world.fabrik("backlog", "run", "--dry-run").stdout == "only.json: would be run\n"


def test_specs_without_checks_use_those_of_agents_md(tmp_path: Path) -> None:
    """A folder as its users have it: the checks stand in AGENTS.md, and hold for every spec."""
    world = Backlog(tmp_path)
    world.begin()
    (world.project / "AGENTS.md").write_text("## Validation\n\n- Tests: `test -e done-1.txt`\n")
    git("add", "-A", cwd=world.project)
    git("commit", "-q", "-m", "Say how work is checked", cwd=world.project)
    spec = world.make_spec(tasks=1, name="only")
    content = json.loads(spec.read_text())
    del content["checks"]
    spec.write_text(json.dumps(content))
    specs = world.directory / "specs"
    chosen = ("--agent", "command", "--workspace-root", world.project, "--dir", specs)
    agent = world.make_agent(AGENT.replace("task 1", "Tests"))
    told = world.fabrik("backlog", "run", *chosen, "--agent-command", agent)
    assert "the project's are used (Tests, from AGENTS.md)" in told.stderr
    assert [check["run"] for check in world.last().context["checks"]] == ["test -e done-1.txt"]
    assert world.last().status == "shipped"
