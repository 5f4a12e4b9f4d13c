"""Time between one agent's exit and the next one's start, beside a shell loop that does the same work."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from bench.figures import Figure, median
from bench.project import AGENT, CHECK, fabrik, git, make_agent, make_project, make_spec

TASKS = (12, 24, 48)
LIGHT = ("code-quality", "maintainability")  # as shipped

# What fabrik does around each agent, in plain shell: the agent in a sandbox; what it left committed in a
# sandbox and bundled; the bundle fetched with object checks; the commit checked out apart; the check run
# there in a sandbox. Where there are reviewers: checked out once more for them, and they run side by side.
LOOP = """#!/bin/sh
set -eu
agent=$1 project=$2 tasks=$3 dir=$4 check=$5 reviewers=$6
mkdir -p "$dir/home"
git clone -q --bare "$project" "$dir/repo.git"
git clone -q --shared "$dir/repo.git" "$dir/workspace"
git clone -q --shared "$dir/repo.git" "$dir/checks"
git clone -q --shared "$dir/repo.git" "$dir/reviews"
git -C "$dir/repo.git" config fetch.fsckObjects true
box() {
    place=$1; shift
    bwrap --ro-bind /usr /usr --symlink usr/bin /bin --symlink usr/lib /lib --symlink usr/lib64 /lib64 \\
        --ro-bind /etc/passwd /etc/passwd --ro-bind-try /etc/ld.so.cache /etc/ld.so.cache \\
        --ro-bind /etc/alternatives /etc/alternatives --proc /proc --dev /dev --tmpfs /tmp \\
        --ro-bind "$agent" "$agent" --ro-bind "$dir/repo.git" "$dir/repo.git" \\
        --bind "$dir/home" /home/agent --bind "$place" /workspace --chdir /workspace \\
        --clearenv --setenv PATH /usr/bin:/bin --setenv HOME /home/agent \\
        --setenv FABRIK_STEP "task/$n/implement#1" --setenv FABRIK_ROLE "${role:-implement}" \\
        --setenv GIT_AUTHOR_NAME a --setenv GIT_AUTHOR_EMAIL a@b \\
        --setenv GIT_COMMITTER_NAME a --setenv GIT_COMMITTER_EMAIL a@b \\
        --unshare-all --unshare-user --uid 1000 --gid 1000 --cap-drop ALL --die-with-parent --new-session "$@"
}
base=$(git -C "$dir/repo.git" rev-parse HEAD)
n=0
while [ $n -lt "$tasks" ]; do
    n=$((n + 1))
    box "$dir/workspace" "$agent" >"$dir/log-implement-$n" 2>&1
    box "$dir/workspace" sh -c 'git add -A && { git diff --cached --quiet || git commit -q -m left; } &&
        git bundle create -q - '"$base"'..HEAD' >"$dir/bundle"
    git -C "$dir/repo.git" fetch -q "$dir/bundle" "HEAD:refs/work/$n"
    head=$(git -C "$dir/repo.git" rev-parse "refs/work/$n")
    box "$dir/checks" git checkout -q --detach "$head"
    box "$dir/checks" sh -c "$check" >"$dir/check-$n" 2>&1
    if [ "$reviewers" -gt 0 ]; then
        box "$dir/reviews" git checkout -q --detach "$head"
        git -C "$dir/repo.git" diff "$base" "$head" >"$dir/change"
        r=0
        while [ $r -lt "$reviewers" ]; do
            r=$((r + 1))
            role=review box "$dir/reviews" "$agent" >"$dir/log-review-$n-$r" 2>&1 &
        done
        wait
    fi
    base=$head
done
git -C "$dir/repo.git" update-ref refs/heads/main "$base"
"""


def gaps(implementers: Sequence[Path], reviewers: Sequence[Path] = ()) -> list[float]:
    """Seconds from an implementer's end to the start of the next, less the time in which it was reviewed.

    The logs hold the times that the agents printed, first and last.
    """
    worked, looked = _spans(implementers), _spans(reviewers)
    found = []
    for (_, ended), (started, _) in pairwise(worked):
        between = [span for span in looked if ended <= span[0] and span[1] <= started]
        reviewed = max(end for _, end in between) - min(start for start, _ in between) if between else 0
        found.append((started - ended - reviewed) / 1e9)
    return found


def _spans(logs: Sequence[Path]) -> list[tuple[int, int]]:
    read = [[int(word) for word in log.read_text().split()] for log in logs]
    return sorted((first, last) for first, last in read)


def loop(directory: Path, tasks: int, reviewers: int = 0) -> list[float]:
    """The shell loop over that many tasks; see `gaps`."""
    project = make_project(directory / "project")
    agent = make_agent(directory / "agent.sh", AGENT)
    script = make_agent(directory / "loop.sh", LOOP)
    place = directory / "loop"
    subprocess.run([script, agent, project, str(tasks), place, CHECK, str(reviewers)], check=True)
    return gaps(list(place.glob("log-implement-*")), list(place.glob("log-review-*")))


def ours(directory: Path, tasks: int, *, reviewed: bool = False) -> list[float]:
    """fabrik over that many tasks; see `gaps`."""
    project = make_project(directory / "project")
    agent = make_agent(directory / "agent.sh", AGENT)
    spec = make_spec(directory / "specs", tasks)
    fabrik(
        *("run", "--spec", str(spec), "--project", str(project), "--agent", "command"),
        *("--agent-command", str(agent), "--auto-approve", *(() if reviewed else ("--no-review",))),
        home=directory / "home",
    )
    if git("rev-list", "--count", "main..spec-bench", cwd=project) != str(tasks):
        raise SystemExit("the branch has a wrong number of commits")
    logs = list((directory / "home").glob("runs/*/logs/task.*.implement#1/1/stdout.log"))
    reviews = list((directory / "home").glob("runs/*/logs/task.*.review#1.*/1/stdout.log"))
    if len(reviews) != (len(LIGHT) * tasks if reviewed else 0):
        raise SystemExit("there is a wrong number of light reviews")
    return gaps(logs, reviews)


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
