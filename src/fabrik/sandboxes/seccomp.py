"""The system calls that a bubblewrap sandbox is refused, because namespaces do not cover them.

- socket: families other than unix, IPv4, IPv6 and netlink, and of netlink all but the list of addresses that
  programs ask for. A virtual machine's vsock belongs to no network namespace: with it a command could reach
  services of the machine, or of its hypervisor.
- keyctl, add_key, request_key: the session keyring is inherited, and may hold the user's keys.
- io_uring: it opens sockets that this filter never sees. Programs fall back when it is not there.
- new namespaces, by clone, unshare or setns; clone3 is absent, since its flags lie where no filter can look.
- what needs rights that nothing here has (mounts, modules, clocks, kexec) or is of use to break the kernel
  only (bpf, performance events, userfaultfd, file handles): so a fault in their code cannot be reached.
- ioctl: input put into a terminal (TIOCSTI, TIOCLINUX). personality: all but what debuggers set.

A classic BPF program over `struct seccomp_data` (Documentation/userspace-api/seccomp_filter.rst).
"""

from __future__ import annotations

import os
import platform
import struct
from dataclasses import dataclass

_LOAD, _EQUAL, _AT_LEAST, _ANY_OF, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06  # BPF_LD|W|ABS, JMP|JEQ|JGE|JSET|K
_NUMBER, _ARCHITECTURE = 0, 4  # offsets in struct seccomp_data
_ARGUMENT = (16, 24, 32)  # the lower halves of the arguments: both machines are little endian
_ALLOW = 0x7FFF0000
_ERRNO = 0x00050000
_EPERM, _ENOSYS, _EAFNOSUPPORT, _EPROTONOSUPPORT = 1, 38, 97, 93
_FAMILIES = (1, 2, 10)  # AF_UNIX, AF_INET, AF_INET6
_NETLINK = 16  # AF_NETLINK; of its protocols only 0, NETLINK_ROUTE
_X32 = 0x40000000  # the third set of numbers that an x86-64 kernel may understand
_NAMESPACES = 0x7E020080  # CLONE_NEW{NS,CGROUP,UTS,IPC,USER,PID,NET} and NEWTIME
_NEW_TIME = 0x80  # of clone this bit is part of the signal to send, and no namespace
_TERMINAL = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX
# Linux (with SHORT_INODE, UNAME26), no randomization, and the question what is set.
_PERSONALITIES = (0, 0x8, 0x20000, 0x20008, 0x40000, 0xFFFFFFFF)

_ABSENT = (425, 426, 427, 435)  # io_uring_setup, _enter, _register, clone3: the same on all machines
# open_tree, move_mount, fsopen, fsconfig, fsmount, fspick, mount_setattr, quotactl_fd, open_tree_attr
_REFUSED = (428, 429, 430, 431, 432, 433, 442, 443, 467)


@dataclass(frozen=True, kw_only=True)
class _Machine:
    """AUDIT_ARCH_* and the numbers of the calls, from the kernel's tables."""

    architecture: int
    socket: int
    clone: int
    unshare: int
    ioctl: int
    personality: int
    absent: tuple[int, ...]  # add_key, request_key, keyctl
    refused: tuple[int, ...]


_MACHINES = {
    "x86_64": _Machine(
        architecture=0xC000003E,
        socket=41,
        clone=56,
        unshare=272,
        ioctl=16,
        personality=135,
        absent=(248, 249, 250),
        refused=(
            103,  # syslog
            134, 136, 139,  # uselib, ustat, sysfs
            155, 163, 164, 165, 166, 167, 168, 169,  # pivot_root, acct, settimeofday, mount … reboot
            172, 173, 174, 175, 176, 179, 180,  # iopl, ioperm, modules, quotactl, nfsservctl
            212, 227, 246,  # lookup_dcookie, clock_settime, kexec_load
            298, 303, 304, 305, 308,  # perf_event_open, file handles, clock_adjtime, setns
            313, 320, 321, 323,  # finit_module, kexec_file_load, bpf, userfaultfd
        ),
    ),
    "aarch64": _Machine(
        architecture=0xC00000B7,
        socket=198,
        clone=220,
        unshare=97,
        ioctl=29,
        personality=92,
        absent=(217, 218, 219),
        refused=(
            18, 39, 40, 41, 60, 89,  # lookup_dcookie, umount2, mount, pivot_root, quotactl, acct
            104, 105, 106, 112, 116, 142,  # kexec_load, modules, clock_settime, syslog, reboot
            170, 224, 225, 241,  # settimeofday, swapon, swapoff, perf_event_open
            264, 265, 266, 268, 273,  # file handles, clock_adjtime, setns, finit_module
            280, 282, 294,  # bpf, userfaultfd, kexec_file_load
        ),
    ),
}  # fmt: skip

Step = tuple[int, int, int, int]  # of a program: operation, jump if true, jump if false, operand


def program(machine: str) -> bytes | None:
    """The filter for a machine as `uname -m` names it; None for one whose numbers are not known here."""
    if (numbers := _MACHINES.get(machine)) is None:
        return None
    steps: list[Step] = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, numbers.architecture),
        (_RETURN, 0, 0, _ERRNO | _EPERM),  # 32-bit programs have other numbers
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, _X32),
        (_RETURN, 0, 0, _ERRNO | _ENOSYS),
    ]
    for number in (*numbers.absent, *_ABSENT):
        steps += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ERRNO | _ENOSYS)]
    for number in (*numbers.refused, *_REFUSED):
        steps += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ERRNO | _EPERM)]
    for number, rule in (
        (numbers.clone, _without(_NAMESPACES & ~_NEW_TIME)),
        (numbers.unshare, _without(_NAMESPACES)),
        (numbers.ioctl, _none_of(_ARGUMENT[1], _TERMINAL)),
        (numbers.personality, _one_of(_ARGUMENT[0], _PERSONALITIES, _EPERM)),
        (numbers.socket, _sockets()),
    ):
        steps += [(_EQUAL, 0, len(rule), number), *rule]
    steps.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("<HBBI", *step) for step in steps)


def _without(bits: int) -> list[Step]:
    """Allow a first argument that has none of these bits."""
    return [
        (_LOAD, 0, 0, _ARGUMENT[0]),
        (_ANY_OF, 0, 1, bits),
        (_RETURN, 0, 0, _ERRNO | _EPERM),
        (_RETURN, 0, 0, _ALLOW),
    ]


def _none_of(argument: int, values: tuple[int, ...]) -> list[Step]:
    steps: list[Step] = [(_LOAD, 0, 0, argument)]
    for value in values:
        steps += [(_EQUAL, 0, 1, value), (_RETURN, 0, 0, _ERRNO | _EPERM)]
    return [*steps, (_RETURN, 0, 0, _ALLOW)]


def _one_of(argument: int, values: tuple[int, ...], errno: int) -> list[Step]:
    steps: list[Step] = [(_LOAD, 0, 0, argument)]
    for value in values:
        steps += [(_EQUAL, 0, 1, value), (_RETURN, 0, 0, _ALLOW)]
    return [*steps, (_RETURN, 0, 0, _ERRNO | errno)]


def _sockets() -> list[Step]:
    routes = _one_of(_ARGUMENT[2], (0,), _EPROTONOSUPPORT)
    families = _one_of(_ARGUMENT[0], _FAMILIES, _EAFNOSUPPORT)
    return [*families[:-1], (_EQUAL, 0, len(routes), _NETLINK), *routes, families[-1]]


_HERE = program(platform.machine())


def open_program() -> int | None:
    """A new descriptor to read this machine's filter from, or None where there is none."""
    if _HERE is None:
        return None
    fd = os.memfd_create("seccomp", os.MFD_CLOEXEC)
    os.write(fd, _HERE)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd
