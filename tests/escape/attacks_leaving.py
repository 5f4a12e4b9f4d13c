"""Attacks that want to write outside, to leave something that the host falls over, or to outlive their end."""

# ruff: noqa: E501 - the attackers' programs, as they are
from __future__ import annotations

import contextlib
import io
import os
import stat
import tarfile
from pathlib import Path

import pytest
from attack import Attack, Stage, nothing, state, trying

from fabrik.errors import SandboxBroken
from fabrik.sandboxes.sandbox import Limits
from fabrik.testing.conformance.harness import Ran, alive

_LINKS = """
import os
os.chdir("/workspace")
os.symlink(os.environ["CANARY"], "link"); os.symlink(os.environ["HOST"], "dir")
os.symlink("/etc/shadow", "shadow"); os.symlink("/proc/self/environ", "environ"); os.symlink("..", "up")
os.symlink(os.environ["CANARY"], "x\\n\\x1b]0;owned\\x07-rf"); os.mkfifo("fifo")
open("-rf", "w").close(); open("--checkpoint-action=exec=sh", "w").close(); open("a\\n\\x1b[2Jb", "w").close()
"""


async def _reads_no_link(stage: Stage, _: Ran) -> None:
    for path in ("link", "dir/canary", "shadow", "environ", "up/labels.json", "fifo", "../labels.json", "./link",
                 "/workspace/../labels.json", "/etc/passwd", "/proc/self/environ"):  # fmt: skip
        assert await stage.box.read_file(path, 4096) is None, path
    archive = stage.harness.directory / "out.tar"
    await stage.box.tar_out("/workspace", archive, 1 << 20)
    with tarfile.open(archive) as tar:
        members = tar.getmembers()
        assert {"./-rf", "./link", "./fifo"} <= {member.name for member in members}
        assert all(member.size == 0 and not member.name.startswith(("/", "..")) for member in members)
    assert stage.secret.encode() not in archive.read_bytes()
    for ours in (archive, stage.root, stage.root / "labels.json"):
        assert ours.stat().st_uid == os.getuid(), f"the host's file was given away: {ours}"


def _archive(stage: Stage) -> None:
    with tarfile.open(stage.harness.directory / "in.tar", "w") as tar:

        def add(name: str, data: bytes = b"owned", kind: bytes = tarfile.REGTYPE, link: str = "") -> None:
            member = tarfile.TarInfo(name)
            member.type, member.linkname, member.mode, member.uid = kind, link, 0o6755, 0
            member.size = len(data) if kind == tarfile.REGTYPE else 0
            tar.addfile(member, io.BytesIO(data) if member.size else None)

        add("ok")
        add("sub", kind=tarfile.SYMTYPE, link=str(stage.host))
        add("sub/canary")
        add("hard", kind=tarfile.LNKTYPE, link=str(stage.canary))
        add(str(stage.canary))
        add("../../host/canary")
        add("../labels.json")
        add("disk", kind=tarfile.BLKTYPE)
        add("/etc/ld.so.preload")


async def _unpacked(stage: Stage, _: Ran) -> None:
    with contextlib.suppress(SandboxBroken):  # tar says that it could not make all of it
        await stage.box.tar_in(stage.harness.directory / "in.tar", "/workspace/new")
    assert (stage.root / "workspace" / "new" / "ok").read_bytes() == b"owned"
    assert stage.canary.read_text() == stage.secret
    assert "owned" not in (stage.root / "labels.json").read_text()
    assert not Path("/etc/ld.so.preload").exists()
    for path in (stage.root / "workspace").rglob("*"):
        found = path.lstat()
        assert not stat.S_ISBLK(found.st_mode) and not stat.S_ISCHR(found.st_mode), path
        assert os.getuid() != 0 or found.st_uid != 0, f"root's, and setuid perhaps: {path}"


def _input(stage: Stage) -> None:
    place = stage.harness.directory / "input"
    place.write_bytes(b"as it was")
    place.chmod(0o600)


def _as_it_was(stage: Stage, ran: Ran) -> None:
    assert (stage.harness.directory / "labels").exists() is False
    for directory in (stage.root, stage.root.parent):
        assert not list(directory.glob("escape*")), "a file was left outside"
    nothing()(stage, ran)


async def _input_kept(stage: Stage, _: Ran) -> None:
    if os.getuid() != 0:
        pytest.skip("not protected: an ordinary user's sandbox runs as that user, to whom the file belongs")
    place = stage.harness.directory / "input"
    program = (
        "import os\nfor how in (os.O_RDWR, os.O_WRONLY | os.O_TRUNC):\n"
        "    try: os.write(os.open('/proc/self/fd/0', how), b'owned!')\n    except OSError: pass\n"
        "try: os.ftruncate(0, 0)\nexcept OSError: pass"
    )
    (await stage.harness.python(stage.box, program, stdin=place)).fine()
    assert place.read_bytes() == b"as it was", "the host's file was written through the command's input"


def _gone(stage: Stage, _: Ran) -> None:
    left = [pid for pid in alive(stage.mark) if pid != stage.victim.pid]
    assert not left, f"they survived: {left}"


def _not_stopped(stage: Stage, ran: Ran) -> None:
    assert state(os.getpid()) != "T"
    _gone(stage, ran)


def _lives(program: str) -> str:
    """A program that starts `program` with the mark in its command line, and waits until it runs."""
    return f"import os, signal, subprocess, sys, time\nmark = os.environ['MARK']\n{program}\n"


_SHORT: dict[str, object] = {"limits": Limits(seconds=1.0)}

ATTACKS = [
    Attack(name="leave_links_and_names", program=_LINKS, held=_reads_no_link),
    Attack(name="bring_in_a_bad_archive", program="", before=_archive, held=_unpacked),
    Attack(name="write_through_the_input", program="", before=_input, held=_input_kept),
    Attack(
        name="write_outside", held=_as_it_was,
        program=trying([
            "open(os.environ['ROOT'] + '/escape', 'w')",
            "open('/workspace/../escape', 'w')",
            "open('/home/agent/../../escape', 'w')",
            "open('/proc/1/root/escape', 'w')",
            "os.link(os.environ['CANARY'], '/workspace/hard')",
            "os.link('/etc/passwd', '/workspace/passwd')",
            "os.link('/usr/bin/env', '/workspace/env')",
            "os.rename('/workspace', '/escape')",
            "os.rename('/workspace', '/home/agent/w')",
            "os.unlink(os.environ['CANARY'])",
            "open(os.environ['CANARY'], 'w')",
        ]),
    ),
    Attack(
        name="live_on_as_a_daemon", held=_gone,
        program=_lives(
            "if os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        os.environ.clear()\n"
            "        os.closerange(0, 3)\n        os.execl('/bin/sleep', 'sleep', mark)\n    os._exit(0)\ntime.sleep(0.1)"
        ),
    ),
    Attack(
        name="live_on_deaf_to_signals", held=_gone, shell=True,
        program="trap '' HUP TERM INT QUIT PIPE USR1 USR2; nohup setsid sleep \"$MARK\" > /dev/null 2>&1 & sleep 0.1",
    ),
    Attack(
        name="live_on_by_forking_faster_than_death", held=_gone, more={"limits": Limits(seconds=1.0, processes=60)},
        program=_lives(
            "for s in (1, 2, 3, 13, 15): signal.signal(s, signal.SIG_IGN)\n"
            "for _ in range(8): os.fork()\n"
            "while True:\n    try:\n        if os.fork(): os._exit(0)\n    except OSError: pass\n"
        ).replace("range(8)", "range(4)"),
    ),
    Attack(
        name="live_on_behind_an_open_output", held=_gone, shell=True,
        program="(setsid sh -c 'while :; do echo x; sleep 0.05; done' \"$MARK\" &) ; sleep 0.1; exit 0",
    ),
    Attack(
        name="stop_the_worker", held=_not_stopped, more=_SHORT,
        program=_lives(
            "for pid in (int(os.environ['WORKER']), int(os.environ['VICTIM']), 1, os.getppid(), -1, 0):\n"
            "    for s in (signal.SIGSTOP, signal.SIGKILL):\n"
            "        if pid in (0, -1) and s == signal.SIGKILL: continue\n"
            "        try: os.kill(pid, s)\n        except OSError as e: print(e)\n"
        ),
    ),
    Attack(
        name="kill_all_it_can", held=_not_stopped, shell=True, more=_SHORT,
        program='sleep "$MARK" & kill -9 "$WORKER" "$VICTIM" $PPID 1; kill -STOP 1; kill -9 -1',
    ),
]  # fmt: skip
