"""What the pages find ready: projects, files, and who plays the agents. Named by `<!-- prepare: NAME -->`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from manual_texts import ROOT
from stage import Stage


def commit(stage: Stage, project: Path, message: str = "Begin") -> None:
    """Everything in the project, as one commit."""
    made = "git init -q && " if not (project / ".git").is_dir() else ""
    status, output = stage.run(f"(cd {project} && {made} git add -A && git commit -q -m '{message}')")
    assert status == 0, output


def play(stage: Stage, sessions: dict[str, Any]) -> None:
    """Let these sessions be played from now on."""
    stage.script = stage.directory / "script.json"
    stage.script.write_text(json.dumps({"v": 1, "sessions": sessions}))


def tally(stage: Stage) -> None:
    """The project of the demo, in `tally`, and an agent that does all that its spec asks for in one task."""
    _tally(stage, stage.project / "tally")


def project(stage: Stage) -> None:
    """The same, but the shell is in it, and the spec is there as `specs/median.md` with its tasks."""
    _tally(stage, stage.project)
    specs = ROOT / "examples/tally/specs"
    shutil.copytree(specs / "held-out", stage.project / "specs/held-out")
    for ending in ("md", "todo.json"):
        text = (specs / f"0001-median.{ending}").read_text().replace("0001-median", "median")
        (stage.project / f"specs/median.{ending}").write_text(text)
    # Held-out checks stay out of the repository, and so does the spec that names them.
    (stage.project / ".git/info/exclude").write_text("/specs/\n")


def your_project(stage: Stage) -> None:
    """A project as the README speaks of, in `your-project`."""
    place = stage.project / "your-project"
    place.mkdir()
    (place / "README.md").write_text("# A project\n")
    commit(stage, place)


def your_spec(stage: Stage) -> None:
    """The new spec is filled in, and there is an agent that does what it asks for, also a second time."""
    _simple(stage, "specs/search.md")


def your_reviewers(stage: Stage) -> None:
    """A spec, a reviewer and a list of models, as one who knows has them."""
    _simple(stage, "s.md")
    here = stage.where()
    (here / "reviewers").mkdir()
    (here / "reviewers/wording.md").write_text("Look at the words that users read.\n")
    (here / "models.json").write_text(json.dumps({"_default": "one", "wording": "two"}))


def _simple(stage: Stage, spec: str) -> None:
    """A spec that wants one file, and an agent that writes it."""
    (stage.where() / spec).write_text(
        "# A file\n\n## Goals\n\n- there is a file\n\n## Acceptance criteria\n\n- `done.txt` is there\n\n"
        "## Verification\n\n```sh\n# the file\ntest -s done.txt\n```\n"
    )
    play(
        stage,
        {
            "task/*": [{"write": "done.txt", "text": "done\n"}, {"commit": "Write the file"}],
            "feedback/*": [{"append": "done.txt", "text": "{{step}}\n"}, {"commit": "Do what was said"}],
            "role:review": [{"review": {"status": "approved"}}],
            "role:verify": [{"verify": {"criteria": "all", "where": "the file"}}],
        },
    )


def nothing(stage: Stage) -> None:
    """A machine without any project."""


def _tally(stage: Stage, place: Path) -> None:
    shutil.copytree(ROOT / "examples/tally/project", place, dirs_exist_ok=True)
    commit(stage, place, "Count and add up")
    honest = json.loads((ROOT / "examples/tally/agents/honest.json").read_text())["sessions"]
    one = [*honest["task/1/implement#1"], *honest["task/2/implement#1"]]
    play(stage, honest | {"task/1/implement#1": one})


PREPARATIONS: dict[str, Callable[[Stage], None]] = {
    "nothing": nothing,
    "project": project,
    "tally": tally,
    "your project": your_project,
    "your spec": your_spec,
    "your reviewers": your_reviewers,
}
