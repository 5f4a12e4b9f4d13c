"""spec.json and todo.json: what is right is read whole, what is wrong is told with its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from spec_texts import SPEC, TODO, changed, put

from fabrik.problems import Problem
from fabrik.specs.model import Check, HeldOutCheck, Task
from fabrik.specs.read import SpecErrors, read_spec, read_todo


def errors_of(path: Path) -> tuple[Problem, ...]:
    with pytest.raises(SpecErrors) as caught:
        read_todo(path) if path.name.endswith(".todo.json") else read_spec(path)
    assert caught.value.exit_status == 2
    assert all(problem.file == str(path) for problem in caught.value.problems)
    return caught.value.problems


def test_everything_in_a_spec_is_read(tmp_path: Path) -> None:
    document = SPEC | {
        "nonGoals": ["no ranking"],
        "req": {"api": ["a"], "behavior": ["b", "bb"], "obs": ["o"]},
        "assume": ["there is an index"],
        "supersedes": ["0000-old"],
        "dependsOn": ["0002-index"],
        "cfg": {"env": ["SEARCH_LIMIT (default: 10)"]},
        "checks": ["make test", {"run": "make lint", "name": "lint", "seconds": 5}],
        "holdout": [
            "sh hidden.sh",
            {"run": "sh h2.sh", "files": {"h2.sh": "hidden/h2.sh"}},
            {"run": "sh h3.sh", "files": ["h3.sh"]},
        ],
    }
    spec = read_spec(put(tmp_path / "s.json", document))
    assert (spec.id, spec.title, spec.status) == ("0001-search", "Search", "ready")
    assert (spec.goals, spec.non_goals) == (("users find things",), ("no ranking",))
    assert (spec.api, spec.behavior, spec.obs) == (("a",), ("b", "bb"), ("o",))
    assert (spec.accept, spec.assume) == (("a known word is found",), ("there is an index",))
    assert (spec.supersedes, spec.depends_on) == (("0000-old",), ("0002-index",))
    assert spec.env == ("SEARCH_LIMIT (default: 10)",)
    assert spec.checks == (
        Check(name="make test", run="make test"),
        Check(name="lint", run="make lint", seconds=5.0),
    )
    assert spec.holdout == (
        HeldOutCheck(name="sh hidden.sh", run="sh hidden.sh"),
        HeldOutCheck(name="sh h2.sh", run="sh h2.sh", files={"h2.sh": "hidden/h2.sh"}),
        HeldOutCheck(name="sh h3.sh", run="sh h3.sh", files={"h3.sh": "h3.sh"}),
    )


def test_the_text_for_agents_has_no_held_out_checks(tmp_path: Path) -> None:
    secret = {"name": "s3cret-name", "run": "sh s3cret-run", "files": {"s3cret-to": "s3cret-from"}}
    spec = read_spec(put(tmp_path / "s.json", SPEC | {"holdout": [secret]}))
    assert "s3cret" not in spec.source
    assert "holdout" not in spec.source
    assert "users find things" in spec.source and "make test" in spec.source


def test_the_text_for_agents_is_the_file_where_nothing_is_held_out(tmp_path: Path) -> None:
    path = put(tmp_path / "s.json", SPEC)
    assert read_spec(path).source == path.read_text()


@pytest.mark.parametrize(
    ("path", "value", "where", "what"),
    [
        (("v",), 2, "v", "must be 1"),
        (("v",), "1", "v", "must be 1"),
        (("v",), ..., "v", "is missing"),
        (("id",), "a b", "id", "cannot be part of a branch name"),
        (("id",), "", "id", "cannot be part of a branch name"),
        (("id",), "a..b", "id", "cannot be part of a branch name"),
        (("id",), "a.lock", "id", "cannot be part of a branch name"),
        (("id",), "-a", "id", "cannot be part of a branch name"),
        (("id",), "a/b", "id", "cannot be part of a branch name"),
        (("id",), "x" * 65, "id", "cannot be part of a branch name"),
        (("id",), 1, "id", "must be a text in quotes, not a number"),
        (("title",), "  ", "title", "must not be empty"),
        (("title",), "a\nb", "title", "must be one line"),
        (("status",), "redy", "status", "must be one of draft, ready, in-progress, review, done, superseded"),
        (("version",), 1.0, "version", "must be a text in quotes, not a number"),
        (("lastUpdated",), ..., "lastUpdated", "is missing"),
        (("goals",), [], "goals", "must not be empty"),
        (("goals",), "one", "goals", "must be a list, not a text"),
        (("goals",), ["a", " "], "goals[1]", "must not be empty"),
        (("goals",), ["a", None], "goals[1]", "must be a text in quotes, not null"),
        (("accept",), [], "accept", "must not be empty"),
        (("nonGoals",), ..., "nonGoals", "is missing"),
        (("req",), [], "req", "must be an object, not a list"),
        (("req", "obs"), ..., "req.obs", "is missing"),
        (("req", "docs"), [], "req.docs", "is not a known key"),
        (("goal",), [], "goal", "is not a known key"),
        (("cfg",), {"env": "A"}, "cfg.env", "must be a list, not a text"),
        (("checks",), "make", "checks", "must be a list, not a text"),
        (("checks",), [""], "checks[0].run", "must not be empty"),
        (("checks",), [{"name": "x"}], "checks[0].run", "is missing"),
        (("checks",), [{"run": "a\0b"}], "checks[0].run", "NUL"),
        (("checks",), [{"run": "x", "seconds": 0}], "checks[0].seconds", "must be more than 0"),
        (
            ("checks",),
            [{"run": "x", "seconds": True}],
            "checks[0].seconds",
            "must be a number, not true or false",
        ),
        (("checks",), [{"run": "x", "files": {}}], "checks[0].files", "is not a known key"),
        (("checks",), [{"run": "x", "name": "a\nb"}], "checks[0].name", "must be one line"),
        (("checks",), ["x", "x"], "checks[1]", "is there twice"),
        (
            ("checks",),
            [{"run": "x", "name": "n"}, {"run": "y", "name": "n"}],
            "checks[1]",
            "the name 'n' is given to two checks",
        ),
        (("holdout",), [{"run": "x", "files": {"/etc/x": "x"}}], "holdout[0].files./etc/x", "leads out"),
        (
            ("holdout",),
            [{"run": "x", "files": {"a/../../x": "x"}}],
            "holdout[0].files.a/../../x",
            "leads out",
        ),
        (
            ("holdout",),
            [{"run": "x", "files": {".git/hooks/x": "x"}}],
            "holdout[0].files..git/hooks/x",
            "git's own",
        ),
        (("holdout",), [{"run": "x", "files": {"a/.GIT/x": "x"}}], "holdout[0].files.a/.GIT/x", "git's own"),
        (("holdout",), [{"run": "x", "files": ["../x"]}], "holdout[0].files.../x", "leads out"),
        (("holdout",), [{"run": "x", "files": {"d/": "x"}}], "holdout[0].files.d/", "no path of a file"),
    ],
)
def test_one_mistake_gives_one_problem(
    tmp_path: Path, path: tuple[Any, ...], value: Any, where: str, what: str
) -> None:
    problems = errors_of(put(tmp_path / "s.json", changed(SPEC, *path, to=value)))
    assert [problem.where for problem in problems] == [where]
    assert what in problems[0].what


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("goal", "goals"),
        ("non_goals", "nonGoals"),
        ("Title", "title"),
        ("depends_on", "dependsOn"),
        ("check", "checks"),
    ],
)
def test_a_key_that_is_nearly_right_gets_a_hint(tmp_path: Path, key: str, meant: str) -> None:
    (problem,) = errors_of(put(tmp_path / "s.json", SPEC | {key: []}))
    assert problem.todo == f"did you mean `{meant}`?"


def test_a_hint_in_a_nested_object_is_about_that_object(tmp_path: Path) -> None:
    document = SPEC | {"checks": [{"run": "x", "second": 5}]}
    (problem,) = errors_of(put(tmp_path / "s.json", document))
    assert (problem.where, problem.todo) == ("checks[0].second", "did you mean `seconds`?")


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    document = changed(SPEC, "goals", to=[]) | {"id": "a b", "extra": 1}
    del document["title"]
    path = put(tmp_path / "s.json", document)
    problems = errors_of(path)
    assert {problem.where for problem in problems} == {"goals", "id", "extra", "title"}
    message = str(SpecErrors(problems))
    assert message.startswith("4 errors\n")
    assert all(f"{path}: {problem.where}: {problem.what}" in message for problem in problems)


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("", "", "is empty"),
        (" \n", "", "is empty"),
        ("{", "line 1, column 2", "is not valid JSON"),
        ('{\n  "v": 1,\n  "id" "x"\n}', "line 3, column 8", "is not valid JSON"),
        ("[]", "", "must be an object"),
        ('{"v": NaN}', "", "NaN is no JSON number"),
        ('{"title": "\\ud800"}', "", "unpaired surrogate"),
        ("[" * 100_000, "", "is nested too deeply"),
        ('{"v": ' + "1" * 5000 + "}", "", "is not valid JSON"),
        (b"\xef\xbb\xbf{}", "", "starts with a byte order mark"),
        (b"\xff\xfe{\x00}\x00", "", "is UTF-16"),
        (b'{"v": 1,\n "id": "\xff"}', "line 2", "is not UTF-8"),
        (b'{"v": 1,\n\n "id": "\0"}', "line 3", "contains a NUL character"),
    ],
)
def test_what_is_no_json_text(tmp_path: Path, text: str | bytes, where: str, what: str) -> None:
    (problem,) = errors_of(put(tmp_path / "s.json", text))
    assert problem.where == where
    assert what in problem.what


@pytest.mark.parametrize("text", ['{"a": 1,}', '{"a": [1, 2,]}'])
def test_a_trailing_comma_is_pointed_out(tmp_path: Path, text: str) -> None:
    (problem,) = errors_of(put(tmp_path / "s.json", text))
    assert problem.todo == "remove the comma before the closing bracket"


def test_a_key_that_is_there_twice_is_not_dropped_in_silence(tmp_path: Path) -> None:
    path = put(
        tmp_path / "s.todo.json", '{"v": 1, "id": "x", "id": "y", "tdd": true, "dod": [], "tasks": []}'
    )
    problems = errors_of(path)
    assert "the key `id` is there twice in one object" in [problem.what for problem in problems]


def test_files_that_are_none(tmp_path: Path) -> None:
    directory = tmp_path / "d.json"
    directory.mkdir()
    assert errors_of(directory)[0].what == "is a directory"
    assert errors_of(tmp_path / "none.json")[0].what == "there is no such file"
    (tmp_path / "loop.json").symlink_to("loop.json")
    assert errors_of(tmp_path / "loop.json")
    assert "neither Markdown nor JSON" in errors_of(put(tmp_path / "s.txt", "x"))[0].what
    assert "larger than 1024 KiB" in errors_of(put(tmp_path / "big.json", " " * ((1 << 20) + 1)))[0].what


@pytest.mark.parametrize(
    ("said", "status"),
    [("Proposed", "draft"), ("READY", "ready"), ("In Progress", "in-progress"), ("done", "done")],
)
def test_status_as_people_write_it(tmp_path: Path, said: str, status: str) -> None:
    assert read_spec(put(tmp_path / "s.json", SPEC | {"status": said})).status == status


def test_checks_without_names_are_called_by_their_commands(tmp_path: Path) -> None:
    long = "echo " + "x" * 100
    document = SPEC | {
        "checks": [{"run": "a", "name": "b"}, "b", long, long + "y"],
        "holdout": ["b", "line one\nline two"],
    }
    spec = read_spec(put(tmp_path / "s.json", document))
    names = [check.name for check in (*spec.checks, *spec.holdout)]
    assert names[:2] == ["b", "b #2"]
    assert names[2] == long[:59] + "…" and names[3] == names[2] + " #2"
    assert names[4:] == ["b #3", "line one line two"]


def test_a_todo_is_read(tmp_path: Path) -> None:
    document = changed(TODO, "tasks", 1, "checks", to=["make query", {"run": "x", "name": "y"}])
    todo = read_todo(put(tmp_path / "s.todo.json", document | {"tdd": True, "dod": ["make lint"]}))
    assert (todo.id, todo.tdd, todo.dod) == ("0001-search", True, ("make lint",))
    assert todo.tasks == (
        Task(id="index", do="build the index", verify="it is built"),
        Task(
            id="query",
            do="answer queries",
            verify="they are answered",
            checks=(Check(name="make query", run="make query"), Check(name="y", run="x")),
        ),
    )


@pytest.mark.parametrize(
    ("path", "value", "where", "what"),
    [
        (("tasks",), [], "tasks", "must not be empty"),
        (("tasks",), ..., "tasks", "is missing"),
        (("tickets",), [], "tickets", "is not a known key"),
        (("tasks", 1, "id"), "index", "tasks[1].id", "is that of tasks[0] as well"),
        (("tasks", 1, "id"), "INDEX", "tasks[1].id", "is that of tasks[0] as well"),
        (("tasks", 1, "id"), "a#b", "tasks[1].id", "cannot be part of a branch name"),
        (("tasks", 1, "verify"), ..., "tasks[1].verify", "is missing"),
        (("tasks", 0, "do"), "", "tasks[0].do", "must not be empty"),
        (("tasks", 0, "done"), True, "tasks[0].done", "is not a known key"),
        (("tasks", 0), "do it", "tasks[0]", "must be an object, not a text"),
        (("tdd",), 1, "tdd", "must be true or false, not a number"),
        (("dod",), ..., "dod", "is missing"),
        (("tasks", 0, "checks"), ["x", "x"], "tasks[0].checks[1]", "is there twice"),
    ],
)
def test_one_mistake_in_a_todo(
    tmp_path: Path, path: tuple[Any, ...], value: Any, where: str, what: str
) -> None:
    problems = errors_of(put(tmp_path / "s.todo.json", changed(TODO, *path, to=value)))
    assert [problem.where for problem in problems] == [where]
    assert what in problems[0].what


def test_a_todo_given_as_a_spec_is_told_apart(tmp_path: Path) -> None:
    path = put(tmp_path / "s.todo.json", TODO)
    with pytest.raises(SpecErrors, match="is a todo, not a spec"):
        read_spec(path)
