"""Time between one agent's exit and the next one's start, beside a shell loop that does the same work."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from bench.figures import Figure, median
from bench.project import AGENT, CHECK, fabrik, git, make_agent, make_project, make_spec

TASKS = (12, 24, 48)

# What fabrik does around each agent, in plain shell: the agent in a sandbox; what it left committed in a
# sandbox and bundled; the bundle fetched with object checks; the commit checked out apart; the check run
# there in a sandbox.
LOOP = """#!/bin/sh
set -eu
agent=$1 project=$2 tasks=$3 dir=$4 check=$5
mkdir -p "$dir/home"
git clone -q --bare "$project" "$dir/repo.git"
git clone -q --shared "$dir/repo.git" "$dir/workspace"
git clone -q --shared "$dir/repo.git" "$dir/checks"
git -C "$dir/repo.git" config fetch.fsckObjects true
box() {
    place=$1; shift
    bwrap --ro-bind /usr /usr --symlink usr/bin /bin --symlink usr/lib /lib --symlink usr/lib64 /lib64 \\
        --ro-bind /etc/passwd /etc/passwd --ro-bind-try /etc/ld.so.cache /etc/ld.so.cache \\
        --ro-bind /etc/alternatives /etc/alternatives --proc /proc --dev /dev --tmpfs /tmp \\
        --ro-bind "$agent" "$agent" --ro-bind "$dir/repo.git" "$dir/repo.git" \\
        --bind "$dir/home" /home/agent --bind "$place" /workspace --chdir /workspace \\
        --clearenv --setenv PATH /usr/bin:/bin --setenv HOME /home/agent \\
        --setenv FABRIK_STEP "task/$n/implement#1" \\
        --setenv GIT_AUTHOR_NAME a --setenv GIT_AUTHOR_EMAIL a@b \\
        --setenv GIT_COMMITTER_NAME a --setenv GIT_COMMITTER_EMAIL a@b \\
        --unshare-all --unshare-user --uid 1000 --gid 1000 --cap-drop ALL --die-with-parent --new-session "$@"
}
base=$(git -C "$dir/repo.git" rev-parse HEAD)
n=0
while [ $n -lt "$tasks" ]; do
    n=$((n + 1))
    box "$dir/workspace" "$agent" >"$dir/log-$n" 2>&1
    box "$dir/workspace" sh -c 'git add -A && { git diff --cached --quiet || git commit -q -m left; } &&
        git bundle create -q - '"$base"'..HEAD' >"$dir/bundle"
    git -C "$dir/repo.git" fetch -q "$dir/bundle" "HEAD:refs/work/$n"
    head=$(git -C "$dir/repo.git" rev-parse "refs/work/$n")
    box "$dir/checks" git checkout -q --detach "$head"
    box "$dir/checks" sh -c "$check" >"$dir/check-$n" 2>&1
    base=$head
done
git -C "$dir/repo.git" update-ref refs/heads/main "$base"
"""


def gaps(logs: Sequence[Path]) -> list[float]:
    """Seconds between the end of each agent and the start of the next, from the times that they printed."""
    spans = sorted(tuple(int(word) for word in log.read_text().split()) for log in logs)
    return [(after[0] - before[1]) / 1e9 for before, after in pairwise(spans)]


def loop(directory: Path, tasks: int) -> list[float]:
    """The shell loop over that many tasks."""
    project = make_project(directory / "project")
    agent = make_agent(directory / "agent.sh", AGENT)
    script = make_agent(directory / "loop.sh", LOOP)
    place = directory / "loop"
    subprocess.run([script, agent, project, str(tasks), place, CHECK], check=True)
    return gaps(list(place.glob("log-*")))


def ours(directory: Path, tasks: int) -> list[float]:
    """fabrik over that many tasks."""
    project = make_project(directory / "project")
    agent = make_agent(directory / "agent.sh", AGENT)
    spec = make_spec(directory / "specs", tasks)
    fabrik(
        *("run", "--spec", str(spec), "--project", str(project), "--no-review", "--agent", "command"),
        *("--agent-command", str(agent), "--auto-approve"),
        home=directory / "home",
    )
    if git("rev-list", "--count", "main..spec-bench", cwd=project) != str(tasks):
        raise SystemExit("the branch has a wrong number of commits")
    return gaps(list((directory / "home").glob("runs/*/logs/task.*.implement#1/1/stdout.log")))


def measure(directory: Path) -> list[Figure]:
    """Alternate the two, smallest first, and compare medians of one size with each other."""
    figures, medians = [], {}
    for tasks in TASKS:
        pairs = []
        for turn in range(2):
            place = directory / f"{tasks}-{turn}"
            pairs.append((loop(place / "a", tasks), ours(place / "b", tasks)))
        theirs = median([gap for pair in pairs for gap in pair[0]])
        mine = median([gap for pair in pairs for gap in pair[1]])
        medians[tasks] = mine
        figures.append(
            Figure(
                name=f"agent's exit to next start, {tasks} tasks, x shell loop",
                value=mine / theirs,
                bound=1.5,
                detail=f"{mine * 1000:.0f} ms against {theirs * 1000:.0f} ms",
            )
        )
    figures.append(
        Figure(
            name="the same, 48 tasks against 12",
            value=medians[48] / medians[12],
            bound=1.15,
            detail=" → ".join(f"{medians[t] * 1000:.0f}" for t in TASKS) + " ms",
        )
    )
    return figures
