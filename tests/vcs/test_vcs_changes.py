"""What files held before and after, and the patches of each, past hostile names and sizes."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from vcs_repos import Setting, commit, git, make_setting

from fabrik.errors import VcsError
from fabrik.vcs import changes, patches
from fabrik.vcs.changes import FileContent, raw_changes

BAD = os.fsdecode(b"\xff\xfe.txt")
NAMES = ["sp ace", "new\nline", "tab\t", 'quo"te', "grün", "a b/c d", "-dash", "x\n\ndiff --git a", BAD]
LIES = "A\ndiff --git a/none b/none\n--- a/none\n+++ b/none\n@@ -1 +1 @@\n"


async def hostile(tmp: Path, object_format: str = "sha1") -> tuple[Setting, str]:
    """A change with everything in it that is hard to read."""
    s = await make_setting(tmp, object_format=object_format)
    w = s.workspace
    (w / "src" / "a.py").unlink()
    (w / "src" / "a.py").symlink_to("b.py")
    (w / "src" / "b.py").chmod(0o755)
    (w / "README.md").write_text(LIES)
    (w / ".gitignore").unlink()
    for name in NAMES:
        (w / name).parent.mkdir(exist_ok=True)
        (w / name).write_text(LIES)
    (w / "bin").write_bytes(b"\0\1\2\n")
    (w / "empty").touch()
    (w / ".gitattributes").write_text("* -diff\n")
    git(w, "add", "-A")
    git(w, "update-index", "--add", "--cacheinfo", f"160000,{s.base.commit},lib")
    git(w, "commit", "-q", "-m", "All of it")
    head = git(w, "rev-parse", "HEAD")
    await s.bring(s.harvest()[1])
    return s, head


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_files_before_and_after(tmp_path: Path, object_format: str) -> None:
    async def scenario() -> None:
        s, head = await hostile(tmp_path, object_format)
        found = await s.repo.changed_files(s.base.commit, head)
        pairs = {pair.path: pair for pair in found.files}
        assert found.total == len(found.files) == len(pairs)
        assert [pair.path for pair in found.files] == [
            change.path for change in await s.repo.diff_stat(s.base.commit, head)
        ]
        lies = FileContent(content=LIES.encode(), mode="100644", cut=False)
        for name in NAMES:
            assert (pairs[name].before, pairs[name].after) == (None, lies)
        assert pairs["README.md"].before == FileContent(content=b"hello\n", mode="100644", cut=False)
        assert pairs["README.md"].after == lies
        assert pairs[".gitignore"].after is None
        link = pairs["src/a.py"]
        assert link.before == FileContent(content=b"a = 1\n", mode="100644", cut=False)
        assert link.after == FileContent(content=b"b.py", mode="120000", cut=False)
        ran = pairs["src/b.py"]
        assert ran.before and ran.after
        assert (ran.before.mode, ran.after.mode) == ("100644", "100755")
        assert ran.before.content == ran.after.content
        lib = FileContent(content=s.base.commit.encode(), mode="160000", cut=False)
        assert pairs["lib"].after == lib
        assert pairs["empty"].after == FileContent(content=b"", mode="100644", cut=False)
        back = await s.repo.changed_files(head, s.base.commit)
        assert [(pair.path, pair.after, pair.before) for pair in back.files] == [
            (pair.path, pair.before, pair.after) for pair in found.files
        ]

    asyncio.run(scenario())


def test_what_is_large_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        s = await make_setting(tmp_path)
        names = {f"f{number}_txt": str(number) * 5000 for number in range(6)}
        head = commit(s.workspace, "Large", small_txt="small", **names)
        await s.bring(s.harvest()[1])
        found = await s.repo.changed_files(s.base.commit, head, max_bytes=1000)
        afters = {pair.path: pair.after for pair in found.files}
        for number in range(6):
            cut = FileContent(content=(str(number) * 1000).encode(), mode="100644", cut=True)
            assert afters[f"f{number}.txt"] == cut
        assert afters["small.txt"] == FileContent(content=b"small", mode="100644", cut=False)
        exact = await s.repo.changed_files(s.base.commit, head, max_bytes=5000)
        assert not any(pair.after and pair.after.cut for pair in exact.files)
        few = await s.repo.changed_files(s.base.commit, head, most=2)
        assert ([pair.path for pair in few.files], few.total) == (["f0.txt", "f1.txt"], 7)
        none = await s.repo.changed_files(s.base.commit, head, most=0)
        assert (none.files, none.total) == ((), 7)
        monkeypatch.setattr(changes, "_KEPT", 12_000)
        held = await s.repo.changed_files(s.base.commit, head)
        sizes = [(len(pair.after.content), pair.after.cut) for pair in held.files if pair.after]
        assert sizes == [
            (5000, False),
            (5000, False),
            (2000, True),
            (0, True),
            (0, True),
            (0, True),
            (0, True),
        ]

    asyncio.run(scenario())


def test_nothing_changed_and_nothing_there(tmp_path: Path) -> None:
    async def scenario() -> None:
        s = await make_setting(tmp_path)
        same = await s.repo.changed_files(s.base.commit, s.base.commit)
        assert (same.files, same.total) == ((), 0)
        empty = await s.repo.patches(s.base.commit, s.base.commit, max_bytes=100)
        assert (empty.files, empty.whole.text, empty.whole.truncated) == ((), "", False)
        for call in (
            s.repo.changed_files(s.base.commit, "1" * 40),
            s.repo.patches(s.base.commit, "1" * 40, max_bytes=100),
            s.repo.neutral(s.base.commit, "1" * 40),
            s.repo.commits(s.base.commit, "1" * 40),
        ):
            with pytest.raises(VcsError) as caught:
                await call
            assert "git " in caught.value.what

    asyncio.run(scenario())


def test_an_object_that_is_lost(tmp_path: Path) -> None:
    async def scenario() -> None:
        s = await make_setting(tmp_path)
        head = commit(s.workspace, "One", one_txt="lost soon\n", two_txt="kept\n")
        await s.bring(s.harvest()[1])
        at = git(s.repo.path, "rev-parse", f"{head}:one.txt")
        (s.repo.path / "objects" / at[:2] / at[2:]).unlink()
        with pytest.raises(VcsError, match=at):
            await s.repo.changed_files(s.base.commit, head)
        with pytest.raises(VcsError, match=at):
            await s.repo.patches(s.base.commit, head, max_bytes=1 << 20)

    asyncio.run(scenario())


def test_lines_that_git_does_not_print() -> None:
    assert list(raw_changes(b"")) == []
    for bad in (b"what\0path\0", b":100644 100644 a b\0path\0", b"100644 100644 a b M\0path\0"):
        with pytest.raises(VcsError):
            list(raw_changes(bad))


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_patches_by_file(tmp_path: Path, object_format: str) -> None:
    async def scenario() -> None:
        s, head = await hostile(tmp_path, object_format)
        found = await s.repo.patches(s.base.commit, head, max_bytes=1 << 20)
        stat = await s.repo.diff_stat(s.base.commit, head)
        assert found.stat == stat
        assert [patch.path for patch in found.files] == [change.path for change in stat]
        assert "".join(patch.text for patch in found.files) == found.whole.text
        assert not found.whole.truncated
        assert not any(patch.truncated for patch in found.files)
        text = {patch.path: patch.text for patch in found.files}
        added = "".join(f"+{line}\n" for line in LIES.splitlines())
        for name in [*NAMES, "README.md"]:
            assert text[name].endswith(added), name
            assert text[name].count("\ndiff --git ") == 0
        assert text["grün"].startswith("diff --git a/grün b/grün\n")
        assert "Binary files /dev/null and b/bin differ\n" in text["bin"]
        assert "old mode 100644\nnew mode 100755\n" in text["src/b.py"]
        assert text["src/a.py"].count("diff --git ") == 2
        assert f"+Subproject commit {s.base.commit}\n" in text["lib"]
        assert text["empty"].splitlines()[1] == "new file mode 100644"

    asyncio.run(scenario())


def test_patches_that_are_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        s = await make_setting(tmp_path)
        lines = "".join(f"line {number}\n" for number in range(400_000))
        head = commit(s.workspace, "Large", a_txt=lines, b_txt="x" * 3_000_000, c_txt="small\n")
        await s.bring(s.harvest(max_file=10 << 20)[1])
        found = await s.repo.patches(s.base.commit, head, max_bytes=500)
        assert len(found.whole.text) == 500
        assert found.whole.truncated
        sizes = {patch.path: (len(patch.text), patch.truncated) for patch in found.files}
        assert sizes["a.txt"] == sizes["b.txt"] == (patches.MAX_FILE, True)
        assert found.files[2].text.endswith("+small\n")
        assert not found.files[2].truncated
        whole = await s.repo.patches(s.base.commit, head, max_bytes=1 << 30)
        assert not whole.whole.truncated
        assert whole.whole.text == (await s.repo.diff(s.base.commit, head, 1 << 30)).text
        monkeypatch.setattr(patches, "_KEPT", patches.MAX_FILE + 10)
        held = await s.repo.patches(s.base.commit, head, max_bytes=500)
        assert [len(patch.text) for patch in held.files] == [patches.MAX_FILE, 10, 0]
        assert all(patch.truncated for patch in held.files)

    asyncio.run(scenario())


@pytest.mark.parametrize("step", [1, 2, 7, 11, 12, 13, 1000])
def test_a_patch_in_any_blocks_has_the_same_parts(step: int) -> None:
    sections = ["diff --git a/x b/x\n+1\n+diff --git \n", "diff --git a/y b/y\n", "diff --git a/z b/z\n-\n\n"]
    data = "".join(sections).encode()
    parts = patches._Parts(max_bytes=20)
    for at in range(0, len(data), step):
        parts.feed(data[at : at + step])
    parts.end()
    assert [section.text.decode() for section in parts.sections] == sections
    assert [section.size for section in parts.sections] == [len(section) for section in sections]
    assert (bytes(parts.whole), parts.size) == (data[:20], len(data))
