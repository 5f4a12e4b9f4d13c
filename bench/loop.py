"""Iterations of `fabrik loop build` beside the shell script that people loop with: the same work, each."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

from bench.figures import Figure, median
from bench.project import fabrik, git, make_agent, make_project
from fabrik.agents.scripted import PYTHON, player

ITERATIONS = 200
TURNS = 3
CHECK = "sh test.sh"

# What the script of the playbook does in each iteration: the prompt to the agent, then a push. No isolation,
# no journal, and nobody but the agent itself looks at its work.
LOOP = """#!/bin/sh
set -eu
project=$1 iterations=$2 dir=$3
shift 3
cd "$project"
export HOME="$dir" FABRIK_ROLE=alone
n=0
while [ $n -lt "$iterations" ]; do
    n=$((n + 1))
    cat PROMPT_build.md | FABRIK_STEP="build/$n/session#1" "$@" >"$dir/log-$n" 2>&1
    git push -q origin main --tags
done
"""

# No delay of its own. Alone, it does what fabrik does otherwise: the checks, before it commits, and the tag.
WORK = f"""name=$(printf %s "$FABRIK_STEP" | tr '/#' '__')
echo "$name" > "work-$name.txt"
sed -i '0,/^- \\[ \\]/s//- [x]/' IMPLEMENTATION_PLAN.md
[ "$FABRIK_ROLE" != alone ] || {CHECK}
git add -A
git commit -q -m "$name"
if [ "$FABRIK_ROLE" = alone ]; then
    last=$(git tag --sort=-v:refname | head -n 1)
    git tag "0.0.$((${{last##*.}} + 1))"
fi
"""
SHELL = f"""#!/bin/sh
set -eu
cat > /dev/null
{WORK}"""
SCRIPT = {"v": 1, "sessions": {"*": [{"run": f"set -eu\n{WORK}"}]}}


def project_with_plan(directory: Path, iterations: int) -> Path:
    """A project of the playbook with that many items to do, and a remote."""
    project = make_project(directory / "project")
    items = "".join(f"- [ ] item {number}\n" for number in range(1, iterations + 1))
    (project / "IMPLEMENTATION_PLAN.md").write_text(f"# Plan\n\n{items}")
    (project / "PROMPT_build.md").write_text("Do the most important item of @IMPLEMENTATION_PLAN.md.\n")
    (project / "test.sh").write_text("ls work-*.txt > /dev/null\n")
    (project / "AGENTS.md").write_text(f"# How to\n\n## Validation\n\n- Tests: `{CHECK}`\n")
    git("add", "-A", cwd=project)
    git("commit", "-q", "-m", "plan", cwd=project)
    git("tag", "0.0.0", cwd=project)
    git("init", "-q", "--bare", "-b", "main", str(directory / "remote.git"), cwd=directory)
    git("remote", "add", "origin", str(directory / "remote.git"), cwd=project)
    return project


def commands(directory: Path, kind: str) -> tuple[list[str], list[str]]:
    """How the agent is started by a shell, and the options of fabrik that say so."""
    if kind == "shell":
        agent = make_agent(directory / "agent.sh", SHELL)
        return [str(agent)], ["--agent", "command", "--agent-command", str(agent)]
    steps, program = directory / "script.json", directory / "player.pyz"
    steps.write_text(json.dumps(SCRIPT))
    program.write_bytes(player())
    return [PYTHON, "-I", str(program), str(steps)], ["--agent", "scripted", "--agent-script", str(steps)]


def script(directory: Path, kind: str) -> float:
    """Seconds that the shell script takes."""
    project = project_with_plan(directory, ITERATIONS)
    agent, _ = commands(directory, kind)
    program = make_agent(directory / "loop.sh", LOOP)
    began = time.monotonic()
    subprocess.run([program, project, str(ITERATIONS), directory, *agent], check=True)
    took = time.monotonic() - began
    _require(project, directory / "remote.git")
    return took


def ours(directory: Path, kind: str) -> float:
    """Seconds that `fabrik loop build` takes, from the command to its end."""
    project = project_with_plan(directory, ITERATIONS)
    _, options = commands(directory, kind)
    began = time.monotonic()
    fabrik("loop", "build", "--project", str(project), "--push", *options, home=directory / "home")
    took = time.monotonic() - began
    _require(project, directory / "remote.git")
    return took


def _require(project: Path, remote: Path) -> None:
    """Both did the same: a commit and a tag for each, all of them pushed, nothing left over."""
    if git("rev-list", "--count", "0.0.0..main", cwd=project) != str(ITERATIONS):
        raise SystemExit("the branch has a wrong number of commits")
    for place in (project, remote):
        if len(git("tag", cwd=place).split()) < ITERATIONS:
            raise SystemExit(f"{place} has too few tags")
    if git("rev-parse", "main", cwd=remote) != git("rev-parse", "main", cwd=project):
        raise SystemExit("not everything was pushed")
    if git("status", "--porcelain", cwd=project):
        raise SystemExit("the working tree is not that of the branch")


def measure(directory: Path) -> list[Figure]:
    """Alternate the two, and give the median of how they compare.

    The bound is for fabrik's own agent without a model.
    An agent that is nothing but five commands of a shell leaves what fabrik does about it no shadow to hide
    in: that figure is given beside it.
    """
    figures = []
    for kind, bound in (("scripted", 1.5), ("shell", None)):
        pairs = []
        for turn in range(TURNS):
            place = directory / f"{kind}-{turn}"
            pairs.append((script(place / "a", kind), ours(place / "b", kind)))
        theirs, mine = median([a for a, _ in pairs]), median([b for _, b in pairs])
        ratios = [b / a for a, b in pairs]  # of two that ran one after the other: the machine is shared
        figures.append(
            Figure(
                name=f"loop build, {ITERATIONS} iterations, {kind} agent, x loop.sh",
                value=median(ratios),
                bound=bound,
                detail=f"{ITERATIONS * 60 / mine:.0f} a minute against {ITERATIONS * 60 / theirs:.0f}",
            )
        )
    return figures
