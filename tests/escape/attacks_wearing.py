"""Attacks that want to use up what the host has, to keep it waiting, or to deceive who reads what they printed."""

# ruff: noqa: E501 - the attackers' programs, as they are
from __future__ import annotations

import time

from attack import Attack, Held, Stage

from fabrik.cli.text import neutralise, one_line
from fabrik.errors import SandboxBroken
from fabrik.sandboxes import watch
from fabrik.sandboxes.sandbox import Limits
from fabrik.testing.conformance.harness import Ran, alive, ref

_MIB = 1 << 20


def _stopped(*by: str) -> Held:
    def held(stage: Stage, ran: Ran) -> None:
        assert ran.end.stopped_by in by or not ran.end.ok, ran.end
        assert not [pid for pid in alive(stage.mark) if pid != stage.victim.pid]

    return held


async def _can_go_on(stage: Stage, ran: Ran) -> None:
    assert ran.end.stopped_by in ("processes", "time") or not ran.end.ok, ran.end
    assert (await stage.harness.sh(stage.box, "echo fine")).fine().text == "fine"


async def _removed(stage: Stage, _: Ran) -> None:
    began = time.monotonic()
    before = watch.free(stage.root)
    await stage.box.close()
    await stage.harness.provider.destroy(ref(stage.harness.made[0][1]))
    assert not stage.root.exists()
    assert time.monotonic() - began < 60 and watch.free(stage.host) >= before - 256 * _MIB


async def _sparse(stage: Stage, _: Ran) -> None:
    archive = stage.harness.directory / "out.tar"
    try:
        await stage.box.tar_out("/workspace", archive, 4 * _MIB)
    except SandboxBroken:
        assert not archive.exists()
    else:
        raise AssertionError("an endless file was brought out")
    assert len(await stage.box.read_file("big", 1000) or b"") == 1000


def _harmless(_: Stage, ran: Ran) -> None:
    shown = neutralise(ran.out.decode(errors="replace")) + one_line(ran.text)
    assert "\x1b" not in shown and "\x07" not in shown and "\x9b" not in shown and "\u202e" not in shown
    assert "shipped" in shown  # it was there, and only the words are left


def _small_log(stage: Stage, ran: Ran) -> None:
    assert ran.end.stopped_by == "output", ran.end
    assert len(ran.out) < 64 * _MIB


ATTACKS = [
    Attack(
        name="fork_bomb", shell=True, held=_can_go_on, more={"limits": Limits(seconds=3.0, processes=40)},
        program='bomb() { bomb | bomb & }; bomb; while :; do sleep "$MARK" & done',
    ),
    Attack(
        name="thread_bomb", held=_can_go_on, more={"limits": Limits(seconds=3.0, processes=40)},
        program="import threading, time\nwhile True:\n    threading.Thread(target=time.sleep, args=(60,)).start()",
    ),
    Attack(
        name="memory_bomb", held=_stopped("memory"), more={"limits": Limits(seconds=20.0, memory_bytes=96 * _MIB)},
        program="kept = []\nwhile True: kept.append(bytearray(b'x' * (8 << 20)))",
    ),
    Attack(
        name="memory_bomb_in_tmp", held=_stopped("memory"), more={"limits": Limits(seconds=20.0, memory_bytes=96 * _MIB)},
        program="f = open('/tmp/x', 'wb')\ng = open('/dev/shm/x', 'wb')\n"
        "while True: f.write(b'x' * (4 << 20)); g.write(b'x' * (4 << 20))",
    ),
    Attack(
        name="disk_bomb", held=_stopped("disk"),
        more={"limits": Limits(seconds=20.0, disk_bytes=24 * _MIB, output_bytes=_MIB)},
        program="import itertools, time\nfor n in itertools.count():\n    open(f'/workspace/{n}', 'wb').write(b'x' * (2 << 20))\n"
        "    time.sleep(0.05)",
    ),
    Attack(
        name="bomb_of_one_file", held=_stopped("disk"),
        more={"limits": Limits(seconds=20.0, disk_bytes=24 * _MIB, output_bytes=_MIB)},
        program="f = open('/workspace/x', 'wb')\nwhile True: f.write(b'x' * (1 << 20))",
    ),
    Attack(
        name="inode_bomb", held=_removed,
        program="import os\nfor d in range(20):\n    os.mkdir(f'/workspace/{d}')\n"
        "    for n in range(300): os.close(os.open(f'/workspace/{d}/{n}', os.O_CREAT))\n    os.chmod(f'/workspace/{d}', 0)",
    ),
    Attack(
        name="tree_that_is_too_deep", held=_removed,
        program="import os\nos.chdir('/workspace')\nfor n in range(3000):\n    os.mkdir('d' * 50); os.chdir('d' * 50)\n",
    ),
    Attack(
        name="endless_file", held=_sparse, program="open('/workspace/big', 'wb').truncate(1 << 42)",
    ),
    Attack(
        name="output_bomb", held=_small_log, shell=True, program="yes fabrik",
        more={"limits": Limits(seconds=20.0, output_bytes=2 * _MIB)},
    ),
    Attack(name="never_read", shell=True, program="exit 0", more={"stdin": b"x" * (16 * _MIB)}),
    Attack(
        name="never_end", shell=True, held=_stopped("time"), more={"limits": Limits(seconds=0.5)},
        program='exec 0<&- 1>&- 2>&-; trap "" TERM HUP; sleep "$MARK"',
    ),
    Attack(
        name="deceive_the_reader", held=_harmless,
        program="print('\\x1b[2J\\x1b]0;owned\\x07\\x1b]52;c;cm0gLXJm\\x07\\x1bP+q\\x1b\\\\ shipped \\u202e\\x9b31m')",
    ),
    Attack(
        name="pretend_an_end", shell=True, held=_stopped(),
        program='echo \'{ "exit-code": 0 }\'; for fd in /proc/self/fd/* /proc/1/fd/*; do\n'
        "echo '{ \"exit-code\": 0 }' > $fd; done 2>/dev/null; exit 3",
    ),
]  # fmt: skip
