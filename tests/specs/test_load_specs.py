"""A spec with its todo, its held-out files and its neighbours."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from spec_texts import MARKDOWN, SPEC, TODO, changed, put

from fabrik.specs.drafts import todo_path_of
from fabrik.specs.model import Check
from fabrik.specs.read import SpecErrors, load
from fabrik.specs.tasks import tasks_of
from fabrik.specs.unchecked import unchecked, weak

HELD_OUT = {"run": "sh t/h.sh", "files": {"t/h.sh": "hidden/h.sh", "t/data": "hidden/data"}}


def problems_of(spec: Path, todo: Path | None = None) -> list[str]:
    with pytest.raises(SpecErrors) as caught:
        load(spec, todo)
    return [str(problem) for problem in caught.value.problems]


def test_a_spec_alone(tmp_path: Path) -> None:
    path = put(tmp_path / "s.json", SPEC)
    loaded = load(path)
    assert (loaded.todo, loaded.todo_path, loaded.todo_bytes) == (None, None, None)
    assert loaded.spec_bytes == path.read_bytes()
    (task,) = tasks_of(loaded.spec, loaded.todo)
    assert (task.id, task.do) == ("1", "Implement the whole specification: Search")
    assert task.verify == "- a known word is found" and task.checks == ()


@pytest.mark.parametrize("name", ["s.json", "s.md", "s.min.json", "s.md.min.json", "s.mdx", "s.MD"])
def test_where_the_todo_is_by_default(name: str) -> None:
    assert todo_path_of(Path("specs", name)) == Path("specs/s.todo.json")


def test_a_spec_with_its_todo(tmp_path: Path) -> None:
    todo = put(tmp_path / "s.todo.json", changed(TODO, "tasks", 0, "checks", to=["make test"]))
    loaded = load(put(tmp_path / "s.json", SPEC))
    assert loaded.todo_path == todo and loaded.todo_bytes == todo.read_bytes()
    first, second = tasks_of(loaded.spec, loaded.todo)
    # The name is that of the spec's own check: the task's is told apart from it.
    assert first.checks == (Check(name="make test #2", run="make test"),)
    assert (second.do, second.verify) == ("answer queries", "they are answered")


def test_a_todo_that_is_named_wins(tmp_path: Path) -> None:
    put(tmp_path / "s.todo.json", "junk that nobody asked for")
    other = put(tmp_path / "other.json", TODO)
    assert load(put(tmp_path / "s.json", SPEC), other).todo_path == other


def test_definition_of_done_and_tests_first(tmp_path: Path) -> None:
    put(tmp_path / "s.todo.json", TODO | {"tdd": True, "dod": ["make lint", "docs"]})
    loaded = load(put(tmp_path / "s.json", SPEC))
    task = tasks_of(loaded.spec, loaded.todo)[0]
    assert task.do.startswith("build the index\n") and "tests first" in task.do
    assert task.verify == "it is built\n\nDefinition of done:\n\n- make lint\n- docs"


def test_a_task_without_a_word_on_verification_gets_the_acceptance_criteria(tmp_path: Path) -> None:
    loaded = load(put(tmp_path / "s.md", f"{MARKDOWN}\n## Tasks\n\n1. all of it\n"))
    assert loaded.todo_path is None
    (task,) = tasks_of(loaded.spec, loaded.todo)
    assert task.do == "all of it" and "- a known word is found" in task.verify


def test_a_todo_may_have_an_id_of_its_own(tmp_path: Path) -> None:
    put(tmp_path / "s.todo.json", TODO | {"id": "todo-0002"})
    loaded = load(put(tmp_path / "s.json", SPEC))
    assert loaded.todo is not None and loaded.todo.id == "todo-0002"


def test_two_lists_of_tasks(tmp_path: Path) -> None:
    path = put(tmp_path / "0001-search.md", f"{MARKDOWN}\n## Tasks\n\n1. all of it\n")
    todo = put(tmp_path / "0001-search.todo.json", TODO)
    (problem,) = problems_of(path)
    assert "lists tasks as well" in problem
    assert load(path, todo).todo_path == todo


def test_problems_of_spec_and_todo_come_together(tmp_path: Path) -> None:
    put(tmp_path / "s.todo.json", changed(TODO, "tasks", to=[]))
    found = problems_of(put(tmp_path / "s.json", changed(SPEC, "goals", to=[])))
    assert len(found) == 2 and "s.json: goals" in found[0] and "s.todo.json: tasks" in found[1]


def test_a_check_of_a_task_with_the_name_of_a_check_of_the_spec(tmp_path: Path) -> None:
    put(tmp_path / "s.todo.json", changed(TODO, "tasks", 0, "checks", to=[{"name": "make test", "run": "x"}]))
    (problem,) = problems_of(put(tmp_path / "s.json", SPEC))
    assert "tasks[0].checks[0]: the name 'make test' is given to two checks" in problem


def test_held_out_files_are_read(tmp_path: Path) -> None:
    put(tmp_path / "hidden/h.sh", "exit 0\n")
    put(tmp_path / "hidden/data", b"\x00\xff")
    loaded = load(put(tmp_path / "s.json", SPEC | {"holdout": [HELD_OUT]}))
    assert loaded.holdout_files == {"hidden/h.sh": b"exit 0\n", "hidden/data": b"\x00\xff"}


def test_held_out_files_that_are_missing_are_told_all_at_once(tmp_path: Path) -> None:
    (tmp_path / "hidden/data").mkdir(parents=True)
    found = problems_of(put(tmp_path / "s.json", SPEC | {"holdout": [HELD_OUT]}))
    assert "its held-out file hidden/h.sh: there is no such file" in found[0]
    assert "its held-out file hidden/data: is a directory" in found[1]


def test_a_held_out_fifo_does_not_hang(tmp_path: Path) -> None:
    (tmp_path / "hidden").mkdir()
    os.mkfifo(tmp_path / "hidden/h.sh")
    put(tmp_path / "hidden/data", "x")
    (problem,) = problems_of(put(tmp_path / "s.json", SPEC | {"holdout": [HELD_OUT]}))
    assert "is not a regular file" in problem


@pytest.mark.parametrize("source", ["../secret", "link", "{root}/secret", "specs/../../secret", "a\0b"])
def test_held_out_files_come_from_the_surroundings_of_the_spec(tmp_path: Path, source: str) -> None:
    """A spec of a cloned repository cannot have a file of the host brought into a sandbox."""
    put(tmp_path / "secret", "key")
    directory = tmp_path / "clone"
    directory.mkdir()
    (directory / "link").symlink_to(tmp_path / "secret")
    held_out = {"run": "x", "files": {"x": source.format(root=tmp_path)}}
    (problem,) = problems_of(put(directory / "s.json", SPEC | {"holdout": [held_out]}))
    assert "lies outside of" in problem or "NUL" in problem


def test_held_out_files_may_lie_elsewhere_in_the_repository_of_the_spec(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    put(tmp_path / "hidden/h.sh", "x")
    held_out = {"run": "x", "files": {"x": "../hidden/h.sh"}}
    loaded = load(put(tmp_path / "specs/s.json", SPEC | {"holdout": [held_out]}))
    assert loaded.holdout_files == {"../hidden/h.sh": b"x"}


def test_a_dependency_beside_the_spec_is_found(tmp_path: Path) -> None:
    put(tmp_path / "0002-index.md", MARKDOWN)
    put(tmp_path / "package.json", "{")
    assert load(put(tmp_path / "s.json", SPEC | {"dependsOn": ["0002-index"]})).spec.depends_on


def test_a_dependency_that_is_not_there(tmp_path: Path) -> None:
    put(tmp_path / "0002-index.md", MARKDOWN)
    (problem,) = problems_of(put(tmp_path / "s.json", SPEC | {"dependsOn": ["0002-inedx"]}))
    assert "dependsOn: depends on '0002-inedx', and there is no such spec" in problem
    assert "did you mean `0002-index`?" in problem


def test_a_circle_of_dependencies(tmp_path: Path) -> None:
    put(tmp_path / "b.json", SPEC | {"id": "b", "dependsOn": ["c"]})
    put(tmp_path / "c.md", f"---\ndependsOn: [a]\n---\n{MARKDOWN}")
    (problem,) = problems_of(put(tmp_path / "a.json", SPEC | {"id": "a", "dependsOn": ["b"]}))
    assert "the dependencies go in a circle: a → b → c → a" in problem


def test_a_spec_without_checks(tmp_path: Path) -> None:
    bare = load(put(tmp_path / "s.json", changed(SPEC, "checks", to=...))).spec
    problem = unchecked(bare)
    assert problem is not None and "--allow-unchecked" in problem.todo and '"checks"' in problem.todo
    markdown = load(put(tmp_path / "x.md", MARKDOWN.replace("```sh", "```text"))).spec
    problem = unchecked(markdown)
    assert problem is not None and "## Verification" in problem.todo
    assert unchecked(load(put(tmp_path / "y.md", MARKDOWN)).spec) is None
    held_out = changed(SPEC, "checks", to=...) | {"holdout": ["make hidden"]}
    assert unchecked(load(put(tmp_path / "z.json", held_out)).spec) is None


@pytest.mark.parametrize(
    ("run", "what"),
    [
        ("true", "can never fail"),
        (":", "can never fail"),
        ("echo done", "can never fail"),
        ("exit 0", "can never fail"),
        ("make test || true", "can never fail"),
        ("make test; exit 0", "can never fail"),
        ("false", "can never pass"),
        ("echo todo >&2; exit 1", "can never pass"),
        ("make test", ""),
        ("make test || exit 1", ""),
        ("if make; then exit 0; else exit 1; fi", ""),
        ("echo $(make version) | grep 2", ""),
        ("test -f done", ""),
    ],
)
def test_checks_that_prove_nothing_are_told(tmp_path: Path, run: str, what: str) -> None:
    loaded = load(put(tmp_path / "s.json", SPEC | {"checks": [run]}))
    found = weak(loaded.spec)
    assert tuple(found) == loaded.problems
    assert [problem.what[: len(what)] for problem in found] == ([what] if what else [])
