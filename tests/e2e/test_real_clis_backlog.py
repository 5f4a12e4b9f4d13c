"""The folder of Ralph Driven Development as its users have it, worked through by the real CLIs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from backlog_kit import PHRASE
from cli_world import COMMIT, CliWorld, Require, cli_world, installed
from harness import git, rows

from fabrik.testing.model_server import Conversation, ModelServer, Script, Session, Shell, Text
from fabrik.testing.model_server.script import Part

ID = re.compile(r"\b[0-9a-f]{40}\b")
JUDGED = re.compile(r"The commit `([0-9a-f]{40})`, as it differs")

SEED_SPEC = """# 0001 - Seed backlog

Repo: (none)  # this spec may only create specs; it should say so explicitly

## Task
1) Inspect the workspace and detect repos.
2) Generate specs 0002..0010 in ralph/specs/ with:
   - Repo: <repo-name>
   - Acceptance criteria
   - Verification guidance (fast-first)
3) Update SCRATCHPAD.md with assumptions and plan.

## Completion
No commit is needed.
"""
FIRST = """# 0002 - Add a greeting

Repo: repo-a
Workdir: repo-a

## Goal
hello.txt greets.

## Dependencies
- 0001-seed.md

## Constraints
- Keep it simple.

## Required reading
- README.md

## Acceptance criteria
- hello.txt says hello.

## Verification (fast-first)
```bash
# Targeted tests or commands
grep -q hello hello.txt
```
"""
WRITTEN = FIRST.replace("0002 - Add a greeting", "0003 - Add a farewell").replace(
    "0001-seed", "0002-greeting"
)
WRITTEN = WRITTEN.replace("hello", "bye")


def implement(name: str) -> Session:
    """Writes a file, commits it, and names the commit that git told it."""

    def play(conversation: Conversation) -> Part:
        if not conversation.results:
            return Shell(f"echo {name} > {name}.txt && {COMMIT} 'Add {name}' && git rev-parse HEAD")
        found = ID.findall(conversation.results[-1])
        return Text(f"DONE REPORT\nIt says {name}.\n{found[-1]}\n{PHRASE}")

    return Session(match=f"# 000{2 if name == 'hello' else 3} - Add a", turns=play)


def write_specs() -> Session:
    text = WRITTEN.replace("'", "")
    return Session(
        match="# 0001 - Seed backlog",
        turns=(
            Shell(
                f"ls; mkdir -p ralph/specs/area; cat > ralph/specs/area/0003-farewell.md <<'END'\n{text}END"
            ),
            Shell('echo "repo-a greets in English" >> "$HOME/SCRATCHPAD.md"'),
            Text(f"The backlog is there.\n{PHRASE}"),
        ),
    )


def verify(match: str, *, report: bool) -> Session:
    """Looks, and answers with the contract; with the report besides when it is asked to."""

    def play(conversation: Conversation) -> Part:
        judged = JUDGED.search(conversation.prompt)
        assert judged is not None
        if not conversation.results:
            said = {
                "v": 1,
                "reviewer": "verifier",
                "commit": judged[1],
                "criteria": [
                    {"n": 1, "met": True, "kind": "code", "where": f"{match}.txt:1", "why": "it says so"}
                ],
                "protected": [],
                "issues": [],
            }
            write = f"; echo '{json.dumps(said)}' > \"$FABRIK_REPORT\"" if report else ""
            return Shell(f"git show --stat HEAD{write}")
        return Text(f"VERIFICATION REPORT\nIt was looked at.\n{judged[1]}\n{PHRASE}")

    titles = {"hello": "0002 - Add a greeting", "bye": "0003 - Add a farewell", "seed": "0001 - Seed backlog"}
    return Session(match=f'# Does the change do what "{titles[match]}"', turns=play)


def workspace(world: CliWorld) -> Path:
    """What the seed shows: repositories, and ralph beside them."""
    top = world.directory / "workspace"
    top.mkdir()
    git("clone", "-q", str(world.project), str(top / "repo-a"), cwd=world.directory)
    git("config", "user.name", "Ada", cwd=top / "repo-a")
    git("config", "user.email", "ada@example.org", cwd=top / "repo-a")
    git("clone", "-q", str(world.project), str(top / "repo-b"), cwd=world.directory)
    specs = top / "ralph" / "specs"
    specs.mkdir(parents=True)
    (top / "ralph" / "ralph.py").write_text("# of the original\n")
    (top / "ralph" / "SCRATCHPAD.md").write_text("begun with the original\n")
    (specs / "0001-seed.md").write_text(SEED_SPEC)
    (specs / "0002-greeting.md").write_text(FIRST)
    return top


@pytest.mark.parametrize("name", ["claude", "codex", "pi"])
def test_the_folder_of_the_seed_is_worked_through(name: str, tmp_path: Path, require: Require) -> None:
    cli = installed(name, require)
    script = Script(
        sessions=(
            verify("hello", report=True),
            verify("bye", report=False),
            verify("seed", report=False),
            write_specs(),
            implement("hello"),
            implement("bye"),
        )
    )
    with cli_world(tmp_path) as world, ModelServer(script, key=world.canary.key) as server:
        world.connect(server)
        top = workspace(world)
        model = ("--model", cli.option) if cli.option else ()
        told = world.fabrik("backlog", "run", "--dir", top / "ralph", "--agent", name, *model).stdout

        assert "all 3 specs are done" in told
        log = git("log", "--reverse", "--format=%s", cwd=top / "repo-a").splitlines()
        assert log == ["base", "Add hello", "Add bye"]
        done = top / "ralph" / "specs" / "done"
        assert git("rev-parse", "HEAD^", cwd=top / "repo-a") in (done / "0002-greeting.md").read_text()
        farewell = (done / "area" / "0003-farewell.md").read_text()
        assert git("rev-parse", "HEAD", cwd=top / "repo-a") in farewell
        assert (top / "ralph" / "SCRATCHPAD.md").read_text() == (
            "begun with the original\nrepo-a greets in English\n"
        )
        assert [row[0] for row in rows(world, "SELECT status FROM runs ORDER BY seq")] == ["done"] * 3
        assert world.usage().calls == 4
        world.assert_clean()
