"""What the rules of a review look at: the statements of a spec, each with its line, whatever its format."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Said:
    """One statement."""

    text: str
    line: int  # in its file, from 1


@dataclass(frozen=True, kw_only=True)
class TaskSaid:
    """One task, with how it is verified ("" when it does not say)."""

    do: str
    verify: str
    line: int
    file: Path
    binding: bool = True  # False: steps in prose, which are held to the acceptance criteria anyway


@dataclass(frozen=True, kw_only=True)
class CheckSaid:
    """One command that is to decide."""

    name: str
    run: str
    line: int
    file: Path
    held_out: bool = False


@dataclass(kw_only=True)
class Outline:
    """A spec, taken apart."""

    path: Path
    title: Said | None = None
    goals: list[Said] = field(default_factory=list)
    non_goals: list[Said] = field(default_factory=list)
    requirements: list[Said] = field(default_factory=list)
    criteria: list[Said] = field(default_factory=list)
    assumptions: list[Said] = field(default_factory=list)
    tasks: list[TaskSaid] = field(default_factory=list)
    checks: list[CheckSaid] = field(default_factory=list)
    depends_on: list[Said] = field(default_factory=list)
    questions: list[Said] = field(default_factory=list)  # under a heading of open questions
    prose: list[Said] = field(default_factory=list)  # everything else that is text
    comments: list[Said] = field(default_factory=list)  # what agents are not meant to act on
    tests_named: bool = False  # it says which tests prove it, in prose
    runnable: bool = False  # it has the sections that `fabrik run` needs
    overview: bool = False  # it says in prose what it is about

    def statements(self) -> list[Said]:
        """All that is asked for."""
        return [*self.goals, *self.requirements, *self.criteria]

    def everything(self) -> list[Said]:
        """All text that an agent would act on."""
        title = [self.title] if self.title else []
        tasks = [Said(text=f"{task.do}\n{task.verify}".strip(), line=task.line) for task in self.tasks]
        return [*title, *self.statements(), *self.assumptions, *tasks, *self.questions, *self.prose]
