"""Which tasks a run works on. Pure."""

from __future__ import annotations

from dataclasses import replace

from fabrik.specs.model import Spec, Task, Todo

WHOLE = "1"  # the id of the one task of a spec without a todo


def tasks_of(spec: Spec, todo: Todo | None) -> tuple[Task, ...]:
    """The tasks of the todo in their order; one task, the whole spec, when there is no todo.

    A task that does not say how it is verified is held to the spec's acceptance criteria. The todo's
    definition of done holds for every task.
    """
    accept = _bullets(spec.accept)
    if todo is None:
        return (Task(id=WHOLE, do=f"Implement the whole specification: {spec.title}", verify=accept),)
    done = f"\n\nDefinition of done:\n\n{_bullets(todo.dod)}" if todo.dod else ""
    first = "\n\nWrite the tests first, see them fail, then implement." if todo.tdd else ""
    return tuple(
        replace(task, do=task.do + first, verify=(task.verify or _own(accept)) + done) for task in todo.tasks
    )


def _own(accept: str) -> str:
    return f"The acceptance criteria that this task is about hold:\n\n{accept}"


def _bullets(texts: tuple[str, ...]) -> str:
    return "\n".join("- " + text.replace("\n", "\n  ") for text in texts)
