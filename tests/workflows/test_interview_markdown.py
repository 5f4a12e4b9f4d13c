"""A proposed spec as Markdown: read back, it says the same, whatever is in its texts."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from interviews import proposal, read, spec

from fabrik.specs.draft import Draft
from fabrik.specs.markdown_spec import read_markdown_spec
from fabrik.specs.model import Check, Spec
from fabrik.workflows.interview.model import Proposal


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
    assert "- without a match it ends with 1\n" in text
    assert text.endswith("## Verification\n\n```sh\n# tests\npython3 -m pytest -q tests/test_find.py\n```\n")
    assert back(text).may_change == ("tests/test_old.py",)


def test_checks_that_no_code_block_can_hold_stand_in_front() -> None:
    long = "for f in a b; do\n  test -f $f\ndone"
    checks = [{"name": "files", "run": long}, {"run": "make test", "seconds": 5}, "make lint"]
    text = proposal(checks=checks).markdown
    assert "\nchecks:\n" in text.partition("# Find notes")[0]
    assert back(text).checks == (
        Check(name="files", run=long),
        Check(name="make test", run="make test", seconds=5),
        Check(name="make lint", run="make lint"),
    )


def test_an_example_in_a_requirement_stays_an_example() -> None:
    behavior = "It prints:\n\n```\n3 milk\n\n4 bread\n```\n\nand ends."
    assert back(proposal(req={"behavior": [behavior]}).markdown).behavior == (behavior,)


TEXTS = st.lists(
    st.text(st.sampled_from("ab `#-*>|\n1.)[]x<!~:\t"), min_size=1, max_size=30).filter(str.strip),
    min_size=1,
    max_size=3,
)


@settings(max_examples=100, deadline=None)
@given(goals=TEXTS, accept=TEXTS, behavior=TEXTS, obs=TEXTS)
def test_markdown_says_the_same_whatever_is_in_the_texts(
    goals: list[str], accept: list[str], behavior: list[str], obs: list[str]
) -> None:
    found = read(
        {
            "v": 1,
            "spec": spec(goals=goals, accept=accept, req={"behavior": behavior, "obs": obs}),
        }
    )
    assert isinstance(found, Proposal), found
    made = back(found.markdown)
    assert list(made.goals) == found.document["goals"] and list(made.accept) == found.document["accept"]
    assert list(made.behavior) == found.document["req"]["behavior"]
    assert list(made.obs) == found.document["req"]["obs"]
    assert [check.run for check in made.checks] == [check["run"] for check in found.document["checks"]]
