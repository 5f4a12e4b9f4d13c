"""The exported JSON schemas say what the readers accept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from spec_texts import SPEC, TODO, put

from fabrik.cli.spec_schema import schema as command
from fabrik.errors import UsageError
from fabrik.specs.model import STATUSES
from fabrik.specs.read import load
from fabrik.specs.schema import NAMES, Name, file_name, generated, schema, text


def test_the_schema_of_a_spec() -> None:
    found = schema("spec")
    assert found["$schema"].endswith("2020-12/schema") and found["title"] == "fabrik spec"
    assert found["additionalProperties"] is False
    assert set(found["required"]) == {
        *["v", "id", "title", "status", "version", "lastUpdated"],
        *["goals", "nonGoals", "req", "accept", "assume"],
    }
    assert set(found["properties"]) == {
        *found["required"],
        "$schema",
        "supersedes",
        "dependsOn",
        "cfg",
        "checks",
        "holdout",
        "mayChange",
        "prose",
        "comments",
    }
    assert found["properties"]["goals"]["minItems"] == 1
    assert found["properties"]["status"]["enum"] == list(STATUSES)


def test_checks_may_be_commands_or_objects() -> None:
    item = schema("spec")["properties"]["checks"]["items"]
    assert {"type": "string"} in item["anyOf"]
    assert {"$ref": "#/$defs/CheckDocument"} in item["anyOf"]


def test_the_schema_of_a_todo() -> None:
    found = schema("todo")
    assert set(found["required"]) == {"v", "id", "tdd", "dod", "tasks"}
    assert found["$defs"]["TaskDocument"]["required"] == ["id", "do", "verify"]
    assert found["properties"]["tasks"]["minItems"] == 1


@pytest.mark.parametrize("name", ["spec", "todo"])
def test_it_is_plain_json(name: Name) -> None:
    assert json.loads(json.dumps(schema(name))) == schema(name)


@pytest.mark.parametrize("name", NAMES)
def test_the_published_files_are_current(name: Name) -> None:
    """Else: write what `fabrik.specs.schema.generated` gives to both places."""
    assert text(name) == generated(name)
    assert (Path(__file__).parents[2] / "docs/schemas" / file_name(name)).read_text() == generated(name)


def test_every_key_says_what_it_is() -> None:
    for name in NAMES:
        assert all("description" in one for one in schema(name)["properties"].values())


def test_a_file_may_name_its_schema(tmp_path: Path) -> None:
    put(tmp_path / "a.todo.json", {"$schema": "todo.schema.json", **TODO})
    assert load(put(tmp_path / "a.json", {"$schema": "spec.schema.json", **SPEC})).todo is not None


def test_the_command(tmp_path: Path) -> None:
    printed = CliRunner().invoke(command, ["todo"])
    assert json.loads(printed.output) == schema("todo")
    assert CliRunner().invoke(command, ["--out", str(tmp_path / "x")]).exit_code == 0
    assert {path.name for path in (tmp_path / "x").iterdir()} == {"spec.schema.json", "todo.schema.json"}
    with pytest.raises(UsageError, match="which schema"):
        CliRunner().invoke(command, [], catch_exceptions=False)
