"""Markdown to JSON and back, of whatever people may type."""

from __future__ import annotations

import json
import re
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from convert_kit import same, words
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from spec_texts import put

from fabrik.errors import UsageError
from fabrik.specs.problems import SpecErrors
from fabrik.specs.read import load

SLOW_MACHINE = settings(deadline=None, max_examples=40)

# What people type, and what they do not.
SAID = st.one_of(
    st.text(min_size=1, max_size=30),
    st.sampled_from(
        [
            *[
                "# heading?",
                "a\n# b",
                "a\n\nb",
                "- a\n- b",
                "x\n  - y\n    - z",
                "```\ncode\n```",
                "see\n```sh\nrm -rf\n\n\nx\n```",
            ],
            *[
                "[ ] box",
                "[x] done",
                "1. one",
                "***",
                "---",
                "a\n---",
                "<!-- c -->",
                "a <!-- b",
                "`<!--`",
                "| a | b |",
                "a  \nb",
            ],
            *[
                "\ttab\tin",
                "a\n\tb",
                "über «x»",
                "日本語",
                "~~~",
                "a\n===",
                "  odd  spacing",
                "Verify: x",
                "a\nVerify: y",
                "{{goals}}",
            ],
            *[
                "null",
                "true",
                "a: b",
                "# c",
                "@x",
                "'q'",
                '"',
                "a\u2028b",
                "\x0b",
                "\ufeff",
                "emoji 🎉",
                "`a`: b",
                "$ x",
                "\\",
            ],
        ]
    ),
).filter(lambda text: bool(text.strip()) and "\0" not in text)
TEXTS = st.lists(SAID, max_size=4)
SOME = st.lists(SAID, min_size=1, max_size=4)
LINE = SAID.map(lambda text: " ".join(text.split())[:80]).filter(
    lambda text: bool(text) and not re.search(r"[\x00-\x1f\x7f\x85\u2028\u2029]", text)
)
CHECK: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(
        [
            "make test",
            "a && b",
            "# no",
            "x\ny",
            "$ y",
            "cd x",
            "echo '# a'",
            "make \\\n  x",
            "if a\nthen b\nfi",
        ]
    ),
    SAID,
    st.fixed_dictionaries(
        {"run": SAID}, optional={"name": LINE, "seconds": st.floats(1e-9, 600, exclude_min=True)}
    ),
)
IDS = st.from_regex(r"[a-z][a-z0-9-]{0,10}[a-z0-9]", fullmatch=True)
SPECS = st.fixed_dictionaries(
    {
        "v": st.just(1),
        "id": IDS,
        "title": LINE,
        "status": st.sampled_from(["draft", "ready", "done"]),
        "version": st.text(max_size=5),
        "lastUpdated": st.text(max_size=5),
        "goals": SOME,
        "nonGoals": TEXTS,
        "req": st.fixed_dictionaries({"api": TEXTS, "behavior": TEXTS, "obs": TEXTS}),
        "accept": SOME,
        "assume": TEXTS,
    },
    optional={
        "supersedes": st.lists(IDS, max_size=2),
        "cfg": st.fixed_dictionaries({"env": TEXTS}),
        "checks": st.lists(CHECK, max_size=3),
        "holdout": st.lists(CHECK, max_size=2),
        "mayChange": st.lists(st.sampled_from(["tests/a.py", "ci/**", "a b/*.c", "x`y"]), max_size=3),
        "prose": st.lists(SAID, max_size=4),
        "comments": st.lists(st.sampled_from(["# why", "# über # x: y", "#"]), max_size=2),
    },
)
TASKS = st.lists(st.fixed_dictionaries({"do": SAID, "verify": SAID | st.just("")}), min_size=1, max_size=3)


@SLOW_MACHINE
@given(SPECS, TASKS | st.none(), st.booleans())
def test_any_json(values: dict[str, Any], tasks: list[dict[str, str]] | None, numbered: bool) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = put(Path(directory, "a.json"), values)
        if tasks is not None:
            listed = [{"id": str(n) if numbered else f"t{n}"} | task for n, task in enumerate(tasks, 1)]
            put(
                Path(directory, "a.todo.json"),
                {"v": 1, "id": values["id"], "tdd": False, "dod": [], "tasks": listed},
            )
        try:
            load(path)
        except SpecErrors:
            assume(False)
        try:
            middle, _ = same(path)
        except UsageError as refused:
            # Prose that somebody made up by hand can hold what is no sound Markdown: that is said.
            assert values.get("prose"), refused
            return
        found = json.loads(Path(directory, "back.json").read_text(encoding="utf-8"))
        assert (found["version"], found["lastUpdated"]) == (values["version"], values["lastUpdated"])
        assert middle.exists()


PIECES = st.sampled_from(
    [
        *[
            "# Title\n",
            "# Spec: Other #\n",
            "Title\n=====\n",
            "## Goals\n",
            "## Acceptance Criteria\n",
            "## Criteria (v2)\n",
        ],
        *[
            "### API\n",
            "## Requirements\n",
            "## Non-Goals\n",
            "## Background\n",
            "### Deeper\n",
            "## Assumptions\n",
        ],
        *["## Verification\n", "## Tasks\n", "### 1. task\n", "## May Change\n- `a/*.py`: why\n- b.c\n"],
        *[
            "- one\n",
            "* two\n",
            "1. three\n",
            "2) four\n",
            "- [x] five\n",
            "  - nested\n",
            "-\tsix\n",
            "-   wide\n    # seven\n",
        ],
        *[
            "prose of somebody\n",
            "  indented\n",
            "lazy line\n",
            "\n",
            "\n\n\n",
            "***\n",
            "| a | b |\n",
            "> quoted\n",
        ],
        *[
            "<!-- said -->\n",
            "- a <!-- b -->\n",
            "<!-- open\nclosed --> after\n",
            "- x <!-- y\nz -->\n- w\n",
            "`<!--` code\n",
        ],
        *[
            "```sh\nmake test\n```\n",
            "```sh\n# name\nmake a\n\n# loose\n\nmake b\n```\n",
            "```console\n$ make c\nout\n```\n",
        ],
        *[
            "- item\n  ```py\n  x = 1\n  ```\n",
            "~~~\ncode\n~~~\n",
            "   Verify: seen\n",
            "- **Verify:** looked at\n",
            "\t- tab\n",
        ],
    ]
)
FRONTS = st.sampled_from(
    [
        "",
        "---\nid: x\n# note\nstatus: draft # said\n---\n",
        "---\ntitle: Above\ngoals: [first, second]\nchecks:\n  - make z\n---\n",
        '---\nversion: "1"\nholdout:\n  - run: |  # odd\n      a\n      b\nmayChange: [q.py]\n---\n',
    ]
)
FRAME = "# T\n\n## Goals\n\n- g\n\n## Acceptance Criteria\n\n- c\n"


@SLOW_MACHINE
@given(FRONTS, st.lists(PIECES | SAID.map(lambda text: text + "\n"), max_size=14).map("".join))
def test_any_markdown(front: str, text: str) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = put(Path(directory, "a.md"), (front + FRAME + text).encode("utf-8", "surrogatepass"))
        try:
            load(path)
        except SpecErrors:
            assume(False)
        _, back = same(path)
        lost = words(path.read_text(encoding="utf-8")) - words(back.read_text(encoding="utf-8"))
        assert lost == Counter()


KEPT = [
    "```md\n## Tasks\n1. no\n```",
    "~~~\n## Tasks\n\n- [ ] no\n~~~",
    "````md\n```sh\nmake\n```\n## Goals\n````",
    "<!-- said\n\n## Tasks\n\n1. no\n-->",
    "<!--\n## Verification\n-->",
]


@SLOW_MACHINE
@given(
    st.lists(st.sampled_from(KEPT), min_size=1, max_size=3, unique=True),
    st.sampled_from(["", "## Tasks\n\n1. a\n2. b\n\n"]),
    st.sampled_from(["## Example\n\n", "prose\n\n", "- item\n\n"]),
)
def test_a_code_block_and_a_comment_stay_as_they_are(kept: list[str], tasks: str, lead: str) -> None:
    with tempfile.TemporaryDirectory() as directory:
        text = f"{FRAME}\n{tasks}## Notes\n\n{lead}" + "\n\n".join(kept) + "\n"
        path = put(Path(directory, "a.md"), text.encode())
        _, back = same(path)
        found = back.read_text(encoding="utf-8")
        assert all(one in found for one in kept), found
