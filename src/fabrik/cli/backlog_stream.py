"""--stream-agent-output: what the agents say, as they say it, between the lines about the run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from fabrik.agents import registry
from fabrik.agents.agent import Agent
from fabrik.cli import store
from fabrik.cli.follow import Lines, View, follow
from fabrik.cli.screen import Screen
from fabrik.cli.text import neutralise, one_line
from fabrik.events import Said, ToolCalled
from fabrik.ledger.store import Ledger
from fabrik.ledger.types import Event, Run
from fabrik.paths import RunPaths
from fabrik.workflows.backlog.taking import Taken

BLOCK = 1 << 20  # bytes that are read at once; a flood of output does not hold up the rest
LONGEST = 2 << 20  # bytes of a line


@dataclass
class _Source:
    """One session's stdout, as far as it was shown."""

    path: Path
    agent: Agent
    offset: int = 0
    partial: bytes = b""


@dataclass
class Streaming:
    """A view that shows the transcripts of sessions besides."""

    inner: View
    screen: Screen
    _sources: dict[str, _Source] = field(default_factory=dict)  # by step

    def event(self, event: Event, run: Run) -> None:
        self._drain()
        step = event.step or ""
        if event.kind == "session.started":
            logs = RunPaths(Path(run.directory)).step_logs(step, int(event.data.get("attempt") or 1))
            agent = registry.load(str(event.data.get("agent") or run.agent))
            self._sources[step] = _Source(path=logs / "stdout.log", agent=agent)
        elif event.kind in ("step.finished", "step.failed"):
            self._sources.pop(step, None)
        if event.kind not in ("session.said", "session.tool"):  # they are shown in full already
            self.inner.event(event, run)

    def tick(self, runs: Iterable[Run]) -> None:
        self._drain()
        self.inner.tick(runs)

    def _drain(self) -> None:
        for source in self._sources.values():
            self._show(source)

    def _show(self, source: _Source) -> None:
        try:
            with source.path.open("rb") as file:
                file.seek(source.offset)
                while block := file.read(BLOCK):
                    source.offset += len(block)
                    *lines, source.partial = (source.partial + block).split(b"\n")
                    for line in lines:
                        self._line(source, line)
                    if len(source.partial) > LONGEST:
                        source.partial = b""
        except OSError:
            return  # not begun yet, or cleared away

    def _line(self, source: _Source, line: bytes) -> None:
        if source.agent.name == "command":  # what it prints is what it says
            self._said(line.decode("utf-8", "replace"))
            return
        for event in source.agent.parse(line):
            match event:
                case Said(text=text):
                    self._said(text)
                case ToolCalled(name=name, summary=summary):
                    self.screen.line(f"  | > {one_line(f'{name}: {summary}', LONGEST)}", "dim")
                case _:
                    pass

    def _said(self, text: str) -> None:
        """Every line of it behind a bar: none may look like one of fabrik's own."""
        for part in neutralise(text).split("\n"):
            self.screen.line(f"  | {part}")


def follow_run(taken: Taken, ledger: Ledger, screen: Screen, *, stream: bool) -> Run:
    """Follow a run to its end; the run as it then is. Raises LedgerError, and KeyboardInterrupt on Ctrl-C."""
    view: View = Lines(screen)
    if stream:
        view = Streaming(view, screen)
    run = follow(ledger, taken.run, view, after=taken.after)
    store.wait_for_worker_to_leave(run)
    screen.clear()
    return ledger.find_run(taken.run)
