"""The exported JSON schemas say what the readers accept."""

from __future__ import annotations

import json

import pytest

from fabrik.specs.model import STATUSES
from fabrik.specs.schema import Name, schema


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
