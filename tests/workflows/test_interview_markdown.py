"""A proposed spec as Markdown: read back, it says the same, whatever is in its texts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from interviews import proposal

from fabrik.specs.draft import Draft
from fabrik.specs.json_spec import read_json_spec
from fabrik.specs.markdown_spec import read_markdown_spec
from fabrik.specs.model import Check, Spec
from fabrik.workflows.interview.markdown import to_markdown


def back(markdown: str) -> Spec:
    draft = Draft(path=Path("find-notes.md"))
    read_markdown_spec(markdown, draft)
    assert draft.spec is not None, draft.problems
    return draft.spec


def test_it_looks_like_one_that_a_person_wrote() -> None:
    text = proposal(nonGoals=["fuzzy search"], mayChange=["tests/test_old.py"]).markdown
    assert text.startswith("---\nid: find-notes\nstatus: ready\n")
    assert "\n# Find notes by their text\n\n## Goals\n\n- people find a note" in text
    assert "## Requirements\n\n### Behavior\n\n- `notes find WORD`" in text
    assert "- [ ] without a match it ends with 1\n" in text
    assert text.endswith("## Verification\n\n```sh\n# tests\npython3 -m pytest -q tests/test_find.py\n```\n")
    assert back(text).may_change == ("tests/test_old.py",)


def test_checks_that_no_code_block_can_hold_stand_in_front() -> None:
    long = "for f in a b; do\n  test -f $f\ndone"
    checks = [{"name": "files", "run": long}, {"run": "make test", "seconds": 5}, "make lint"]
    text = proposal(checks=checks).markdown
    assert "checks:\n  - name:" in text and text.endswith("```sh\nmake lint\n```\n")
    assert set(back(text).checks) == {
        Check(name="files", run=long),
        Check(name="make test", run="make test", seconds=5),
        Check(name="make lint", run="make lint"),
    }


def test_an_example_in_a_requirement_stays_an_example() -> None:
    behavior = "It prints:\n\n```\n3 milk\n\n4 bread\n```\n\nand ends."
    assert back(proposal(req={"behavior": [behavior]}).markdown).behavior == (behavior,)


TEXTS = st.lists(
    st.text(st.sampled_from("ab `#-*>|\n1.)[]x<!~:\t"), min_size=1, max_size=30).filter(str.strip),
    min_size=1,
    max_size=3,
)


@settings(max_examples=150, deadline=None)
@given(goals=TEXTS, accept=TEXTS, behavior=TEXTS, obs=TEXTS)
def test_markdown_says_the_same_or_is_not_written(
    goals: list[str], accept: list[str], behavior: list[str], obs: list[str]
) -> None:
    document: dict[str, Any] = {"v": 1, "id": "x", "title": "X", "status": "ready", "version": "1.0"}
    document |= {"lastUpdated": "2026-11-20", "goals": goals, "nonGoals": [], "accept": accept, "assume": []}
    document |= {"req": {"api": [], "behavior": behavior, "obs": obs}, "checks": ["make test"]}
    draft = Draft(path=Path("x.json"))
    read_json_spec(json.dumps(document), draft)
    assert draft.spec is not None
    text = to_markdown(document)
    if text is None:
        return
    found = back(text)
    for name in ("goals", "accept", "behavior", "obs"):
        wanted = getattr(draft.spec, name)
        flat = tuple(" ".join(one.split()) for one in wanted)
        assert getattr(found, name) in (wanted, flat)
    assert found.checks == draft.spec.checks
