"""Seals what a run was dispatched with: copies and hashes, so that nothing can be changed under it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from fabrik.ledger.codec import encode
from fabrik.ledger.types import Feedback
from fabrik.paths import RunPaths
from fabrik.prompts.render import prompt_hashes
from fabrik.specs.model import Check, HeldOutCheck, Loaded, Task
from fabrik.workflows.agents import ChosenAgent
from fabrik.workflows.context import (
    RunContext,
    SealedAgent,
    SealedCheck,
    SealedFeedback,
    SealedFile,
    SealedTask,
)

FEEDBACK = 10  # the newest notes on earlier runs of a spec: those that an agent is given


def seal_file(places: RunPaths, path: Path, content: bytes) -> SealedFile:
    """Copy a file of the user's into the run's inputs."""
    copy = path.name
    number = 1
    while (places.inputs / copy).exists():
        number += 1
        copy = f"{number}-{path.name}"
    places.inputs.mkdir(parents=True, exist_ok=True)
    (places.inputs / copy).write_bytes(content)
    return SealedFile(path=str(path.absolute()), copy=copy, sha256=hashlib.sha256(content).hexdigest())


def seal_check(check: Check) -> SealedCheck:
    return SealedCheck(name=check.name, run=check.run, seconds=check.seconds)


def seal_task(task: Task) -> SealedTask:
    return SealedTask(
        id=task.id, do=task.do, verify=task.verify, checks=tuple(seal_check(c) for c in task.checks)
    )


def seal_holdout(places: RunPaths, loaded: Loaded) -> tuple[SealedCheck, ...]:
    """Copy the files of the held-out checks, where no implementing sandbox ever sees them."""
    return tuple(
        SealedCheck(
            name=check.name,
            run=check.run,
            seconds=check.seconds,
            files=_seal_files(places, check, loaded.holdout_files),
        )
        for check in loaded.spec.holdout
    )


def _seal_files(places: RunPaths, check: HeldOutCheck, contents: Mapping[str, bytes]) -> dict[str, str]:
    sealed = {}
    for destination, source in check.files.items():
        content = contents[source]
        copy = f"held-out/{hashlib.sha256(content).hexdigest()}"
        target = places.inputs / copy
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        sealed[destination] = copy
    return sealed


def seal_agent(chosen: ChosenAgent, model: str | None) -> SealedAgent:
    return SealedAgent(
        name=chosen.name,
        options=chosen.options,
        read_only=chosen.read_only,
        path=chosen.path,
        model=model,
    )


def seal_feedback(found: Iterable[Feedback]) -> tuple[SealedFeedback, ...]:
    """What humans wanted otherwise in earlier runs, oldest first: what they approved needs no telling."""
    telling = [
        said for said in found if said.decision in ("rejected", "noted") and (said.notes or "").strip()
    ]
    telling.sort(key=lambda said: (said.created_at, said.id))
    return tuple(
        SealedFeedback(run=said.run, decision=said.decision, by=said.decided_by, notes=said.notes or "")
        for said in telling[-FEEDBACK:]
    )


def write_context(places: RunPaths, context: RunContext) -> dict[str, Any]:
    """Write run-context.json and return what the ledger stores."""
    encoded: dict[str, Any] = encode(RunContext, context)
    places.reports.mkdir(parents=True, exist_ok=True)
    (places.reports / "run-context.json").write_text(json.dumps(encoded, indent=2) + "\n", encoding="utf-8")
    return encoded


def sealed_prompts() -> dict[str, str]:
    """The hashes of the prompt files that this version of fabrik has."""
    return dict(prompt_hashes())
