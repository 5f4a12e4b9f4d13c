"""What the pages find ready: projects, files, and who plays the agents. Named by `<!-- prepare: NAME -->`."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
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
    _play_simple(stage)


def _play_simple(stage: Stage) -> None:
    play(
        stage,
        {
            "task/*": [{"write": "done.txt", "text": "done\n"}, {"commit": "Write the file"}],
            "feedback/*": [{"append": "done.txt", "text": "{{step}}\n"}, {"commit": "Do what was said"}],
            "role:review": [{"review": {"status": "approved"}}],
            "role:verify": [{"verify": {"criteria": "all", "where": "the file"}}],
        },
    )


def ralph(stage: Stage) -> None:
    """A project as Ralph's users have it, and an agent that plans and does items."""
    files = {
        "PROMPT_plan.md": "Compare `specs/*` with `src/*`, and update @IMPLEMENTATION_PLAN.md. Plan only.\n",
        "PROMPT_build.md": "Study `specs/*`. Do the most important item of @IMPLEMENTATION_PLAN.md.\n",
        "AGENTS.md": "# Working here\n\n## Validation\n\n- Tests: `sh test.sh`\n",
        "specs/greeting.md": "# Greeting\n\nThe program says hello, and goodbye when asked to.\n",
        "src/greet.sh": "echo hello\n",
        "test.sh": 'test "$(sh src/greet.sh)" = hello\n',
    }
    shutil.rmtree(stage.project / "tally", ignore_errors=True)  # of what a page showed before
    for name, content in files.items():
        path = stage.project / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
    commit(stage, stage.project)
    plan = "# Plan\n\n- [ ] say goodbye\n- [ ] tell users about it in the README\n"
    goodbye = 'case "${1:-}" in --bye) echo goodbye ;; *) echo hello ;; esac\n'
    play(
        stage,
        {
            "plan/1/*": [{"write": "IMPLEMENTATION_PLAN.md", "text": plan}],
            "plan/*": [],
            "plan-work/1/*": [{"append": "IMPLEMENTATION_PLAN.md", "text": "- [ ] say bonjour\n"}],
            "plan-work/*": [],
            "build/1/*": [
                {"write": "src/greet.sh", "text": goodbye},
                {"write": "IMPLEMENTATION_PLAN.md", "text": plan.replace("[ ] say", "[x] say")},
                {"commit": "Say goodbye"},
            ],
            "build/2/*": [
                {"write": "README.md", "text": "sh src/greet.sh [--bye]\n"},
                {"write": "IMPLEMENTATION_PLAN.md", "text": plan.replace("[ ]", "[x]")},
                {"commit": "Tell users about --bye"},
            ],
        },
    )


def backlog(stage: Stage) -> None:
    """A workspace of Ralph Driven Development: `repo-a`, and beside it the folder `ralph` with two specs."""
    repository = stage.project / "repo-a"
    repository.mkdir()
    (repository / "README.md").write_text("# repo-a\n")
    commit(stage, repository)
    specs = stage.project / "ralph/specs/area"
    specs.mkdir(parents=True)
    one = (
        "# {number} - {title}\n\nRepo: repo-a\nWorkdir: repo-a\n\n## Goal\n{title}.\n{more}\n"
        "## Acceptance criteria\n- done-{number}.txt is there\n\n"
        "## Verification (fast-first)\n```bash\ntest -s done-{number}.txt\n```\n"
    )
    depends = "\n## Dependencies\n- 0001-webhook.md\n"
    (specs.parent / "0001-webhook.md").write_text(one.format(number="0001", title="Add a webhook", more=""))
    (specs / "0002-retries.md").write_text(one.format(number="0002", title="Add retries", more=depends))
    stage.script = stage.directory / "agent"
    stage.script.write_text(BACKLOG_AGENT)
    stage.script.chmod(0o755)


def model(stage: Stage) -> None:
    """A model on this machine that finds a text good when it greets; and two texts to be judged."""
    (stage.project / "welcome.txt").write_text("Hello, and welcome. Your first board is ready.\n")
    (stage.project / "notice.txt").write_text("ACCOUNT CREATED. SEE MANUAL.\n")

    (stage.project / "page.png").write_bytes(base64.b64decode(PNG))
    (stage.project / "tone.md").write_text("Plain words, and no exclamation marks.\n")
    (stage.project / "render-mail").write_text("#!/bin/sh\necho 'Hello Ada, here is your invoice.'\n")
    (stage.project / "render-mail").chmod(0o755)

    def verdict(good: bool, feedback: str) -> dict[str, object]:
        return {"call": {"name": "verdict", "arguments": {"pass": good, "feedback": feedback}}}

    script = stage.directory / "model.json"
    sessions = [
        {"match": "ACCOUNT CREATED", "turns": [verdict(False, "It shouts, and greets nobody.")] * 9},
        {"match": "primary action", "turns": [verdict(True, "There is one button.")] * 9},
        {"match": "invoice", "turns": [verdict(True, "It is plain.")] * 9},
        {"match": "welcome", "turns": [verdict(True, "It greets the reader.")] * 9},
    ]
    script.write_text(json.dumps({"v": 1, "sessions": sessions}))
    server = subprocess.Popen(
        [sys.executable, "-m", "fabrik.testing.model_server", "--script", str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )

    def close() -> None:
        server.terminate()
        server.communicate(timeout=60)

    stage.close.append(close)
    assert server.stdout is not None
    while not (line := server.stdout.readline()).startswith("ANTHROPIC_BASE_URL="):
        assert line, "the model server did not start"
    assert stage.run(f"export {line.strip()} ANTHROPIC_API_KEY=any NO_PROXY=127.0.0.1")[0] == 0


# One white pixel.
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAsTjI3gAAAABJRU5ErkJggg=="

BACKLOG_AGENT = """#!/bin/sh
# Implements and verifies the specs of a backlog, and ends as the exit contract wants it.
set -eu
prompt=$(cat)
phrase='I AM HYPER SURE I AM DONE!'
if [ "$FABRIK_ROLE" = verify ]; then
    printf 'VERIFICATION REPORT\\nall there\\n%s\\n%s\\n' "$FABRIK_COMMIT" "$phrase"
    exit
fi
number=$(printf %s "$prompt" | grep -m1 '^It is `specs/' | grep -o '[0-9]\\{4\\}-' | head -n 1 | tr -d -)
echo "$number" > "done-$number.txt"
git add -A
git commit -q -m "Do $number"
printf 'DONE REPORT\\n%s\\n%s\\n' "$(git rev-parse HEAD)" "$phrase"
"""


def interview(stage: Stage) -> None:
    """A project of notes, an agent that asks two questions and then proposes, and the answers."""
    (stage.project / "README.md").write_text("# notes\n")
    commit(stage, stage.project)
    (stage.project / "answers.txt").write_text("2\nnothing is printed, and the exit status is 1\nyes\n")
    spec = {
        "id": "find-notes",
        "title": "Find notes by their text",
        "goals": ["people find a note by a word in it"],
        "req": {"behavior": ["`notes find WORD` prints one line for each note"]},
        "accept": ["`notes find milk` prints the note with milk", "without a match it ends with 1"],
        "checks": [{"name": "tests", "run": "python3 -m pytest -q tests/test_find.py"}],
    }
    ask = {"v": 1, "question": "Who searches?", "options": ["Owners", "Everybody"]}
    tasks = [
        {
            "id": str(number),
            "do": f"Do what criterion {number} asks for.",
            "verify": "Its test passes.",
            "covers": [number],
            "tests": [f"criterion {number} is met"],
        }
        for number in (1, 2)
    ]
    play(
        stage,
        {
            "question#1": [{"report": ask}],
            "question#2": [{"report": {"v": 1, "question": "What if nothing matches?", "options": []}}],
            "question#3": [{"report": {"v": 1, "spec": spec}}],
            "tasks": [{"report": {"v": 1, "tdd": True, "dod": ["the tests pass"], "tasks": tasks}}],
        },
    )


def a_branch(stage: Stage) -> None:
    """A project with a branch that somebody made; one of its reviewers finds something."""
    _tally(stage, stage.project)
    change = "echo '# sums' >> README.md && git commit -qam 'Say more'"
    assert stage.run(f"git switch -q -c fix-sum && {change} && git switch -q main")[0] == 0
    play(
        stage,
        {
            "reviewer:security": [
                {"review": {"status": "changes_requested", "issues": ["README.md:9: why?"]}}
            ],
            "role:review": [{"review": {"status": "approved"}}],
        },
    )


def json_specs(stage: Stage) -> None:
    """A project with a folder of JSON specs and todos, as the original's users have it."""
    specs = stage.project / "specs"
    specs.mkdir()
    (stage.project / "AGENTS.md").write_text("# Working here\n\n## Validation\n\n- Tests: `sh test.sh`\n")
    (stage.project / "test.sh").write_text("test -s README.md\n")
    (stage.project / "README.md").write_text("# A project\n")
    spec = {
        "v": 1,
        "id": "001-search",
        "title": "Search",
        "status": "ready",
        "version": "1.0.0",
        "lastUpdated": "2026-11-01",
        "goals": ["find notes"],
        "nonGoals": [],
        "req": {"api": [], "behavior": ["done.txt is written"], "obs": []},
        "accept": ["done.txt is there"],
        "assume": [],
        "checks": [{"name": "the file", "run": "test -s done.txt"}],
    }
    todo = {
        "v": 1,
        "id": "001-search",
        "tdd": True,
        "dod": [],
        "tasks": [{"id": "1", "do": "it", "verify": "it"}],
    }
    (specs / "001-search.json").write_text(json.dumps(spec))
    (specs / "001-search.todo.json").write_text(json.dumps(todo))
    commit(stage, stage.project)
    _play_simple(stage)


def nothing(stage: Stage) -> None:
    """A machine without any project."""


def _tally(stage: Stage, place: Path) -> None:
    shutil.copytree(ROOT / "examples/tally/project", place, dirs_exist_ok=True)
    commit(stage, place, "Count and add up")
    honest = json.loads((ROOT / "examples/tally/agents/honest.json").read_text())["sessions"]
    one = [*honest["task/1/implement#1"], *honest["task/2/implement#1"]]
    play(stage, honest | {"task/1/implement#1": one})


PREPARATIONS: dict[str, Callable[[Stage], None]] = {
    "backlog": backlog,
    "a branch": a_branch,
    "an interview": interview,
    "json specs": json_specs,
    "model": model,
    "ralph": ralph,
    "nothing": nothing,
    "project": project,
    "tally": tally,
    "your project": your_project,
    "your spec": your_spec,
    "your reviewers": your_reviewers,
}
