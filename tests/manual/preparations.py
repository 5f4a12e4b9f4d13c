"""What the pages find ready: projects, files, and who plays the agents. Named by `<!-- prepare: NAME -->`."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from manual_texts import ROOT
from stage import Stage

APPROVING = {
    "role:review": [{"review": {"status": "approved"}}],
}


def commit(project: Path, message: str) -> None:
    """Everything in the project, as one commit."""
    home = (
        project.parents[0] / "home" if (project.parents[0] / "home").is_dir() else project.parents[1] / "home"
    )
    environment = {"HOME": str(home), "PATH": "/usr/local/bin:/usr/bin:/bin"}
    if not (project / ".git").is_dir():
        subprocess.run(["git", "init", "-q", "-b", "main"], cwd=project, env=environment, check=True)
    subprocess.run(["git", "add", "-A"], cwd=project, env=environment, check=True)
    subprocess.run(["git", "commit", "-q", "-m", message], cwd=project, env=environment, check=True)


def play(stage: Stage, sessions: dict[str, Any]) -> None:
    """Let these sessions be played from now on."""
    stage.script = stage.directory / "script.json"
    stage.script.write_text(json.dumps({"v": 1, "sessions": sessions}))


def tally(stage: Stage) -> None:
    """The project of the demo, in `tally`, and an agent that does all that its spec asks for in one task."""
    project = stage.project / "tally"
    shutil.copytree(ROOT / "examples/tally/project", project)
    commit(project, "Count and add up")
    shutil.copytree(ROOT / "examples/tally/specs", stage.project / "examples/specs")
    honest = json.loads((ROOT / "examples/tally/agents/honest.json").read_text())["sessions"]
    one = [*honest["task/1/implement#1"], *honest["task/2/implement#1"]]
    play(stage, honest | {"task/1/implement#1": one})


def nothing(stage: Stage) -> None:  # noqa: ARG001
    """A machine without any project."""


PREPARATIONS: dict[str, Callable[[Stage], None]] = {"nothing": nothing, "tally": tally}
