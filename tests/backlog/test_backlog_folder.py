"""Finding the backlog folder and its specs, and their order."""

from __future__ import annotations

from pathlib import Path

import pytest

from fabrik.backlog.dependencies import order
from fabrik.backlog.folder import SpecName, find_folder, find_specs, named, read_spec, same_numbers, spec_name
from fabrik.errors import UsageError
from fabrik.problems import Problem, Problems


def spec(path: str) -> SpecName:
    name = spec_name(path)
    assert name is not None
    return name


def touch(top: Path, *paths: str) -> None:
    for path in paths:
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        (top / path).write_text("# x\n")


def test_the_folder_is_the_given_one_or_here_or_ralph(tmp_path: Path) -> None:
    touch(tmp_path, "ralph/specs/0001-a.md", "other/specs/0001-a.md")
    assert find_folder(None, tmp_path).directory == tmp_path / "ralph"
    assert find_folder(None, tmp_path / "ralph").directory == tmp_path / "ralph"
    assert find_folder(tmp_path / "other", tmp_path).directory == tmp_path / "other"
    assert find_folder(tmp_path / "other" / "specs", tmp_path).directory == tmp_path / "other"
    with pytest.raises(UsageError, match="there is no backlog"):
        find_folder(tmp_path / "nowhere", tmp_path)


def test_only_numbered_markdown_files_are_specs(tmp_path: Path) -> None:
    touch(
        tmp_path,
        "0002-b.md",
        "0001-a.md",
        "area/deep/0001-c.md",
        "area/done/0003-d.md",
        "candidates/0004-e.md",
        "done/0001-a.md",
        ".hidden/0005-f.md",
        "README.md",
        "001-g.md",
        "00012-h.md",
        "0001_i.md",
        "0006-j.markdown",
        "0007-k.md.bak",
    )
    (tmp_path / "0008-l.md").mkdir()
    assert [name.path for name in find_specs(tmp_path)] == [
        "0001-a.md",
        "area/deep/0001-c.md",
        "0002-b.md",
        "area/done/0003-d.md",
    ]


@pytest.mark.parametrize(
    "path",
    ["../0001-a.md", "done/0001-a.md", "candidates/x/0001-a.md", "/0001-a.md", "x/0001.md", "", "١٢٣٤-a.md"],
)
def test_what_is_no_spec(path: str) -> None:
    assert spec_name(path) is None


def test_the_markers_mirror_the_path_of_the_spec(tmp_path: Path) -> None:
    touch(tmp_path, "specs/area/0002-x.md")
    folder = find_folder(tmp_path, tmp_path)
    name = spec("area/0002-x.md")
    assert folder.candidate(name) == tmp_path / "specs/candidates/area/0002-x.json"
    assert folder.done(name) == tmp_path / "specs/done/area/0002-x.md"
    assert folder.runs(name, "T") == tmp_path / "runs/area/0002-x/T"


def test_a_number_that_is_used_twice_is_remarked_on() -> None:
    names = [spec("b/0001-x.md"), spec("a/0001-y.md"), spec("0002-z.md")]
    assert same_numbers(names) == [
        "the number 0001 is used 2 times, worked on in this order: a/0001-y.md, b/0001-x.md"
    ]


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"\xff", "is not UTF-8"),
        (b"a\0", "is not text"),
        (None, "is no plain file"),
    ],
)
def test_what_is_wrong_with_a_spec_is_told(tmp_path: Path, data: bytes | None, what: str) -> None:
    path = tmp_path / "0001-a.md"
    if data is not None:
        path.write_bytes(data)
    found = read_spec(path, "0001-a.md")
    assert isinstance(found, Problem) and what in found.what


def test_line_ends_and_marks_of_windows_are_fine(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbf# A\r\nx\r\n")
    assert read_spec(tmp_path / "a", "a") == "# A\nx\n"


def test_specs_are_named_as_people_name_them() -> None:
    known = [spec("0001-a.md"), spec("area/0002-b.md")]
    texts = ["specs/0001-a.md", "./area/0002-b.md", "ralph/specs/area/0002-b", "0001-a"]
    assert named(texts, known) == (known[0], known[1])
    with pytest.raises(Problems) as raised:
        named(["0002-b.md", "0009-x.md"], known)
    assert len(raised.value.problems) == 2


# Order


def paths(names: tuple[SpecName, ...]) -> list[str]:
    return [name.path for name in names]


def test_dependencies_come_first_then_numbers() -> None:
    a, b, c, d = spec("0001-a.md"), spec("0002-b.md"), spec("x/0003-c.md"), spec("0004-d.md")
    found = order({d: [], c: [], b: ["0004-d.md"], a: ["x/0003-c.md"]}, [])
    assert paths(found.specs) == ["x/0003-c.md", "0001-a.md", "0004-d.md", "0002-b.md"]
    assert found.problems == () and found.waits_for(a) == ("x/0003-c.md",)


def test_what_is_done_is_not_waited_for_also_when_its_file_is_gone() -> None:
    a, b, gone = spec("0001-a.md"), spec("0002-b.md"), spec("0000-old.md")
    found = order({a: [], b: ["0001-a.md", "0000-old.md"]}, [a, gone])
    assert found.problems == () and found.waits_for(b) == ()


@pytest.mark.parametrize(
    "text",
    [
        "area/0001-a.md",
        "specs/area/0001-a.md",
        "0001-a.md",
        "0001-a",
        "./0001-a.md",
        "0001",
        "../area/0001-a.md",
    ],
)
def test_ways_to_name_a_dependency(text: str) -> None:
    a, b = spec("area/0001-a.md"), spec("area/0002-b.md")
    assert order({a: [], b: [text]}, []).needs[b] == (a,)


def test_the_one_beside_the_spec_is_meant_first() -> None:
    near, far, b = spec("area/0001-a.md"), spec("other/0001-a.md"), spec("area/0002-b.md")
    c = spec("0003-c.md")
    found = order({near: [], far: [], b: ["0001-a.md"], c: ["0001-a.md"]}, [])
    assert found.needs[b] == (near,)
    assert [problem.what for problem in found.problems] == [
        "0001-a.md may mean area/0001-a.md, other/0001-a.md"
    ]


def test_missing_ones_are_told_unless_they_may_come() -> None:
    a = spec("0001-a.md")
    assert [problem.what for problem in order({a: ["0002-b.md"]}, []).problems] == [
        "depends on 0002-b.md, and there is no such spec"
    ]
    found = order({a: ["0002-b.md"]}, [], may_come=True)
    assert found.problems == () and found.waits_for(a) == ("0002-b.md",)


def test_each_circle_is_told_once_with_its_names() -> None:
    a, b, c, d, e = (spec(f"000{n}-x.md") for n in range(1, 6))
    wanted = {a: ["0002-x.md"], b: ["0003-x.md"], c: ["0001-x.md"], d: ["0004-x.md"], e: ["0001-x.md"]}
    told = [problem.what for problem in order(wanted, []).problems]
    assert told == [
        "the dependencies go in a circle: 0001-x.md → 0002-x.md → 0003-x.md → 0001-x.md",
        "the dependencies go in a circle: 0004-x.md → 0004-x.md",
    ]
