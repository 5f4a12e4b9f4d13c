"""The user of the kernel that runs what is in a sandbox when fabrik itself is root.

Root behind a sandbox, even without capabilities, still owns the host's files: one mount too many and it reads
/etc/shadow. So nothing in a sandbox runs as root: it gets a number that belongs to nobody.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

# A number in the one gap that no tool gives out: above the ranges of useradd's subordinate users (up to
# 600,100,000), systemd's containers (up to 1,879,048,191) and SSSD's and FreeIPA's directory users (up to
# 2,000,200,000); below systemd's foreign users (from 2,147,352,576) and podman's automatic user namespaces
# (from 2,147,483,647). See https://systemd.io/UIDS-GIDS, useradd(8), containers-storage.conf(5) and
# sssd-ldap(5).
_FIRST = 2_104_517_000
# Where we are root of a namespace with the usual 65,536 users: unused by systemd (65520-65533), and reserved
# by Debian (Policy 9.2.2: 65000-65533).
_SMALL = 65_525

# From linux/capability.h: to give files away, to read what we gave away, and to run as another user.
_NEEDED = {"CHOWN": 0, "DAC_OVERRIDE": 1, "SETGID": 6, "SETUID": 7, "SYS_ADMIN": 21}


@dataclass(frozen=True, kw_only=True)
class _Calls:
    """Numbers of system calls, from the kernel's tables."""

    setgroups: int
    setresuid: int
    setresgid: int


_CALLS = {
    "x86_64": _Calls(setgroups=116, setresuid=117, setresgid=119),
    "aarch64": _Calls(setgroups=159, setresuid=147, setresgid=149),
}


@dataclass(frozen=True, kw_only=True)
class Owner:
    """Who owns a sandbox's directories and processes, as the kernel numbers users and groups."""

    uid: int
    gid: int


@lru_cache(maxsize=1)
def owner() -> Owner | None:
    """The user for all sandboxes of this machine; None: they run as the user that we are.

    None also for a root that may not run anything as another user: `why_not` says so.
    """
    if os.geteuid() != 0 or why_not() is not None:
        return None
    return _mapped()


def why_not() -> str | None:
    """Why a root cannot run sandboxes as another user; None when it can, or is not root."""
    if os.geteuid() != 0:
        return None
    try:
        may = _capabilities(Path("/proc/self/status").read_text())
    except (OSError, ValueError):
        return "/proc does not say what this root may do"
    if missing := [name for name, bit in _NEEDED.items() if not may >> bit & 1]:
        return f"this root lacks {', '.join(f'CAP_{name}' for name in missing)}"
    if _mapped() is None:
        return "this root's namespace has no other user"
    return None


def _capabilities(status: str) -> int:
    for line in status.splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0


def _mapped() -> Owner | None:
    try:
        uids, gids = (Path(f"/proc/self/{kind}_map").read_text() for kind in ("uid", "gid"))
    except OSError:
        return None
    for number in (_FIRST, _SMALL):
        if _has(uids, number) and _has(gids, number):
            return Owner(uid=number, gid=number)
    return None


def _has(mapping: str, number: int) -> bool:
    """Whether a user or group exists in this namespace: user_namespaces(7), `/proc/PID/uid_map`."""
    for line in mapping.splitlines():
        first, _, count = (int(word) for word in line.split())
        if first <= number < first + count:
            return True
    return False


@contextlib.contextmanager
def acting_as(owner: Owner | None) -> Iterator[dict[str, Any]]:
    """What this thread starts belongs to the owner from its first instruction: the arguments for Popen.

    Root's rights and groups are put aside for this thread alone, by the system calls themselves: the
    library's functions would change all threads, and Popen's own `user` makes it copy the tables of our
    memory. The saved user stays root's, to come back; a program that is started has the owner's only.
    """
    if owner is None:
        yield {}
        return
    calls = _CALLS.get(platform.machine())
    if calls is None:
        yield {"user": owner.uid, "group": owner.gid, "extra_groups": []}
        return
    groups = os.getgroups()
    call(calls.setgroups, 0, None)
    try:
        call(calls.setresgid, owner.gid, owner.gid, 0)
        call(calls.setresuid, owner.uid, owner.uid, 0)
        yield {}
    finally:
        call(calls.setresuid, 0, 0, 0)
        call(calls.setresgid, 0, 0, 0)
        call(calls.setgroups, len(groups), (ctypes.c_uint32 * len(groups))(*groups))


def call(number: int, *arguments: int | ctypes.Array[ctypes.c_uint32] | None) -> None:
    """One system call of this thread. Raises OSError."""
    if _libc().syscall(number, *arguments) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


@lru_cache(maxsize=1)
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
