"""What the tests of trouble and of the commands share: agents that wait, processes, and clear messages."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import HONEST, PROGRAM, World, rows, wait_for

from fabrik.ledger.types import Run

CONFIG = "config/fabrik/config.toml"  # the user's own, below the world's directory


def world_at(directory: Path) -> World:
    """A world with a project, in a directory that is made where it is missing."""
    directory.mkdir(parents=True, exist_ok=True)
    made = World(directory)
    made.make_project()
    return made


def given(world: World, *, spec: Path | None = None, agent: Path | None = None) -> list[str | Path]:
    """The options that say what is to be done, where and by whom."""
    return [
        *("--spec", spec or world.make_spec(), "--project", world.project, "--no-review"),
        *("--agent", "command", "--agent-command", agent or world.make_agent()),
    ]


def refused(world: World, *args: str | Path, status: int = 2, **environment: str) -> str:
    """A command that is refused with one clear message; the message."""
    return clear(world.fabrik(*args, status=status, **environment))


def clear(done: subprocess.CompletedProcess[str]) -> str:
    """The one error message of a command: what, where, what to do; no traceback."""
    said = done.stderr
    assert "Traceback" not in said + done.stdout, said
    assert "unexpected" not in said, said
    assert said.count("error: ") == 1, said
    assert "\n  → " in said, said
    return said


def no_runs(world: World) -> bool:
    """Nothing of a refused run is left."""
    listed = json.loads(world.fabrik("runs", "list", "--json").stdout)
    directories = list((world.home / "runs").iterdir()) if (world.home / "runs").exists() else []
    return not listed and not directories


@dataclass
class Gatekeeper:
    """Holds an agent at a step until it is let go, by a file that its sandbox shows."""

    world: World

    @property
    def signals(self) -> Path:
        return self.world.directory / "signals"

    def agent(self, step: str = "task/2/implement#1", body: str = HONEST) -> Path:
        """An agent that waits in the first start of a step, before it does anything."""
        self.signals.mkdir(exist_ok=True)
        config = self.world.directory / CONFIG
        config.parent.mkdir(parents=True, exist_ok=True)
        config.write_text(f"read_only = [{json.dumps(str(self.signals))}]\n")
        waiting = (
            f'if [ "$FABRIK_STEP" = "{step}" ]; then\n'
            f'  echo waiting; while ! [ -e "{self.signals}/go" ]; do sleep 0.05; done\n'
            "fi\n"
        )
        return self.world.make_agent(body.replace("set -eu\n", "set -eu\n" + waiting))

    def wait(self, run: str | None = None) -> None:
        """Until the agent has come to its step."""
        logs = f"runs/{run or '*'}/logs/*/*/stdout.log"
        wait_for(
            lambda: any(b"waiting" in log.read_bytes() for log in self.world.home.glob(logs)),
            "an agent that waits",
        )

    def let_go(self) -> None:
        (self.signals / "go").touch()


def start(world: World, *args: str | Path, **environment: str) -> subprocess.Popen[str]:
    """A command in the background, in a process group of its own as in a shell."""
    return subprocess.Popen(
        [PROGRAM, *map(str, args)],
        env=world.env(**environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=world.directory,
        process_group=0,
    )


def finish(process: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
    """The end of a command that was started."""
    out, err = process.communicate(timeout=120)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def worker_of(world: World, run: str) -> int:
    """The process id of the run's worker."""
    [(pid,)] = rows(world, "SELECT owner_pid FROM runs WHERE id = ?", [run])
    assert isinstance(pid, int)
    return pid


def is_gone(pid: int) -> bool:
    """The process has ended (a zombie that nobody has reaped counts as ended)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def kill(pid: int, number: signal.Signals = signal.SIGKILL) -> None:
    """End a process that this test has started, and wait until it is gone."""
    os.kill(pid, number)
    wait_for(lambda: is_gone(pid), f"the end of process {pid}")


def has_ledger_open(pid: int, world: World) -> bool:
    """A command has begun to read."""
    ledger = str(world.home / "ledger.db")
    found = []
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.append(str(descriptor.readlink()))
        except OSError:
            continue
    return ledger in found


def waiting_run(world: World, *options: str | Path) -> tuple[Gatekeeper, Run]:
    """A detached run whose agent waits in its second task."""
    keeper = Gatekeeper(world)
    world.fabrik("run", *given(world, agent=keeper.agent()), *(options or ["--auto-approve"]), "--detach")
    run = world.last()
    keeper.wait(run.id)
    return keeper, run


def nothing_left(world: World) -> None:
    """Every process of the world ends."""
    try:
        wait_for(lambda: not world.leftovers(), "the end of every process")
    except AssertionError as error:
        raise AssertionError("\n".join(world.leftovers())) from error


def shipped_well(world: World, run: str, branch: str = "spec-feature") -> None:
    """The run has shipped, with one commit for each task, and nothing is left running."""
    found = json.loads(world.fabrik("runs", "show", run, "--json").stdout)
    assert (found["status"], found["reason"]) == ("shipped", None)
    assert world.commits(branch) == ["Do task 1", "Do task 2"]
    assert (Path(found["directory"]) / "reports" / "done.json").exists()
    nothing_left(world)


def lines(text: str) -> list[dict[str, Any]]:
    """JSON objects, one a line."""
    return [json.loads(line) for line in text.splitlines()]
