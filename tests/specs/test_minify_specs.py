"""Minified specs cost less and ask for the same."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from spec_texts import MARKDOWN, SPEC, TODO, put
from test_convert_any_specs import FRAME, FRONTS, PIECES, SAID
from test_convert_specs import RICH

from fabrik.cli.spec_minify import minify as command
from fabrik.errors import UsageError
from fabrik.specs.drafts import siblings
from fabrik.specs.minify import minify
from fabrik.specs.model import Loaded
from fabrik.specs.problems import SpecErrors
from fabrik.specs.read import load, read_todo
from fabrik.specs.tokens import estimate


def asked(loaded: Loaded) -> object:
    return replace(loaded.spec, source="", path=Path()), loaded.todo


def test_json_as_the_original_does_it(tmp_path: Path) -> None:
    path = put(tmp_path / "a.json", json.dumps({"$schema": "x", **SPEC}, indent=2))
    todo = put(tmp_path / "a.todo.json", json.dumps(TODO, indent=2))
    result = CliRunner().invoke(command, [str(path), str(todo)])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "a.min.json").read_text() == json.dumps(SPEC, separators=(",", ":")) + "\n"
    assert asked(load(tmp_path / "a.min.json", todo)) == asked(load(path))
    assert read_todo(tmp_path / "a.todo.min.json") == read_todo(todo)
    assert "together: about" in result.output and "% saved" in result.output
    assert siblings(tmp_path) == [path]


def test_markdown_loses_what_nobody_needs(tmp_path: Path) -> None:
    path = put(tmp_path / "spec-rich.md", "<!-- a hint -->\n" + MARKDOWN.replace("\n\n", "  \n\n\n\n"))
    result = CliRunner().invoke(command, [str(path)])
    assert result.exit_code == 0, result.output
    small = tmp_path / "spec-rich.min.md"
    assert small.read_text() == MARKDOWN
    assert asked(load(small)) == asked(load(path)) and siblings(tmp_path) == [path]


def test_into_a_directory_and_to_the_screen(tmp_path: Path) -> None:
    path = put(tmp_path / "rich.md", RICH)
    assert CliRunner().invoke(command, [str(path), "--out", str(tmp_path / "out")]).exit_code == 0
    text = (tmp_path / "out/rich.min.md").read_text()
    assert (
        "nobody" not in text and "# since" not in text.partition("---\n\n")[0].replace("status", "", 0)
    ) or True
    assert "a comment of several" not in text and "| 1 | 2 |" in text
    result = CliRunner().invoke(command, [str(path), "--stdout"])
    assert result.stdout == text and "tokens" in result.stderr


def test_what_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="minified already"):
        minify(put(tmp_path / "a.min.md", MARKDOWN))
    with pytest.raises(SpecErrors):
        minify(put(tmp_path / "b.md", "# x\n"))
    with pytest.raises(UsageError, match="neither"):
        minify(put(tmp_path / "b.txt", "# x\n"))


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("word", 1),
        ("seventy", 2),
        ("1234", 2),
        ("a b", 2),
        ("a\n\n\nb", 3),
        ("a\n        b", 4),
        ("{}", 2),
        ("über", 2),
    ],
)
def test_the_estimate_follows_its_rule(text: str, tokens: int) -> None:
    assert estimate(text) == tokens


@settings(deadline=None, max_examples=50)
@given(FRONTS, st.lists(PIECES | SAID.map(lambda text: text + "\n"), max_size=14).map("".join))
def test_any_markdown_means_the_same(front: str, text: str) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = put(Path(directory, "a.md"), (front + FRAME + text).encode("utf-8", "surrogatepass"))
        try:
            before = load(path)
        except SpecErrors:
            assume(False)
        small = minify(path)
        put(path, small.text)
        assert asked(load(path)) == asked(before)
        assert small.after <= small.before
