"""Attributes, submodules, links."""

from __future__ import annotations

import pytest
from tamper_kit import Case, Content, link

from fabrik.tampering.model import FileVersion

BASE: dict[str, Content] = {"src/a.py": "x = 1\n", ".gitattributes": "* text=auto\n"}
MODULE = FileVersion(content=b"a" * 40, mode="160000")

BAD: list[dict[str, Content]] = [
    {".gitattributes": "* text=auto\n*.py filter=evil\n"},
    {".gitattributes": "*.py diff=evil\n"},
    {".gitattributes": "*.py merge=ours-always\n"},
    {"src/.gitattributes": "a.py -diff\n", "src/a.py": "x = 2\n"},
    {".gitattributes": "*.py binary\n", "src/a.py": "x = 2\n"},
    {".gitattributes": "[attr]x filter=y\n"},
    {".gitattributes": "*.py working-tree-encoding=UTF-16\n"},
    {".gitmodules": '[submodule "x"]\n\tpath = x\n\turl = ../x\n'},
    {"vendored": MODULE},
    {"passwd": link("/etc/passwd")},
    {"src/up": link("../../outside")},
    {"config": link(".git/config")},
    {".lfsconfig": "[lfs]\n\turl = x\n"},
]


@pytest.mark.parametrize("after", BAD, ids=range(len(BAD)))
def test_what_git_would_run_or_follow_holds(after: dict[str, Content]) -> None:
    assert Case(BASE, BASE | after).held_kinds == {"git"}


HONEST: list[dict[str, Content]] = [
    {".gitattributes": "* text=auto\n*.sh eol=lf\n"},
    {".gitattributes": "*.psd filter=lfs diff=lfs merge=lfs -text\n"},
    {".gitattributes": "*.png binary\n"},
    {".gitattributes": "package-lock.json -diff linguist-generated\n"},
    {".gitattributes": "*.py diff=python\n"},
    {".gitattributes": "CHANGELOG.md merge=union\n"},
    {".gitattributes": "# *.py filter=evil\n"},
    {"current": link("src/a.py")},
    {"src/other.py": link("../src/a.py")},
    {"docs/link": link("../README.md")},
    {".gitignore": "*.pyc\n"},
]


@pytest.mark.parametrize("after", HONEST, ids=range(len(HONEST)))
def test_usual_attributes_and_inner_links_do_not(after: dict[str, Content]) -> None:
    assert Case(BASE, BASE | after).held == ()
