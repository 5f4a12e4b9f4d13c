"""The system calls that a bubblewrap sandbox is refused, because namespaces do not cover them.

- socket: families other than unix, IPv4, IPv6 and netlink. A virtual machine's vsock belongs to no network
  namespace: with it a command could reach services of the machine, or of its hypervisor.
- keyctl, add_key, request_key: the session keyring is inherited, and may hold the user's keys.
- io_uring_setup: it opens sockets that this filter never sees. Programs fall back when it is not there.

A classic BPF program over `struct seccomp_data` (Documentation/userspace-api/seccomp_filter.rst).
"""

from __future__ import annotations

import os
import platform
import struct
from dataclasses import dataclass

_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06  # BPF_LD|W|ABS, JMP|JEQ|K, JMP|JGE|K, RET|K
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data; little endian
_ALLOW = 0x7FFF0000
_ERRNO = 0x00050000
_EPERM, _ENOSYS, _EAFNOSUPPORT = 1, 38, 97
_FAMILIES = (1, 2, 10, 16)  # AF_UNIX, AF_INET, AF_INET6, AF_NETLINK
_X32 = 0x40000000  # the third set of numbers that an x86-64 kernel may understand


@dataclass(frozen=True, kw_only=True)
class _Machine:
    """AUDIT_ARCH_* and the numbers of the calls, from the kernel's tables."""

    architecture: int
    socket: int
    absent: tuple[int, ...]  # add_key, request_key, keyctl, io_uring_setup


_MACHINES = {
    "x86_64": _Machine(architecture=0xC000003E, socket=41, absent=(248, 249, 250, 425)),
    "aarch64": _Machine(architecture=0xC00000B7, socket=198, absent=(217, 218, 219, 425)),
}


def program(machine: str) -> bytes | None:
    """The filter for a machine as `uname -m` names it; None for one whose numbers are not known here."""
    if (numbers := _MACHINES.get(machine)) is None:
        return None
    steps = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, numbers.architecture),
        (_RETURN, 0, 0, _ERRNO | _EPERM),  # 32-bit programs have other numbers
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, _X32),
        (_RETURN, 0, 0, _ERRNO | _ENOSYS),
    ]
    for number in numbers.absent:
        steps += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ERRNO | _ENOSYS)]
    steps += [
        (_EQUAL, 1, 0, numbers.socket),
        (_RETURN, 0, 0, _ALLOW),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
    ]
    for family in _FAMILIES:
        steps += [(_EQUAL, 0, 1, family), (_RETURN, 0, 0, _ALLOW)]
    steps.append((_RETURN, 0, 0, _ERRNO | _EAFNOSUPPORT))
    return b"".join(struct.pack("<HBBI", *step) for step in steps)


_HERE = program(platform.machine())


def open_program() -> int | None:
    """A new descriptor to read this machine's filter from, or None where there is none."""
    if _HERE is None:
        return None
    fd = os.memfd_create("seccomp", os.MFD_CLOEXEC)
    os.write(fd, _HERE)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd
