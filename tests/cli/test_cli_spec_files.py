"""What `fabrik spec new` and `fabrik spec minify` write, and what they do not write over."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from ledgers import Fabrik

from fabrik.specs.rules import slug


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "here"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


def test_minify_replaces_nothing_that_says_something_else(fabrik: Fabrik, here: Path) -> None:
    assert fabrik("spec", "new", "one").returncode == fabrik("spec", "new", "two").returncode == 0
    one, two = here / "specs" / "one.min.md", here / "specs" / "two.min.md"
    two.write_text("by hand")
    refused = fabrik("spec", "minify", "specs/one.md", "specs/two.md")
    assert refused.returncode == 2
    assert "specs/two.min.md: is there already and says something else" in refused.stderr
    assert "--force" in refused.stderr
    assert (one.exists(), two.read_text()) == (False, "by hand")
    assert fabrik("spec", "minify", "--force", "specs/one.md", "specs/two.md").returncode == 0
    assert two.read_text() != "by hand"
    assert fabrik("spec", "minify", "specs/one.md", "specs/two.md").returncode == 0  # it says the same


def test_minify_writes_no_two_specs_into_one_file(fabrik: Fabrik, here: Path) -> None:
    for directory in ("a", "b"):
        assert fabrik("spec", "new", f"{directory}/x.md").returncode == 0
    refused = fabrik("spec", "minify", "a/x.md", "b/x.md", "--out", "small", "--force")
    assert refused.returncode == 2 and "two of the files would be written here" in refused.stderr
    assert not (here / "small").exists()


def test_how_tokens_are_counted_is_said_in_one_place(fabrik: Fabrik) -> None:
    shown = fabrik("spec", "minify", "--help").stdout
    assert "fabrik docs specs" in shown and "six letters" not in shown
    assert "six letters" in fabrik("docs", "specs").stdout


def test_a_name_keeps_its_letters_and_its_commands_can_be_typed(fabrik: Fabrik, here: Path) -> None:
    done = fabrik("spec", "new", "a b/ü ß.md")
    assert (here / "a b" / "u-ss.md").is_file()
    review, run = (shlex.split(line) for line in done.stdout.splitlines()[-2:])
    assert review == ["fabrik", "spec", "review", "a b/u-ss.md"]
    assert run == ["fabrik", "run", "--spec", "a b/u-ss.md"]


@pytest.mark.parametrize(
    ("title", "made"),
    [
        ("Über Größe", "uber-grosse"),
        ("Éléphant façade", "elephant-facade"),
        ("Łódź ØRE", "lodz-ore"),
        ("поиск", ""),
    ],
)
def test_letters_of_europe_become_plain_ones(title: str, made: str) -> None:
    assert slug(title) == made
