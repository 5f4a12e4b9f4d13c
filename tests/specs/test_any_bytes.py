"""Whatever is in a file: the readers give a value or SpecErrors, and agents nothing of a held-out check."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from spec_texts import MARKDOWN, SPEC, TODO, put

from fabrik.problems import Problem
from fabrik.specs.read import SpecErrors, load, read_spec, read_todo
from fabrik.specs.validate import inspect

SLOW_MACHINE = settings(deadline=None)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
# Pieces that mean something in Markdown, to get further than noise does.
PIECES = st.sampled_from(
    [
        *[
            "---\n",
            "id: x\n",
            "checks:\n  - a\n",
            "holdout:\n  - b\n",
            "dependsOn: [x, y]\n",
            "# T\n",
            "## Goals\n",
        ],
        *[
            "## Acceptance Criteria\n",
            "## Verification\n",
            "## Tasks\n",
            "### 1. x\n",
            "```sh\n",
            "```\n",
            "~~~\n",
        ],
        *[
            "- a\n",
            "  - b\n",
            "1. c\n",
            "\n",
            "   d\n",
            "Verify: e\n",
            "<!--",
            "-->\n",
            "===\n",
            "\t",
            "$ make\n",
            "\\\n",
        ],
    ]
)
NAMES = st.sampled_from(["a.json", "a.md", "spec-a b.md", "a.md.min.json", "a.min.json", "a.mdx"])


def tried(name: str, content: Any) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = put(Path(directory, name), content)
        for reader in (read_spec, read_todo, load):
            try:
                reader(path)
            except SpecErrors as error:
                assert error.problems and str(error)
                assert all(isinstance(problem, Problem) and problem.what for problem in error.problems)
        inspect([path, Path(directory)])


@SLOW_MACHINE
@given(NAMES, st.binary(max_size=300))
def test_any_bytes(name: str, content: bytes) -> None:
    tried(name, content)


@SLOW_MACHINE
@given(NAMES, st.text(max_size=300))
def test_any_text(name: str, content: str) -> None:
    tried(name, content.encode("utf-8", "surrogatepass"))


@SLOW_MACHINE
@given(NAMES, st.lists(PIECES | st.text(max_size=5), max_size=25).map("".join))
def test_any_markdown(name: str, content: str) -> None:
    tried(name, content.encode("utf-8", "surrogatepass"))


@SLOW_MACHINE
@given(st.sampled_from([*SPEC, "holdout", "cfg", "dependsOn", "x"]), JSON)
def test_any_value_in_a_spec(key: str, value: Any) -> None:
    tried("a.json", json.dumps(SPEC | {key: value}).encode())


@SLOW_MACHINE
@given(st.sampled_from([*TODO]), JSON)
def test_any_value_in_a_todo(key: str, value: Any) -> None:
    tried("a.todo.json", json.dumps(TODO | {key: value}).encode())


@SLOW_MACHINE
@given(st.dictionaries(st.sampled_from(["id", "v", "title", "status", "checks", "holdout", "cfg"]), JSON))
def test_any_front_matter(values: dict[str, Any]) -> None:
    front = yaml.safe_dump(values, allow_unicode=True)
    tried("a.md", f"---\n{front}---\n{MARKDOWN}".encode("utf-8", "surrogatepass"))


WORD = st.text(alphabet="abcxyz", min_size=3, max_size=12).map(lambda word: f"s3cret-{word}")


@SLOW_MACHINE
@given(
    holdout=st.lists(
        WORD | st.fixed_dictionaries({"run": WORD, "name": WORD, "files": st.dictionaries(WORD, WORD)}),
        min_size=1,
        max_size=4,
        unique_by=str,
    ),
    flow=st.booleans(),
    others=st.permutations(["id: a", "title: T", "checks:\n  - make\n  # s3cret-comment", "version: '1'"]),
)
def test_nothing_held_out_is_in_the_text_for_agents(
    holdout: list[Any], flow: bool, others: list[str]
) -> None:
    block = yaml.safe_dump({"holdout": holdout}, default_flow_style=flow)
    front = "\n".join([*others[:2], block.rstrip(), *others[2:]]) if not flow else block.rstrip()
    with tempfile.TemporaryDirectory() as directory:
        texts = []
        for name, content in (
            ("a.md", f"---\n{front}\n---\n{MARKDOWN}"),
            ("a.json", SPEC | {"holdout": holdout}),
        ):
            path = put(Path(directory, name), content)
            spec = read_spec(path)
            assert len(spec.holdout) == len(holdout)
            texts.append(spec.source)
    assert not any("s3cret" in text for text in texts)
