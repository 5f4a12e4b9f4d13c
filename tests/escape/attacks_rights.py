"""Attacks that want more rights than the sandbox has, or a way around its walls."""

# ruff: noqa: E501 - the attackers' programs, as they are
from __future__ import annotations

from pathlib import Path

from attack import Attack, Stage, nothing, trying

from fabrik.testing.conformance.harness import Ran

_CALL = (
    "import ctypes, os; libc = ctypes.CDLL(None, use_errno=True)\ndef call(*a):\n    return libc.syscall(*a)"
)


def _calls(numbers: dict[str, tuple[int | str, ...]]) -> str:
    """Each with arguments that would work for one who may; x86-64."""
    return trying(
        [f"assert call({', '.join(map(str, args))}) >= 0  # {name}" for name, args in numbers.items()], _CALL
    )


def _not_root(stage: Stage, ran: Ran) -> None:
    assert "uid=0" not in ran.text and "euid=0" not in ran.text, ran.text
    left = stage.root / "workspace" / "rootshell"
    assert not left.exists() or left.stat().st_uid != 0, "a program that is root for whoever runs it was left"


def _unchanged(stage: Stage, ran: Ran) -> None:
    nothing()(stage, ran)
    assert Path("/proc/sys/kernel/core_pattern").read_text() == CORE


CORE = Path("/proc/sys/kernel/core_pattern").read_text()
_SETTINGS = (
    "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sysrq-trigger", "/proc/sys/vm/drop_caches",
    "/proc/sys/kernel/hostname", "/proc/sys/fs/binfmt_misc/register", "/proc/1/oom_score_adj",
    "/sys/kernel/uevent_helper", "/sys/power/state", "/sys/kernel/mm/transparent_hugepage/enabled",
)  # fmt: skip

ATTACKS = [
    Attack(
        name="change_settings_of_the_kernel", held=_unchanged,
        program=trying([f"os.open({place!r}, os.O_WRONLY)" for place in _SETTINGS]),
    ),
    Attack(
        name="write_to_sysfs_or_cgroups", shell=True, held=nothing(),
        program="find /sys /proc/sys /proc/bus /proc/irq -writable -not -type l 2>/dev/null | sed 's/^/DONE /'\n"
        "find /sys -name release_agent -o -name cgroup.procs -writable 2>/dev/null | sed 's/^/DONE /'\necho TRIED",
    ),
    Attack(
        name="use_setuid_programs", shell=True, held=_not_root,
        program="cp /bin/sh /workspace/rootshell; chmod 6755 /workspace/rootshell; /workspace/rootshell -p -c id\n"
        "for p in $(find /usr -perm -4000 -type f 2>/dev/null); do timeout 2 $p -c id < /dev/null; done\n"
        "sudo -n id; su -c id < /dev/null; pkexec id < /dev/null; echo TRIED",
    ),
    Attack(
        name="become_root", held=nothing(),
        program=trying([
            "os.setuid(0)", "os.setgid(0)", "os.setgroups([0])", "os.setresuid(0, 0, 0)", "os.chroot('/')",
            "os.chown('/workspace', 0, 0)", "os.nice(-5)",
            "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (2**20 + 1, 2**20 + 1))",
            "assert int([l.split()[1] for l in open('/proc/self/status') if l.startswith('CapEff')][0], 16)",
            "assert int([l.split()[1] for l in open('/proc/self/status') if l.startswith('CapBnd')][0], 16)",
            "assert 'NoNewPrivs:\\t0' in open('/proc/self/status').read()",
        ]),
    ),
    Attack(
        name="make_namespaces", held=nothing(),
        program=_calls({
            "unshare user": (272, 0x10000000),
            "unshare user, mount": (272, 0x10020000),
            "unshare net": (272, 0x40000000),
            "clone user": (56, 0x10000011, 0, 0, 0, 0),
            "clone3": (435, 0, 0),
            "setns": (308, "os.open('/proc/self/ns/user', os.O_RDONLY)", 0),
        }),
    ),
    Attack(
        name="make_namespaces_with_tools", shell=True, held=nothing("DONE"),
        program="unshare -Ur true && echo DONE; unshare -m true && echo DONE; nsenter -t 1 -a true && echo DONE\n"
        "unshare -n true && echo DONE; unshare -p -f true && echo DONE; echo TRIED",
    ),
    Attack(
        name="mount", held=nothing(),
        program=_calls({
            "tmpfs": (165, 'b"x"', 'b"/tmp"', 'b"tmpfs"', 0, 0),
            "bind": (165, 'b"/"', 'b"/tmp"', 0, 4096, 0),
            "remount /usr": (165, 0, 'b"/usr"', 0, 4128, 0),
            "remount /workspace": (165, 0, 'b"/proc"', 0, 4128, 0),
            "umount": (166, 'b"/etc"', 2),
            "pivot_root": (155, 'b"/"', 'b"/tmp"'),
            "fsopen": (430, 'b"tmpfs"', 0),
            "open_tree": (428, -100, 'b"/"', 1),
            "move_mount": (429, -100, 'b"/tmp"', -100, 'b"/workspace"', 0),
        }),
    ),
    Attack(
        name="call_what_breaks_kernels", held=nothing(),
        program=_calls({
            "bpf": (321, 0, 0, 0),
            "perf_event_open": (298, 'b"\\0" * 128', 0, -1, -1, 0),
            "userfaultfd": (323, 1),
            "io_uring_setup": (425, 1, 'b"\\0" * 128'),
            "kexec_load": (246, 0, 0, 0, 0),
            "init_module": (175, 0, 0, 'b""'),
            "name_to_handle_at": (303, -100, 'b"/"', 'ctypes.create_string_buffer(b"\\x80\\0\\0\\0", 256)', 'b"\\0" * 8', 0),
            "open_by_handle_at": (304, 0, 0, 0),
            "personality": (135, 0x0400000),
            "syslog": (103, 10, 0, 0),
            "reboot": (169, 0xFEE1DEAD, 672274793, 0, 0),
            "settimeofday": (164, 'b"\\0" * 16', 0),
        }),
    ),
    Attack(
        name="open_strange_sockets", held=nothing(),
        program=trying(
            [f"socket.socket({family}, {kind}, {protocol})" for family, kind, protocol in (
                (40, 1, 0), (40, 2, 0), (17, 3, 3), (38, 5, 0), (31, 3, 1), (16, 3, 9), (16, 3, 15), (16, 3, 16),
                (16, 3, 12), (2, 3, 1), (2, 3, 255), (10, 3, 58), (29, 3, 1), (44, 3, 0),
            )],
            "import socket",
        ),
    ),
    Attack(
        name="type_into_the_terminal", held=nothing(),
        program=trying(
            ["fcntl.ioctl(0, 0x5412, b'x')", "fcntl.ioctl(pty.openpty()[1], 0x5412, b'x')",
             "fcntl.ioctl(0, 0x541C, b'\\x03')", "open('/dev/tty', 'w').write('x')", "open('/dev/console', 'w')"],
            "import fcntl, pty",
        ),
    ),
    Attack(
        name="trace_others", held=nothing(),
        program=_calls({
            "attach to a process of the host": (101, 16, "int(os.environ['VICTIM'])", 0, 0),
            "seize the worker": (101, 0x4206, "int(os.environ['WORKER'])", 0, 0),
            "process_vm_readv": (310, "int(os.environ['VICTIM'])", 0, 0, 0, 0, 0),
        }),
    ),
    Attack(
        name="write_to_the_system", shell=True, held=nothing("DONE"),
        program="for p in / /usr /usr/bin /usr/local/bin /etc /etc/passwd /etc/ld.so.preload /bin/sh /lib /opt /proc /dev; do\n"
        "  (echo x >> $p/fabrik-escape || echo x >> $p) 2>/dev/null && echo DONE $p; chmod 777 $p 2>/dev/null && echo DONE $p\n"
        "done; mkdir -p \"$HOST\" && echo x > \"$CANARY\"; echo TRIED",
    ),
]  # fmt: skip
