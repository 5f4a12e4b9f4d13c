"""A spec that an agent proposes, as Markdown: read back, it is the same spec. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fabrik.specs.converting.content import differences, of_document
from fabrik.specs.converting.markdown_out import markdown
from fabrik.specs.documents import SpecDocument
from fabrik.specs.draft import Draft
from fabrik.specs.markdown_spec import read_markdown_spec
from fabrik.specs.model import Spec


def to_markdown(document: Mapping[str, Any], spec: Spec) -> str | None:
    """The Markdown of a spec.json, which was read as `spec`; None when no Markdown says the same."""
    path = Path(f"{spec.id}.md")
    text = markdown(of_document(SpecDocument.model_validate(document)), None, path)
    draft = Draft(path=path)
    read_markdown_spec(text, draft)
    if draft.spec is None or draft.problems or differences(spec, draft.spec):
        return None
    return text
