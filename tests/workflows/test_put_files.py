"""Files for the user: new and whole, with the user's own permissions, and over nothing unasked."""

from __future__ import annotations

from pathlib import Path

import pytest
from interviews import ORDER, proposal

from fabrik.errors import FabrikError
from fabrik.workflows.files import put
from fabrik.workflows.interview.writing import text_of, write_new


def test_a_file_and_its_directories_are_made_as_the_user_makes_them(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "x.md"
    assert put(path, "text", 0o027)
    assert path.read_text() == "text" and path.stat().st_mode & 0o777 == 0o640
    assert path.parent.stat().st_mode & 0o777 == 0o750
    assert [each.name for each in path.parent.iterdir()] == ["x.md"]


def test_what_is_there_stays(tmp_path: Path) -> None:
    path = tmp_path / "x.md"
    path.write_text("mine")
    assert not put(path, "other", 0o022) and path.read_text() == "mine"
    assert put(path, "mine", 0o022)  # written before a crash
    assert put(path, "other", 0o022, over=True) and path.read_text() == "other"
    dangling = tmp_path / "link.md"
    dangling.symlink_to(tmp_path / "nowhere")
    assert not put(dangling, "other", 0o022) and not (tmp_path / "nowhere").exists()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["link.md", "x.md"]


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FabrikError, match="cannot be written"):
        put(tmp_path / "file" / "x.md", "text", 0o022)


def test_a_name_that_was_taken_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "x.md"
    path.write_text("mine")
    assert write_new(path, "text", 0o022).name == "x-2.md"
    assert write_new(path, "text", 0o022).name == "x-2.md"
    assert write_new(path, "more", 0o022).name == "x-3.md"
    assert text_of(ORDER, proposal()) == proposal().markdown
