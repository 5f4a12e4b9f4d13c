"""What the tests of the backlog share: a workspace as its users have it, and agents as scripts."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import World, git

PHRASE = "I AM HYPER SURE I AM DONE!"
SAY = f'say() {{ printf "DONE REPORT\\n%s\\n{PHRASE}\\n" "$1"; }}'

NUMBER = """
n=$(printf %s "$PROMPT" | grep -m1 '^It is `specs/' | grep -o '[0-9]\\{4\\}-' | head -n 1 | tr -d -)
"""
# Does the spec whose number is n: writes done-n.txt and commits it.
WORK = (
    NUMBER
    + """
echo "$n" > "done-$n.txt"
git add -A
git commit -q -m "Do $n" || true
"""
)
IMPLEMENT = WORK + 'say "$(git rev-parse HEAD)"'
# Looks whether the commit has any done-file, and answers with the contract alone.
VERIFY = """
ls done-*.txt > /dev/null || { echo "there is no done file"; exit 0; }
printf "VERIFICATION REPORT\\nall there\\n%s\\n" "$FABRIK_COMMIT"
echo "I AM HYPER SURE I AM DONE!"
"""


@dataclass
class Backlog(World):
    """A world whose project is `repo-a` in a workspace, with the backlog folder `ralph` beside it."""

    @property
    def workspace(self) -> Path:
        return self.directory / "workspace"

    @property
    def project(self) -> Path:
        return self.workspace / "repo-a"

    @property
    def ralph(self) -> Path:
        return self.workspace / "ralph"

    def begin(self, *repositories: str) -> None:
        """The workspace with repo-a, further repositories, and an empty backlog."""
        self.workspace.mkdir()
        self.make_project()
        for name in repositories:
            self.repository(name)
        (self.ralph / "specs").mkdir(parents=True)

    def repository(self, name: str) -> Path:
        place = self.workspace / name
        git("clone", "-q", str(self.project), str(place), cwd=self.workspace)
        git("config", "user.name", "Ada", cwd=place)
        git("config", "user.email", "ada@example.org", cwd=place)
        return place

    def spec(
        self,
        path: str,
        *,
        repo: str | None = "repo-a",
        depends: tuple[str, ...] = (),
        verification: str | None = None,
        more: str = "",
    ) -> Path:
        """A spec in the structure that the seed recommends."""
        number = Path(path).name[:4]
        lines = [f"# {number} - Do {number}", ""]
        lines += [f"Repo: {repo}"] if repo else []
        lines += ["", "## Goal", f"done-{number}.txt is there.", ""]
        if depends:
            lines += ["## Dependencies", *(f"- {name}" for name in depends), ""]
        lines += ["## Acceptance criteria", f"- done-{number}.txt holds {number}", ""]
        command = verification if verification is not None else f"grep -q {number} done-{number}.txt"
        lines += ["## Verification (fast-first)", "```bash", command, "```", more, ""]
        place = self.ralph / "specs" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("\n".join(lines))
        return place

    def agent(self, implement: str = IMPLEMENT, verify: str = VERIFY) -> Path:
        """A program that plays both parts."""
        return self.make_agent(
            f'#!/bin/sh\nset -eu\n{SAY}\nPROMPT=$(cat)\ncase "$FABRIK_ROLE" in\n'
            f"verify)\n{verify}\n;;\n*)\n{implement}\n;;\nesac\n"
        )

    def backlog(
        self, *options: str | Path, agent: Path | None = None, status: int | None = 0
    ) -> subprocess.CompletedProcess[str]:
        """`fabrik backlog run` in the workspace."""
        return self.fabrik(
            *("backlog", "run", "--dir", self.ralph),
            *("--agent", "command", "--agent-command", agent or self.agent()),
            *options,
            status=status,
        )

    def status(self) -> dict[str, dict[str, Any]]:
        """What `fabrik backlog status` says of each spec."""
        shown = self.fabrik("backlog", "status", "--dir", self.ralph, "--json").stdout
        entries = [json.loads(line) for line in shown.splitlines()]
        return {entry["spec"]: entry for entry in entries}

    def done(self, spec: str) -> str | None:
        """The text of a done marker."""
        place = self.ralph / "specs" / "done" / spec
        return place.read_text() if place.exists() else None

    def candidate(self, spec: str) -> dict[str, Any] | None:
        place = self.ralph / "specs" / "candidates" / f"{spec.removesuffix('.md')}.json"
        return json.loads(place.read_text()) if place.exists() else None

    def put_candidate(self, spec: str, content: Mapping[str, Any]) -> None:
        place = self.ralph / "specs" / "candidates" / f"{spec.removesuffix('.md')}.json"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps(content))

    def put_done(self, spec: str, text: str = "done\n") -> None:
        place = self.ralph / "specs" / "done" / spec
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)

    def head(self, name: str = "repo-a") -> str:
        return git("rev-parse", "HEAD", cwd=self.workspace / name)

    def log(self) -> str:
        place = self.ralph / "ralph.log"
        return place.read_text() if place.exists() else ""

    def logs(self, spec: str, name: str) -> list[str]:
        """The logs of this name of all goes at a spec."""
        found = sorted((self.ralph / "runs" / spec.removesuffix(".md")).glob(f"*/{name}"))
        return [path.read_text() for path in found]

    def sessions(self, kind: str) -> int:
        """How many steps of a kind the last run has: implement#, review#."""
        from harness import rows

        run = self.last().id
        found = rows(self, "SELECT count(*) FROM steps WHERE run_id = ? AND key GLOB ?", [run, kind])
        return int(found[0][0])


def forget(world: Backlog, run: str, step: str) -> None:
    """Make a finished run one that was interrupted in this step."""
    with closing(sqlite3.connect(world.home / "ledger.db")) as db:
        first = db.execute("SELECT seq FROM steps WHERE run_id = ? AND key = ?", [run, step]).fetchone()
        db.execute("DELETE FROM steps WHERE run_id = ? AND seq >= ?", [run, first[0]])
        db.execute("UPDATE runs SET status = 'running', finished_at = NULL WHERE id = ?", [run])
        db.commit()
