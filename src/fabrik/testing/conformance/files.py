"""Files in and out of a sandbox, past everything an agent may have put in the way."""

# ruff: noqa: S101 - a failed assertion is a case's answer
from __future__ import annotations

import contextlib
import io
import os
import tarfile

from fabrik.errors import SandboxBroken
from fabrik.testing.conformance.harness import Case, Harness


async def read_file_reads(h: Harness) -> None:
    box = await h.box()
    await h.sh(box, "mkdir d && printf 0123456789 > d/file && printf home > ~/file && : > empty")
    assert await box.read_file(f"{box.workspace}/d/file", 100) == b"0123456789"
    assert await box.read_file("d/file", 100) == b"0123456789"
    assert await box.read_file(f"{box.home}/file", 100) == b"home"
    assert await box.read_file("empty", 100) == b""


async def read_file_reads_no_more_than_asked_for(h: Harness) -> None:
    box = await h.box()
    await h.sh(box, "head -c 3000000 /dev/zero > big; truncate -s 1T sparse")
    assert await box.read_file("big", 10) == b"\0" * 10
    assert await box.read_file("sparse", 5) == b"\0" * 5
    assert len(await box.read_file("big", 1 << 30) or b"") == 3_000_000


async def read_file_finds_nothing(h: Harness) -> None:
    box = await h.box()
    await h.sh(box, "mkdir d && : > file")
    for path in ("missing", "d", "d/missing", "file/below", "", ".", box.workspace):
        assert await box.read_file(path, 100) is None, path


async def read_file_follows_no_link(h: Harness) -> None:
    box = await h.box()
    await h.sh(box, "echo x > real; ln -s real link; ln -s /etc etc; ln -s /etc/passwd pw; ln -s pw chain")
    for path in ("link", "etc/passwd", "pw", "chain"):
        assert await box.read_file(path, 100) is None, path


async def read_file_stays_inside(h: Harness) -> None:
    box = await h.box()
    (h.directory / "outside").write_text("secret")
    await h.sh(box, "mkdir -p d")
    for path in (
        f"{box.workspace}/../labels.json",
        "../labels.json",
        "d/../../labels.json",
        "/etc/passwd",
        str(h.directory / "outside"),
    ):
        assert await box.read_file(path, 100) is None, path


async def read_file_waits_for_no_pipe(h: Harness) -> None:
    box = await h.box()
    await h.sh(box, "mkfifo pipe")
    await h.python(box, "import socket; socket.socket(socket.AF_UNIX).bind('socket')")
    assert await box.read_file("pipe", 100) is None
    assert await box.read_file("socket", 100) is None


async def tar_goes_out_and_in(h: Harness) -> None:
    box, other = await h.box(), await h.box()
    await h.sh(
        box,
        "mkdir -p out/deep/er && cd out && printf x > deep/er/f && chmod 0640 deep/er/f && ln -s deep/er/f l"
        " && printf '#!/bin/sh' > run && chmod 0755 run && printf ü > 'grün ß' && mkdir -m 0700 empty",
    )
    archive = h.directory / "out.tar"
    await box.tar_out(f"{box.workspace}/out", archive, 10 << 20)
    await other.tar_in(archive, f"{other.workspace}/made/anew")
    look = "cd made/anew && cat 'grün ß' l && readlink l && stat -c %a deep/er/f run empty && find . | wc -l"
    ran = (await h.sh(other, look)).fine()
    assert ran.text.splitlines() == ["üxdeep/er/f", "640", "755", "700", "8"]


async def tar_out_has_a_limit(h: Harness) -> None:
    box = await h.box()
    await h.sh(box, "mkdir out && head -c 3000000 /dev/zero > out/big")
    archive = h.directory / "out.tar"
    try:
        await box.tar_out(f"{box.workspace}/out", archive, 1 << 20)
    except SandboxBroken as broken:
        assert str(1 << 20) in str(broken)
        assert not archive.exists()
    else:
        raise AssertionError("it was packed")


async def tar_says_what_went_wrong(h: Harness) -> None:
    box = await h.box()
    bad = h.directory / "bad.tar"
    bad.write_bytes(b"no tar file at all" * 1000)
    for attempt in (
        box.tar_in(bad, box.workspace),
        box.tar_in(h.directory / "missing.tar", box.workspace),
        box.tar_out(f"{box.workspace}/missing", h.directory / "x.tar", 1 << 20),
    ):
        try:
            await attempt
        except SandboxBroken as broken:
            assert str(broken)
        else:
            raise AssertionError("it was taken for a success")


async def tar_in_writes_nothing_on_the_host(h: Harness) -> None:
    h.needs_isolation("an archive could leave through a link")
    box = await h.box()
    outside = h.directory / "outside"
    outside.mkdir()
    archive = h.directory / "evil.tar"
    with tarfile.open(archive, "w") as tar:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, str(outside)
        tar.addfile(link)
        for name in ("link/through", "../up", str(outside / "absolute")):
            entry = tarfile.TarInfo(name)
            entry.size = 1
            tar.addfile(entry, io.BytesIO(b"x"))
    with contextlib.suppress(SandboxBroken):  # a refusal is as good as keeping it inside
        await box.tar_in(archive, box.workspace)
    assert list(outside.iterdir()) == []
    assert not (h.directory / "up").exists()


async def files_get_the_usual_modes(h: Harness) -> None:
    box = await h.box()
    private = os.umask(0o077)
    try:
        ran = await h.sh(box, "touch file; mkdir dir; stat -c %a file dir")
    finally:
        os.umask(private)
    assert ran.fine().text == "644\n755"


CASES: list[Case] = [
    files_get_the_usual_modes,
    read_file_reads,
    read_file_reads_no_more_than_asked_for,
    read_file_finds_nothing,
    read_file_follows_no_link,
    read_file_stays_inside,
    read_file_waits_for_no_pipe,
    tar_goes_out_and_in,
    tar_out_has_a_limit,
    tar_says_what_went_wrong,
    tar_in_writes_nothing_on_the_host,
]
