"""JSON schemas of the files that people write, for editors and other tools."""

from __future__ import annotations

from typing import Any, Literal

from pydantic.json_schema import GenerateJsonSchema

from fabrik.specs.documents import Document, SpecDocument, TodoDocument

Name = Literal["spec", "todo"]
_DOCUMENTS: dict[Name, type[Document]] = {"spec": SpecDocument, "todo": TodoDocument}


def schema(name: Name) -> dict[str, Any]:
    """The JSON schema (draft 2020-12) of spec.json or todo.json.

    It says less than validation: ids, lengths of lists of requirements and names are checked there.
    """
    document = _DOCUMENTS[name].model_json_schema(mode="validation")
    return {"$schema": GenerateJsonSchema.schema_dialect, **document, "title": f"fabrik {name}"}
