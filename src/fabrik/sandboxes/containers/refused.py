"""The system calls that a container is refused besides those of its engine's own list.

An engine's list differs with its version: older ones let a vsock through, which belongs to no network
namespace, and podman's lets everybody make namespaces, in which much more of the kernel can be reached.
"""

from __future__ import annotations

import os
import platform
import struct

from fabrik.sandboxes import seccomp

# From linux/bpf_common.h and linux/seccomp.h; offsets in struct seccomp_data, little endian.
_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_NUMBER, _FIRST_ARGUMENT = 0, 16
_ALLOW, _ERRNO, _EPERM, _ENOSYS = 0x7FFF0000, 0x00050000, 1, 38
# CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET (linux/sched.h)
_NAMESPACES = 0x20000 | 0x2000000 | 0x4000000 | 0x8000000 | 0x10000000 | 0x20000000 | 0x40000000
_CALLS = {  # unshare, clone, setns, clone3: from the kernel's tables
    "x86_64": (272, 56, 308, 435),
    "aarch64": (97, 220, 268, 435),
}


def programs() -> tuple[bytes, ...]:
    """The kernel's programs that the first process installs, one upon the other."""
    found = [namespaces(platform.machine())]
    if (fd := seccomp.open_program()) is not None:
        with os.fdopen(fd, "rb") as file:
            found.append(file.read())
    return tuple(program for program in found if program)


def namespaces(machine: str) -> bytes:
    """Refuses new namespaces on a machine as `uname -m` names it; b"" where its numbers are not known here.

    What clone3 is asked for lies in memory, where no filter looks; the C libraries fall back to clone.
    """
    if machine not in _CALLS:
        return b""
    unshare, clone, setns, clone3 = _CALLS[machine]
    return _pack(
        (_LOAD, 0, 0, _NUMBER),
        (_EQUAL, 5, 0, unshare),
        (_EQUAL, 4, 0, clone),
        (_EQUAL, 1, 0, clone3),
        (_EQUAL, 4, 5, setns),
        (_RETURN, 0, 0, _ERRNO | _ENOSYS),
        (_RETURN, 0, 0, _ALLOW),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_ANY_BIT, 0, 1, _NAMESPACES),
        (_RETURN, 0, 0, _ERRNO | _EPERM),
        (_RETURN, 0, 0, _ALLOW),
    )


def _pack(*steps: tuple[int, int, int, int]) -> bytes:
    """As `struct sock_filter` has them, one behind the other."""
    return b"".join(struct.pack("<HBBI", *step) for step in steps)
