"""Markdown to JSON and back: what was asked is the same, and no word that a person wrote is lost."""

from __future__ import annotations

import json
import re
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from spec_texts import MARKDOWN, SPEC, TODO, put

from fabrik.errors import UsageError
from fabrik.specs.converting.comments import in_yaml
from fabrik.specs.converting.convert import convert, write
from fabrik.specs.drafts import read_draft, siblings
from fabrik.specs.front_matter import split
from fabrik.specs.model import Loaded, Spec
from fabrik.specs.problems import SpecErrors
from fabrik.specs.read import load

SLOW_MACHINE = settings(deadline=None, max_examples=40)
CORPUS = Path(__file__).parent / "review_corpus"


def asked(loaded: Loaded) -> Spec:
    """The spec without where it came from."""
    return replace(loaded.spec, source="", path=Path())


def converted(path: Path, out: Path) -> Path:
    write(convert(path, out=out))
    return out


def there_and_back(path: Path) -> tuple[Path, Path]:
    """Convert twice, each time into a directory of its own unless held-out files tie it down."""
    first, second = (".json", ".md") if path.suffix == ".md" else (".md", ".json")
    middle = converted(path, path.with_name(f"middle{first}"))
    return middle, converted(middle, path.with_name(f"back{second}"))


def same(path: Path) -> tuple[Path, Path]:
    before = load(path)
    middle, back = there_and_back(path)
    for other in (middle, back):
        after = load(other)
        assert asked(after) == asked(before)
        assert after.todo == before.todo
    return middle, back


VERIFY = r"(?im)^(\W*)verif(?:y|ication)(?:\*\*|__)?\s*:"


def words(text: str) -> Counter[str]:
    """What a person wrote; not the keys of the front matter, nor the word before how a task is verified."""
    front = split(text, "", [])
    found = [front.body, *values_in(front.values), *in_yaml(front.source)]
    return Counter(re.findall(r"\w+", re.sub(VERIFY, r"\1", "\n".join(found))))


def values_in(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value
    return [text for one in inner for text in values_in(one)]


RICH = """\
---
# why this id: the ticket
id: rich
status: ready   # since Monday
version: "1.2"
lastUpdated: 2026-01-02
dependsOn: []
cfg:
  env: [TOKEN]
---

Some words before the title.

# Spec: A *rich* document

Why it exists, with `code` and a [link](x.md).

| a | b |
| - | - |
| 1 | 2 |

## Goals

Introduced by a sentence.

* first goal <!-- ask
  nobody --> of all
* [x] second goal

  with a paragraph of its own

      and code
  - nested
    - deeper

A remark below the list.

## Background

- not a goal
<!-- a comment of several
lines -->

## Requirements

### API

1. `GET /x`
2. `POST /x`
   ```json
   {"a": 1}
   ```

### Observability

+ log it

## Acceptance criteria (v2)

Paragraph one
goes on.

Paragraph two.

## May Change

- `tests/test_x.py`: because it
  says so
- `ci/**`

## Tasks

Do them in order.

1. First
   Verify: it is there
2. [ ] Second, see `x`

   more about it

## Verification (fast-first)

Run in this order.

```sh
# lint

# the tests
make test
$ make \\
    lint
```

```json
{"not": "a check"}
```
"""


def test_a_rich_document(tmp_path: Path) -> None:
    path = put(tmp_path / "rich.md", RICH)
    middle, back = same(path)
    assert words(RICH) - words(back.read_text()) == Counter()
    text = back.read_text()
    for line in (
        "Some words before the title.",
        "| 1 | 2 |",
        "* [x] second goal",
        "Introduced by a sentence.",
    ):
        assert line in text.splitlines()
    assert "# why this id: the ticket" in text and "# since Monday" in text
    # Once more changes nothing any more.
    again = converted(converted(back, tmp_path / "a/x.json"), tmp_path / "a/y.md")
    assert again.read_text() == text
    assert json.loads(middle.read_text())["version"] == "1.2"


def test_what_needs_no_prose_has_none(tmp_path: Path) -> None:
    middle, back = same(put(tmp_path / "0001-search.md", MARKDOWN.replace("- [ ] ", "- ")))
    assert "prose" not in json.loads(middle.read_text())
    assert back.read_text().endswith(MARKDOWN.replace("- [ ] ", "- "))


def test_a_todo_goes_along(tmp_path: Path) -> None:
    path = put(tmp_path / "a.json", SPEC)
    put(tmp_path / "a.todo.json", TODO)
    out = converted(path, tmp_path / "there/a.md")
    assert "## Tasks" not in out.read_text()  # its ids are words
    assert load(out).todo == load(path).todo
    simple = {"v": 1, "id": SPEC["id"], "tdd": False, "dod": []}
    simple["tasks"] = [{"id": "1", "do": "a", "verify": "b"}, {"id": "2", "do": "c\n\nd", "verify": ""}]
    put(tmp_path / "a.todo.json", simple)
    out = converted(path, tmp_path / "elsewhere/a.md")
    assert "1. a\n   Verify: b\n2. c" in out.read_text()
    assert not (tmp_path / "elsewhere/a.todo.json").exists()
    assert load(out).todo == load(path).todo
    beside = convert(path)
    assert list(beside.files) == [tmp_path / "a.md"] and "stay in" in beside.notes[0]
    write(beside)
    assert load(tmp_path / "a.md").todo == load(path).todo


def test_edited_json_comes_back_edited(tmp_path: Path) -> None:
    middle = converted(put(tmp_path / "rich.md", RICH), tmp_path / "m/rich.json")
    values = json.loads(middle.read_text())
    values["goals"] = ["changed", *values["goals"][1:], "a third"]
    values["nonGoals"] = ["nothing else"]
    values["title"] = "Renamed"
    put(middle, values)
    put(
        tmp_path / "m/rich.todo.json", json.loads((tmp_path / "m/rich.todo.json").read_text()) | {"tdd": True}
    )
    back = converted(middle, tmp_path / "b/rich.md")
    assert asked(load(back)) == asked(load(middle)) and load(back).todo == load(middle).todo
    text = back.read_text()
    assert "# Spec: Renamed" in text and "* changed" in text and "## Non-Goals" in text
    assert "## About the tasks\n\nDo them in order." in text and "## Tasks" not in text


def runnable() -> list[Path]:
    """The good specs that `fabrik run` takes; the others are free in their form."""
    return [path for path in siblings(CORPUS / "good") if read_draft(path).spec is not None]


@pytest.mark.parametrize("path", runnable(), ids=lambda path: path.name)
def test_the_specs_of_the_review(path: Path, tmp_path: Path) -> None:
    copy = put(tmp_path / path.name, path.read_bytes())
    _, back = same(copy)
    if path.suffix == ".md":
        assert words(copy.read_text()) - words(back.read_text()) == Counter()


def test_what_cannot_be(tmp_path: Path) -> None:
    path = put(tmp_path / "a.md", MARKDOWN)
    with pytest.raises(UsageError, match="is Markdown already"):
        convert(path, to="markdown")
    with pytest.raises(UsageError, match="is no name for JSON"):
        convert(path, out=tmp_path / "a.txt")
    put(tmp_path / "a.json", "mine")
    with pytest.raises(UsageError, match="is there already"):
        write(convert(path))
    assert (tmp_path / "a.json").read_text() == "mine"
    with pytest.raises(SpecErrors, match="no acceptance criteria"):
        convert(put(tmp_path / "b.md", "# x\n\n## Goals\n\n- y\n"))
    hidden = MARKDOWN.replace("# Search", "---\nholdout:\n  - run: x\n    files: [h.py]\n---\n# Search", 1)
    put(tmp_path / "h.py", "x")
    with pytest.raises(UsageError, match="held-out files"):
        convert(put(tmp_path / "c.md", hidden), out=tmp_path / "d/c.json")


def test_comments_beside_held_out_checks_stay_hidden(tmp_path: Path) -> None:
    text = "---\nid: a\n# s3cret hint\nholdout:\n  - s3cret command\n---\n" + MARKDOWN
    middle, back = same(put(tmp_path / "a.md", text))
    for path in (middle, back):
        assert "s3cret hint" in path.read_text()
        assert "s3cret" not in load(path).spec.source


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
