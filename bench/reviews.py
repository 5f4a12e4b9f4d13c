"""What reviews cost beyond the reviewers themselves: the time between agents, and eight side by side."""

from __future__ import annotations

from pathlib import Path

from bench.dead_time import LIGHT, loop, ours
from bench.figures import Figure, median
from bench.project import AGENT, fabrik, make_agent, make_project, make_spec
from fabrik.ledger.store import Ledger
from fabrik.ledger.types import Step

TASKS = 16
TURNS = 5


def measure(directory: Path) -> list[Figure]:
    """With zero-delay agents."""
    return [_between(directory / "between"), _side_by_side(directory / "side-by-side")]


def _between(directory: Path) -> Figure:
    pairs = []
    for turn in range(2):
        place = directory / str(turn)
        pairs.append((loop(place / "a", TASKS, len(LIGHT)), ours(place / "b", TASKS, reviewed=True)))
    theirs = median([gap for pair in pairs for gap in pair[0]])
    mine = median([gap for pair in pairs for gap in pair[1]])
    return Figure(
        name=f"with light reviews, {TASKS} tasks, x shell loop",
        value=mine / theirs,
        bound=1.5,
        detail=f"{mine * 1000:.0f} ms against {theirs * 1000:.0f} ms",
    )


def _side_by_side(directory: Path) -> Figure:
    ratios = []
    for turn in range(TURNS):
        place = directory / str(turn)
        project = make_project(place / "project")
        spec = make_spec(place / "specs", 1)
        agent = make_agent(place / "agent.sh", AGENT)
        fabrik(
            *("run", "--spec", str(spec), "--project", str(project), "--agent", "command"),
            *("--agent-command", str(agent), "--auto-approve"),
            home=place / "home",
        )
        with Ledger.open(place / "home" / "ledger.db") as ledger:
            steps = ledger.steps(ledger.find_run("last").id)
        asked = [step for step in steps if step.key.startswith("review#1/") and "verifier" not in step.key]
        if len(asked) != 8:
            raise SystemExit(f"{len(asked)} reviewers were asked, not 8")
        everybody = [step for step in steps if step.key.startswith("review#1/")]
        summary = next(step for step in steps if step.key == "review#1")
        whole = _end(summary) - min(step.started_at for step in everybody)
        slowest = max(_end(step) - step.started_at for step in everybody)
        ratios.append((whole / slowest, whole, slowest))
    ratio, whole, slowest = sorted(ratios)[TURNS // 2]
    return Figure(
        name="a round of eight reviewers and the verifier, x its slowest",
        value=ratio,
        bound=1.3,
        detail=f"{whole * 1000:.0f} ms against {slowest * 1000:.0f} ms",
    )


def _end(step: Step) -> float:
    if step.finished_at is None:
        raise SystemExit(f"step {step.key} did not end")
    return step.finished_at
