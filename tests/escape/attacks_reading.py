"""Attacks that want to read what is the host's, another run's, or the judge's."""

# ruff: noqa: E501 - the attackers' programs, as they are
from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from attack import Attack, Before, Stage, nothing, trying

from fabrik.testing.conformance.harness import Ran

_EVERYWHERE = """
import os
for top in ("/", "/proc/1/root", "/proc/self/root", "/workspace/..", "/proc/1/cwd"):
    for path in (os.environ["CANARY"], os.environ["HOST"] + "/deep/canary"):
        try: print(open(top + path).read())
        except OSError as e: print(e)
"""


def _plant(*names: str) -> Before:
    def before(stage: Stage) -> None:
        for name in names:
            place = stage.harness.directory / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(stage.secret)
            place.chmod(0o644)

    return before


def _ledger(stage: Stage) -> None:
    with sqlite3.connect(stage.harness.directory / "ledger.db") as ledger:
        ledger.execute("CREATE TABLE runs (id TEXT)")
        ledger.execute("INSERT INTO runs VALUES (?)", (stage.secret,))
    ledger.close()


async def _other(stage: Stage) -> None:
    other = await stage.harness.box(stage.harness.spec("other"))
    await stage.harness.sh(other, f"echo {stage.secret} > /workspace/own; echo {stage.secret} > ~/own")


def _none_of_home(_: Stage, ran: Ran) -> None:
    shown = set(ran.text.split())
    hidden = {name for name in os.listdir(Path.home()) if name not in (".", "..")}  # noqa: PTH208
    assert not shown & hidden, f"seen of the home: {shown & hidden}"


def _no_hash(_: Stage, ran: Ran) -> None:
    assert "root:" not in ran.text


def _pids(stage: Stage, ran: Ran) -> None:
    assert stage.mark not in ran.text, "the command lines of the host's processes are seen"


ATTACKS = [
    Attack(
        name="read_the_passwords", shell=True, held=_no_hash,
        program="cat /etc/shadow /etc/gshadow /etc/shadow- /proc/1/root/etc/shadow",
    ),
    Attack(
        name="list_the_home", shell=True, held=_none_of_home,
        program=f"ls -A {Path.home()} {Path.home()}/.ssh /proc/1/root{Path.home()}; cat {Path.home()}/.ssh/*",
    ),
    Attack(name="read_a_file_of_the_host", program=_EVERYWHERE, in_the_open=True),
    Attack(
        name="read_another_run", before=_other, shell=True,
        program='cat /workspace/../../*/workspace/own "$ROOT"/../*/workspace/own "$ROOT"/../*/home/own',
    ),
    Attack(
        name="read_the_ledger", before=_ledger, shell=True, in_the_open=True,
        program='cat "$HOST/../ledger.db" /workspace/../../../ledger.db; find / -maxdepth 3 -xdev -name ledger.db -exec cat {} +',
    ),
    Attack(
        name="read_held_out_tests", before=_plant("held-out/test_it.py"), shell=True, in_the_open=True,
        program='cat "$HOST/../held-out/test_it.py"; grep -rsh secret- /run /etc /home /workspace "$HOST/.."',
    ),
    Attack(
        name="read_environments", shell=True, in_the_open=True,
        program='cat /proc/*/environ /proc/"$WORKER"/environ /proc/"$VICTIM"/environ | tr "\\0" "\\n"; env',
    ),
    Attack(
        name="read_command_lines", shell=True, held=_pids,
        program="unset MARK; for f in /proc/[0-9]*/cmdline; do tr '\\0' ' ' < $f; done",
    ),
    Attack(
        name="read_memory_of_the_kernel", held=nothing(),
        program=trying([
            f"assert open({place!r}, 'rb').read(16)"
            for place in ("/proc/kcore", "/proc/kmsg", "/dev/kmsg", "/dev/mem", "/dev/kmem", "/dev/port",
                          "/proc/kpagecount", "/proc/slabinfo", "/proc/vmallocinfo", "/proc/timer_list")
        ]),
    ),
    Attack(
        name="read_memory_of_others", held=nothing(),
        program=trying([
            "open('/proc/' + os.environ['VICTIM'] + '/mem', 'rb')",
            "open('/proc/' + os.environ['WORKER'] + '/maps').read(1)",
            "os.listdir('/proc/' + os.environ['WORKER'] + '/fd')",
            "assert len([n for n in os.listdir('/proc') if n.isdigit()]) > 10",
            "assert os.pidfd_open(int(os.environ['WORKER']))",
        ]),
    ),
    Attack(
        name="read_a_raw_disk", held=nothing(),
        program=trying([
            *(f"open({disk!r}, 'rb')" for disk in ("/dev/sda", "/dev/vda", "/dev/nvme0n1", "/dev/loop-control")),
            "os.mknod('/workspace/disk', 0o60666, os.makedev(8, 0)); open('/workspace/disk', 'rb')",
            "os.mknod('/tmp/null', 0o20666, os.makedev(1, 1)); open('/tmp/null', 'rb')",
            "assert [n for n in os.listdir('/dev') if n.startswith(('vd', 'sd', 'nvme', 'loop', 'kvm', 'fuse'))]",
        ]),
    ),
    Attack(
        name="read_the_keyring", held=nothing(),
        program=trying(
            [
                "assert libc.syscall(250, 0, -3, 1) > 0",  # keyctl(KEYCTL_GET_KEYRING_ID, session, create)
                "assert libc.syscall(248, b'user', b'x', b'y', 1, -3) > 0",  # add_key
                "assert libc.syscall(249, b'user', b'x', None, -3) > 0",  # request_key
            ],
            "import ctypes; libc = ctypes.CDLL(None)",
        ),
    ),
    Attack(
        name="follow_links_of_proc", shell=True,
        program='for p in /proc/[0-9]*; do cat $p/root"$CANARY" $p/cwd/../canary $p/fd/*; done < /dev/null',
    ),
]  # fmt: skip
