"""A workspace that one sandbox writes and others read."""

# ruff: noqa: S101 - a failed assertion is a case's answer
from __future__ import annotations

import asyncio
import tarfile
from pathlib import Path
from typing import Any

from fabrik.errors import SandboxBroken
from fabrik.sandboxes.sandbox import Limits, Sandbox, SandboxSpec
from fabrik.testing.conformance.harness import Case, Harness, ref

_FILL = """
set -e
mkdir -p d/e locked
printf 'the text\\n' > file
printf '#!/bin/sh\\necho ran\\n' > run && chmod 0755 run
printf 'ü' > 'grün ß'
ln -s file link
: > d/e/deep
chmod 0444 d/e/deep
chmod 0555 locked
"""
# All there is to know of a tree, so that two looks at an untouched one are the same.
_SUMS = "find . -type f -exec cksum {} + | sort"
_LOOK = f"find . -printf '%y %m %n %s %T@ %p %l\\n' | sort; {_SUMS}"
_GIT = "export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b; "

# Each line that is printed is a change that was possible.
_CHANGE = r"""
import ctypes, os, sys
home = os.environ["HOME"]
libc = ctypes.CDLL(None, use_errno=True)
def attempt(name, action):
    try:
        action()
    except OSError:
        return
    print("possible:", name)
def kernel(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), "refused")
def put(path, flags):
    handle = os.open(path, flags, 0o644)
    os.write(handle, b"evil")
    os.close(handle)
def through(path):
    handle = os.open(path, os.O_PATH)
    os.close(os.open(f"/proc/self/fd/{handle}", os.O_WRONLY | os.O_TRUNC))
def linked():
    os.link("file", home + "/linked")
    put(home + "/linked", os.O_WRONLY)
open(home + "/mine", "w").write("mine")
here = os.getcwd()
for top in (here, "/proc/self/cwd", f"/proc/{os.getpid()}/root" + here):
    attempt(f"create {top}", lambda: put(top + "/new", os.O_WRONLY | os.O_CREAT))
    attempt(f"write {top}", lambda: put(top + "/file", os.O_WRONLY))
    attempt(f"append {top}", lambda: put(top + "/file", os.O_WRONLY | os.O_APPEND))
    attempt(f"truncate {top}", lambda: os.truncate(top + "/file", 0))
    attempt(f"reopen {top}", lambda: through(top + "/file"))
    attempt(f"delete {top}", lambda: os.unlink(top + "/file"))
    attempt(f"chmod {top}", lambda: os.chmod(top + "/file", 0o777))
    attempt(f"chmod top {top}", lambda: os.chmod(top, 0o777))
    attempt(f"chown {top}", lambda: os.chown(top + "/file", os.getuid(), os.getgid()))
    attempt(f"touch {top}", lambda: os.utime(top + "/file"))
    attempt(f"xattr {top}", lambda: os.setxattr(top + "/file", "user.x", b"y"))
attempt("through a link", lambda: put("link", os.O_WRONLY))
attempt("rename", lambda: os.rename("file", "other"))
attempt("rename away", lambda: os.rename("file", home + "/file"))
attempt("rename over", lambda: os.rename(home + "/mine", "file"))
attempt("hard link inside", lambda: os.link("file", "other"))
attempt("hard link outside", linked)
attempt("hard link into", lambda: os.link(home + "/mine", "other"))
attempt("symbolic link", lambda: os.symlink("file", "other"))
attempt("pipe", lambda: os.mkfifo("pipe"))
attempt("directory", lambda: os.mkdir("new"))
attempt("remove directory", lambda: os.rmdir("locked"))
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_MOVE = 1, 32, 4096, 8192
name = here.encode()
for flags in (MS_REMOUNT | MS_BIND, MS_REMOUNT):
    attempt("remount", lambda: kernel(libc.mount(None, name, None, flags, None)))
attempt("bind", lambda: kernel(libc.mount(name, (home + "/x").encode(), None, MS_BIND, None)))
attempt("move", lambda: kernel(libc.mount(name, (home + "/x").encode(), None, MS_MOVE, None)))
attempt("unmount", lambda: kernel(libc.umount2(name, 2)))
attempt("new mounts", lambda: kernel(libc.unshare(0x20000)))
attempt("open tree", lambda: kernel(0 if libc.syscall(428, -100, name, 1) >= 0 else -1))
"""


async def _pair(h: Harness, **more: Any) -> tuple[Sandbox, SandboxSpec, Sandbox, SandboxSpec]:
    """A sandbox with something in its workspace, and one that reads it."""
    spec = h.spec("source")
    source = await h.box(spec)
    (await h.sh(source, _FILL)).fine()
    reading = h.spec("reader", reads=spec.root, **more)
    return source, spec, await h.box(reading), reading


async def _refused(attempt: Any, *words: str) -> None:
    try:
        await attempt
    except SandboxBroken as broken:
        assert all(word in str(broken) for word in words), broken
    else:
        raise AssertionError("it was taken for a success")


async def a_reader_sees_the_same(h: Harness) -> None:
    source, _, reader, _ = await _pair(h)
    seen, there = (await h.sh(reader, _LOOK)).fine(), (await h.sh(source, _LOOK)).fine()
    assert seen.out == there.out and b"the text" not in seen.out
    assert (await h.sh(reader, "cat file link 'grün ß'; ./run")).fine().text == "the text\nthe text\nüran"
    assert await reader.read_file("file", 100) == b"the text\n"
    assert await reader.read_file(f"{reader.workspace}/d/e/deep", 100) == b""
    assert await reader.read_file("link", 100) is None
    assert await reader.read_file("../labels.json", 100) is None
    archive = h.directory / "out.tar"
    await reader.tar_out(reader.workspace, archive, 10 << 20)
    with tarfile.open(archive) as tar:
        assert {"./file", "./grün ß", "./d/e/deep"} <= set(tar.getnames())


async def a_reader_cannot_change_anything(h: Harness) -> None:
    h.needs_isolation("a reader works in the very directory that it reads")
    source, _, reader, _ = await _pair(h)
    before = (await h.sh(source, _LOOK)).fine().out
    assert (await h.python(reader, _CHANGE)).fine().text == ""
    assert (await h.sh(source, _LOOK)).fine().out == before
    assert "possible: create" in (await h.python(source, _CHANGE)).text, "the owner of it can"


async def a_reader_has_a_home_and_tmp_of_its_own(h: Harness) -> None:
    source, spec, one, _ = await _pair(h)
    two = await h.box(reads=spec.root)
    write = (
        'echo "$1" > ~/file && mkdir ~/d && echo "$1" > ~/d/x && chmod 0755 ~/file && f=$(mktemp) && rm "$f"'
    )
    for box, name in ((source, "source"), (one, "one"), (two, "two")):
        (await h.run(box, "/bin/sh", "-c", write, "sh", name)).fine()
    for box, name in ((source, "source"), (one, "one"), (two, "two")):
        assert await box.read_file(f"{box.home}/file", 100) == f"{name}\n".encode()
    ran = await h.sh(one, "cat ~/report", files={"report": b"given"})
    assert ran.fine().text == "given"
    assert await one.read_file(f"{one.home}/file", 100) is None, "HOME was made anew"


async def nothing_is_unpacked_into_what_is_read(h: Harness) -> None:
    source, _, reader, _ = await _pair(h)
    archive = h.directory / "in.tar"
    await source.tar_out(f"{source.workspace}/d", archive, 1 << 20)
    before = (await h.sh(source, _LOOK)).fine().out
    for place in (reader.workspace, f"{reader.workspace}/new", f"{reader.home}/..{reader.workspace}/d"):
        if h.provider.isolates or ".." not in place:
            await _refused(reader.tar_in(archive, place))
    await reader.tar_in(archive, f"{reader.home}/unpacked")
    assert await reader.read_file(f"{reader.home}/unpacked/e/deep", 10) == b""
    assert (await h.sh(source, _LOOK)).fine().out == before


async def git_works_on_what_is_read(h: Harness) -> None:
    """Also when the index is out of date, which git would like to mend: the owner is the same user inside."""
    source, _, reader, _ = await _pair(h)
    make = "git init -q && git add -A && git commit -qm First && echo more >> file && git commit -qam Second"
    (await h.sh(source, _GIT + make)).fine()
    (await h.sh(source, "touch file run 'grün ß'")).fine()
    before = (await h.sh(source, _LOOK)).fine().out
    for optional in ("0", "1") if h.provider.isolates else ("0",):
        script = (
            f"export GIT_OPTIONAL_LOCKS={optional}; git status --porcelain && git log --format=%s"
            " && git diff HEAD~1 HEAD --stat && git diff && git show HEAD:file && git ls-files"
            " && git blame file && git grep -q text"
        )
        ran = (await h.sh(reader, script)).fine()
        assert ran.err == b"", ran.err
        assert ran.text.splitlines()[:3] == ["Second", "First", " file | 1 +"]
    if h.provider.isolates:  # git may mend the index where nothing keeps it from writing
        assert (await h.sh(source, _LOOK)).fine().out == before
    (await h.sh(source, "echo changed > file; : > untracked")).fine()
    ran = await h.sh(reader, "git status --porcelain", env={"GIT_OPTIONAL_LOCKS": "0"})
    assert ran.fine().out == b" M file\n?? untracked\n"


async def git_cannot_commit_in_what_is_read(h: Harness) -> None:
    h.needs_isolation("a reader works in the very directory that it reads")
    source, _, reader, _ = await _pair(h)
    (await h.sh(source, _GIT + "git init -q && git add -A && git commit -qm First")).fine()
    for command in (
        "git commit -q --allow-empty -m Evil",
        "git tag evil",
        "git config user.name evil",
        "git checkout -q -b evil",
        "git replace HEAD HEAD:file",
        "git gc -q",
    ):
        assert not (await h.sh(reader, _GIT + command)).end.ok, command
    assert (await h.sh(source, "git log --all --format=%s; git tag; git status -s")).fine().text == "First"


async def a_reader_sees_later_changes(h: Harness) -> None:
    """Also in the middle of a command."""
    source, _, reader, reading = await _pair(h)
    wait = 'echo up > ~/up; until [ -e later ]; do :; done; cat later; [ ! -e file ] && echo "file is gone"'
    task = asyncio.create_task(h.sh(reader, wait, limits=Limits(seconds=60.0)))

    async def up() -> bool:
        return await reader.read_file(f"{reader.home}/up", 10) == b"up\n"

    await h.until("the reader's command", up)
    (await h.sh(source, "rm file; echo news > new && mv new later")).fine()
    assert (await task).fine().text == "news\nfile is gone"
    assert await reader.read_file("later", 100) == b"news\n"
    again = await h.provider.create(reading)
    assert (await h.sh(again, "cat later")).fine().text == "news"


async def removing_a_reader_leaves_what_it_read(h: Harness) -> None:
    source, spec, reader, reading = await _pair(h, labels={"kind": "reader"})
    before = (await h.sh(source, _LOOK)).fine().out
    assert [one.name for one in await h.provider.list(h.directory, {"kind": "reader"})] == [reader.name]
    await h.provider.destroy(ref(reading))
    assert not reading.root.exists()
    assert [one.name for one in await h.provider.list(h.directory, {})] == [source.name]
    assert (await h.sh(source, _LOOK)).fine().out == before
    again = await h.box(reading)
    assert (await h.sh(again, "cat file")).fine().text == "the text"
    assert spec.root.exists()


async def a_reader_is_broken_when_what_it_reads_is_gone(h: Harness) -> None:
    source, spec, reader, reading = await _pair(h)
    (await h.sh(reader, "echo report > ~/report")).fine()
    await h.provider.destroy(ref(spec))
    await _refused(h.sh(reader, "true"), str(spec.root), "gone")
    await _refused(reader.read_file("file", 10), str(spec.root), "gone")
    await _refused(h.provider.create(reading), str(spec.root), "gone")
    assert await reader.read_file(f"{reader.home}/report", 100) == b"report\n", "its own is there"
    await h.provider.create(spec)
    (await h.sh(source, "echo anew > file")).fine()
    again = await h.provider.create(reading)
    assert (await h.sh(again, "cat file ~/report")).fine().text == "anew\nreport"
    await h.provider.destroy(ref(spec))
    await h.provider.destroy(ref(reading))
    assert not reading.root.exists()


async def only_a_sandbox_of_its_own_kind_is_read(h: Harness) -> None:
    _, spec, reader, reading = await _pair(h)
    plain = h.directory / "plain"
    (plain / "workspace").mkdir(parents=True)
    foreign = h.directory / "foreign"
    (foreign / "workspace").mkdir(parents=True)
    (foreign / "labels.json").write_text(
        '{"v": 1, "provider": "another", "name": "a", "labels": {}, "cgroups": [], "reads": null}'
    )
    own = h.spec()
    for root, word in (
        (plain, "gone"),
        (foreign, "another"),
        (h.directory / "nowhere", "gone"),
        (reading.root, "itself"),
    ):
        fresh = h.spec(reads=root)
        await _refused(h.provider.create(fresh), str(root), word)
        assert not fresh.root.exists(), "nothing is left of it"
    await h.box(own)
    itself = SandboxSpec(name=own.name, root=own.root, reads=own.root)
    await _refused(h.provider.create(itself), str(own.root))
    assert spec.root.exists() and (await h.sh(reader, "cat file")).fine().text == "the text"


async def another_may_be_read_the_next_time(h: Harness) -> None:
    _, _, reader, reading = await _pair(h)
    other = h.spec("other")
    (await h.sh(await h.box(other), "echo other > file")).fine()
    (await h.sh(reader, "cat file; echo kept > ~/kept")).fine()

    def spec(reads: Path | None) -> SandboxSpec:
        return SandboxSpec(name=reading.name, root=reading.root, reads=reads)

    again = await h.provider.create(spec(other.root))
    assert (await h.sh(again, "cat file ~/kept")).fine().text == "other\nkept"
    own = await h.provider.create(spec(None))
    assert (await h.sh(own, "ls -A; echo own > file; cat file")).fine().text == "own"
    back = await h.provider.create(spec(reading.reads))
    assert (await h.sh(back, "cat file")).fine().text == "the text"
    own = await h.provider.create(spec(None))
    assert (await h.sh(own, "cat file")).fine().text == "own"


async def eight_read_at_once(h: Harness) -> None:
    source, spec, _, _ = await _pair(h)
    before = (await h.sh(source, _SUMS)).fine().out
    readers = await asyncio.gather(*(h.box(reads=spec.root) for _ in range(8)))

    # Each goes on only when all are up: they do run at once.
    async def read(number: int) -> str:
        script = f"echo up > ~/up; until [ -e go ]; do :; done; echo {number} > ~/own; cat file ~/own"
        return (await h.sh(readers[number], script, limits=Limits(seconds=60.0))).fine().text

    tasks = [asyncio.create_task(read(number)) for number in range(8)]

    async def all_up() -> bool:
        found = [await box.read_file(f"{box.home}/up", 10) for box in readers]
        return found == [b"up\n"] * 8

    await h.until("all eight", all_up)
    (await h.sh(source, ": > go")).fine()
    assert await asyncio.gather(*tasks) == [f"the text\n{number}" for number in range(8)]
    (await h.sh(source, "rm go")).fine()
    await asyncio.gather(*(h.provider.destroy(ref(reading)) for _, reading in h.made[2:]))
    assert (await h.sh(source, _SUMS)).fine().out == before


async def disk_limit_counts_what_is_its_own(h: Harness) -> None:
    """Were the workspace counted, the first look would end the command before HOME holds that much."""
    source, _, reader, _ = await _pair(h)
    (await h.sh(source, "head -c 100000000 /dev/zero > large")).fine()
    program = (
        "import os, time\nfor number in range(4000):\n"
        "    with open(os.path.expanduser(f'~/f{number}'), 'wb') as f: f.write(b'x' * (1 << 20))\n"
        "    time.sleep(0.02)\ntime.sleep(1000)"
    )
    ran = await h.python(reader, program, limits=Limits(disk_bytes=40 << 20, seconds=60.0))
    assert ran.end.stopped_by == "disk"
    assert await reader.read_file(f"{reader.home}/f39", 1) == b"x"


CASES: list[Case] = [
    a_reader_sees_the_same,
    a_reader_cannot_change_anything,
    a_reader_has_a_home_and_tmp_of_its_own,
    nothing_is_unpacked_into_what_is_read,
    git_works_on_what_is_read,
    git_cannot_commit_in_what_is_read,
    a_reader_sees_later_changes,
    removing_a_reader_leaves_what_it_read,
    a_reader_is_broken_when_what_it_reads_is_gone,
    only_a_sandbox_of_its_own_kind_is_read,
    another_may_be_read_the_next_time,
    eight_read_at_once,
    disk_limit_counts_what_is_its_own,
]
