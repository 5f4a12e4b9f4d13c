"""Many specs at once, and the command that validates them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from spec_texts import MARKDOWN, SPEC, TODO, changed, put

from fabrik.cli.spec import spec as command
from fabrik.errors import UsageError
from fabrik.specs.validate import inspect, validate


def found_in(*paths: Path) -> list[str]:
    return [f"{Path(p.file).name}: {p.where}: {p.what}" for p in validate(list(paths))]


def test_a_directory_of_sound_specs(tmp_path: Path) -> None:
    put(tmp_path / "0001-search.json", SPEC)
    put(tmp_path / "0001-search.todo.json", TODO)
    put(tmp_path / "0002-index.md", f"---\ndependsOn: [0001-search]\n---\n{MARKDOWN}")
    report = inspect([tmp_path])
    assert report.errors == () and report.files == 3
    assert [spec.id for spec in report.specs] == ["0001-search", "0002-index"]


def test_what_is_no_spec_in_a_directory_is_left_alone_and_told(tmp_path: Path) -> None:
    put(tmp_path / "0001-search.json", SPEC)
    put(tmp_path / "0001-search.md", MARKDOWN)  # prose beside the JSON, as the original has it
    put(tmp_path / "0001-search.TODO.md", MARKDOWN)
    put(tmp_path / "0001-search.min.json", "junk")
    put(tmp_path / "README.md", "# Specs\n\n## Goals\n\n- explain\n")
    put(tmp_path / "PRD.md", "# Search\n\n## Goals\n\n- be found\n")
    put(tmp_path / "PRD-search.md", "# Search\n\n## Goals\n\n- be found\n")
    put(tmp_path / "NOTES.md", "# Notes\n")
    put(tmp_path / "package.json", {"name": "x", "version": "1"})
    put(tmp_path / "list.json", [])
    put(tmp_path / "schema" / "x.json", "{")
    report = inspect([tmp_path])
    assert report.errors == () and report.files == 1
    assert {path.name for path in report.skipped} == {"NOTES.md", "package.json", "list.json"}


def test_what_is_named_is_never_left_alone(tmp_path: Path) -> None:
    path = put(tmp_path / "package.json", {"name": "x"})
    assert any("`goals`" in line or "goals: is missing" in line for line in found_in(path))


@pytest.mark.parametrize("content", ["{", "{}", "", b"\xff", {"goals": []}])
def test_what_may_be_a_broken_spec_is_not_left_alone(tmp_path: Path, content: object) -> None:
    put(tmp_path / "s.json", content)
    assert found_in(tmp_path)


def test_wrapped_markdown_counts_where_the_markdown_itself_is_not_there(tmp_path: Path) -> None:
    put(tmp_path / "a.md.min.json", {"_type": "markdown", "path": "a.md", "content": MARKDOWN})
    put(tmp_path / "b.md.min.json", "junk")
    put(tmp_path / "b.md", MARKDOWN)
    assert [spec.path.name for spec in inspect([tmp_path]).specs] == ["a.md.min.json", "b.md"]


def test_every_error_of_every_file(tmp_path: Path) -> None:
    put(tmp_path / "a.json", changed(SPEC, "goals", to=[]) | {"id": "a"})
    put(tmp_path / "b.json", "{")
    put(tmp_path / "c.md", "no spec, but it has a todo")
    put(tmp_path / "c.todo.json", changed(TODO, "tasks", 1, "id", to="index"))
    put(tmp_path / "d.md", MARKDOWN.replace("# Search\n", "").replace("make test\n", ""))
    assert found_in(tmp_path) == [
        "a.json: goals: must not be empty",
        "b.json: line 1, column 2: is not valid JSON: Expecting property name enclosed in double quotes",
        "d.md: : has no title",
        "c.todo.json: tasks[1].id: the id 'index' is that of tasks[0] as well",
    ]


def test_two_specs_with_one_id(tmp_path: Path) -> None:
    put(tmp_path / "a.json", SPEC)
    put(tmp_path / "b.json", SPEC | {"id": "0001-SEARCH"})
    (line,) = found_in(tmp_path)
    assert line.startswith("b.json: id: the spec's id '0001-SEARCH' is that of ") and line.endswith(
        "a.json as well"
    )


def test_the_same_file_named_twice_is_one(tmp_path: Path) -> None:
    path = put(tmp_path / "a.json", SPEC)
    assert found_in(path, tmp_path, path) == []


def test_dependencies(tmp_path: Path) -> None:
    for name, needs in {"a": "b", "b": "c", "c": "b", "d": "d", "e": "x", "f": "e"}.items():
        put(tmp_path / f"{name}.json", SPEC | {"id": name, "dependsOn": [needs]})
    assert found_in(tmp_path) == [
        "b.json: dependsOn: the dependencies go in a circle: b → c → b",
        "d.json: dependsOn: the dependencies go in a circle: d → d",
        "e.json: dependsOn: depends on 'x', and there is no such spec",
    ]


def test_one_file_is_seen_with_its_neighbours(tmp_path: Path) -> None:
    put(tmp_path / "b.json", SPEC | {"id": "b", "dependsOn": ["a"]})
    path = put(tmp_path / "a.json", SPEC | {"id": "a", "dependsOn": ["b"]})
    assert found_in(path) == ["a.json: dependsOn: the dependencies go in a circle: a → b → a"]


def test_a_dependency_on_a_spec_with_other_errors_exists(tmp_path: Path) -> None:
    put(tmp_path / "a.json", SPEC | {"id": "a", "dependsOn": ["b"]})
    put(tmp_path / "b.json", changed(SPEC, "goals", to=[]) | {"id": "b"})
    assert found_in(tmp_path) == ["b.json: goals: must not be empty"]


def test_a_long_chain_of_dependencies(tmp_path: Path) -> None:
    for number in range(300):
        put(tmp_path / f"{number}.json", SPEC | {"id": f"s{number}", "dependsOn": [f"s{(number + 1) % 300}"]})
    (line,) = found_in(tmp_path)
    assert line.count("→") == 300


def test_a_spec_without_checks_is_left_to_a_project_that_has_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "specs" / "a.json", {key: value for key, value in SPEC.items() if key != "checks"})
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    for agents, status, said in (
        ("# Be kind\n", 2, "error: specs/a.json: has no check: nothing could prove"),
        ("## Validation\n\n- Tests: `make test`\n", 0, "warning: specs/a.json: has no check of its own"),
    ):
        (tmp_path / "AGENTS.md").write_text(agents)
        told = CliRunner().invoke(command, ["validate"])
        assert (told.exit_code, said in told.output) == (status, True), told.output


@pytest.mark.parametrize(("status", "count"), [("draft", 1), ("ready", 1), ("done", 0), ("superseded", 0)])
def test_a_spec_without_checks_is_an_error_while_somebody_may_run_it(
    tmp_path: Path, status: str, count: int
) -> None:
    path = put(tmp_path / "s.json", changed(SPEC, "checks", to=...) | {"status": status})
    assert len([line for line in found_in(path) if "has no check" in line]) == count


def test_held_out_files_are_looked_for(tmp_path: Path) -> None:
    path = put(tmp_path / "s.json", SPEC | {"holdout": [{"run": "x", "files": ["nowhere"]}]})
    assert "its held-out file nowhere: there is no such file" in found_in(path)[0]


class TestCommand:
    def test_errors_are_shown_with_what_to_do(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        put(tmp_path / "specs/a.json", changed(SPEC, "accept", to=[]) | {"gaols": []})
        put(tmp_path / "specs/b.json", SPEC | {"checks": ["true"]})
        monkeypatch.chdir(tmp_path)
        result = CliRunner().invoke(command, ["validate"])
        assert result.exit_code == 2
        assert result.output.splitlines() == [
            "error: specs/a.json: accept: must not be empty",
            "error: specs/a.json: gaols: is not a known key",
            "  → did you mean `goals`?",
            "error: specs/b.json: id: the spec's id '0001-search' is that of specs/a.json as well",
            "  → give every spec its own id",
            "warning: specs/b.json: check 'true': can never fail, so it proves nothing",
            "  → let it end with another exit status than 0 while the work is not done",
            "2 files, 3 errors, 1 warning",
        ]

    def test_nothing_wrong(self, tmp_path: Path) -> None:
        result = CliRunner().invoke(command, ["validate", str(put(tmp_path / "a.md", MARKDOWN))])
        assert (result.exit_code, result.output) == (0, "1 file, 0 errors, 0 warnings\n")

    def test_json(self, tmp_path: Path) -> None:
        path = put(tmp_path / "a.json", "[]")
        result = CliRunner().invoke(command, ["validate", "--json", str(path)])
        assert result.exit_code == 2
        assert json.loads(result.output) == {
            "files": 1,
            "errors": [{"file": str(path), "where": "", "what": "must be an object: { … }", "todo": ""}],
            "warnings": [],
            "skipped": [],
        }

    def test_nothing_there(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        result = CliRunner().invoke(command, ["validate"])
        assert isinstance(result.exception, UsageError) and "fabrik spec new" in result.exception.todo

    def test_escape_sequences_in_a_file_do_not_reach_the_terminal(self, tmp_path: Path) -> None:
        path = put(tmp_path / "a.json", SPEC | {"\x1b[2Jgoals\x07": []})
        assert "\x1b" not in CliRunner().invoke(command, ["validate", str(path)]).output
