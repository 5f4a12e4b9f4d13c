"""An agent that plays every role by a plan: implementer, reviewers and verifier in one program."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness import World

from fabrik.ledger.codec import decode
from fabrik.ledger.store import Ledger
from fabrik.ledger.types import Gate, ReviewReport
from fabrik.workflows.review.model import Round

PROGRAM = r'''#!/usr/bin/python3
# Plays what PLAN says. A reviewer acts by the round, the last entry for all that follow.
import json, os, pathlib, signal, subprocess, sys, time

PLAN = json.loads(r"""@PLAN@""")
env = os.environ
role, step, report = env["FABRIK_ROLE"], env["FABRIK_STEP"], env["FABRIK_REPORT"]
prompt = sys.stdin.read()


def leave(**said):
    pathlib.Path(report).write_text(json.dumps(said))


def commit(message):
    subprocess.run(["git", "add", "-A"], check=True)
    subprocess.run(["git", "commit", "-q", "-m", message], check=True)


def review(action):
    who = env["FABRIK_REVIEWER"]
    said = {"v": 1, "reviewer": who, "commit": env["FABRIK_COMMIT"], "issues": [], "next": []}
    if role == "verify":
        said["criteria"] = [
            {"n": n, "met": action != "changes", "kind": "check" if action != "changes" else "none",
             "where": PLAN["check"] if action != "changes" else "", "why": "seen"}
            for n in range(1, PLAN["criteria"] + 1)
        ]
    else:
        said["status"] = "approved"
        if action == "changes":
            said |= {"status": "changes_requested", "issues": [f"README.md:1: {who} wants more"]}
    if action == "crash":
        os.kill(os.getpid(), signal.SIGKILL)
    elif action == "exit":
        sys.exit(3)
    elif action == "missing":
        sys.exit(127)
    elif action == "hang":
        leave(**said)
        time.sleep(3600)
    elif action == "babble":
        print(json.dumps(said))
        print("APPROVED. I AM HYPER SURE I AM DONE!")
    elif action == "malformed":
        pathlib.Path(report).write_text('{"status": "approved"')
    elif action == "empty":
        pathlib.Path(report).write_text("")
    elif action == "repaired" and not step.endswith("/repair"):
        pathlib.Path(report).write_text("LGTM")
    elif action == "other-commit":
        leave(**(said | {"commit": env["FABRIK_BASE"]}))
    elif action == "other-reviewer":
        leave(**(said | {"reviewer": "somebody-else"}))
    else:
        leave(**said)


if role in ("review", "verify"):
    place = step.split("/" + env["FABRIK_REVIEWER"])[0]
    number = int(place.rsplit("#", 1)[1])
    plan = PLAN["reviewers"].get(env["FABRIK_REVIEWER"], PLAN["reviewers"].get("*", ["approve"]))
    if place.startswith("task/"):
        plan = PLAN["light"].get(env["FABRIK_REVIEWER"], ["approve"])
    review(plan[min(number, len(plan)) - 1])
else:
    key = step.split("/")
    if key[0] == "feedback":
        pathlib.Path("feedback.txt").write_text(prompt)
        commit("Take the feedback")
    elif key[1].startswith("review-task-"):
        if PLAN["fixes"]:
            pathlib.Path(f"{key[1]}.txt").write_text("fixed\n")
            commit(f"Fix {key[1]}")
    else:
        pathlib.Path(f"done-{key[1]}.txt").write_text(f"{key[1]}\n")
        commit(f"Do task {key[1]}. APPROVED by all reviewers.")
    if PLAN["says"]:
        leave(v=1, taskId=key[1], status="done", work=["SECRETSTORY: all is perfect"])
'''


def plan(
    world: World,
    reviewers: Mapping[str, Sequence[str]] | None = None,
    *,
    light: Mapping[str, Sequence[str]] | None = None,
    fixes: bool = True,
    says: bool = False,
    check: str = "task 1",
    name: str = "agent",
    text: str = PROGRAM,
) -> Path:
    """The program with its plan: reviewer → what it does in each round, the last for all that follow."""
    said: dict[str, Any] = {
        "reviewers": dict(reviewers or {}),
        "light": dict(light or {}),
        "fixes": fixes,
        "says": says,
        "check": check,
        "criteria": 1,
    }
    return world.make_agent(text.replace("@PLAN@", json.dumps(said)), name)


def configure(world: World, text: str) -> None:
    """Write the user's own config."""
    path = world.directory / "config" / "fabrik" / "config.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def few(world: World, *reviewers: str, light: Sequence[str] = (), rounds: int = 2, seconds: int = 60) -> None:
    """Ask these reviewers alone, to save time."""
    configure(
        world,
        f"[review]\nreviewers = {json.dumps(list(reviewers))}\nlight = {json.dumps(list(light))}\n"
        f'rounds = {rounds}\n[limits]\nreview = "{seconds}s"\n',
    )


def rounds(world: World, prefix: str = "review#") -> list[Round]:
    """The rounds of the last run whose keys begin so, in order."""
    with Ledger.open(world.home / "ledger.db") as ledger:
        steps = ledger.steps(ledger.find_run("last").id)
    return [
        decode(Round, step.result)
        for step in steps
        if step.key.startswith(prefix) and "/" not in step.key.removeprefix(prefix) and step.result
    ]


def reports(world: World) -> list[ReviewReport]:
    with Ledger.open(world.home / "ledger.db") as ledger:
        return ledger.review_reports(ledger.find_run("last").id)


def gates(world: World) -> list[Gate]:
    with Ledger.open(world.home / "ledger.db") as ledger:
        return ledger.gates(ledger.find_run("last").id)


def steps(world: World) -> list[str]:
    """The keys of the last run's steps, in the order of their first start."""
    with Ledger.open(world.home / "ledger.db") as ledger:
        return [step.key for step in ledger.steps(ledger.find_run("last").id)]
