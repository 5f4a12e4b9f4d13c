"""The arguments of bwrap for one command. Reads the host's file system, changes nothing."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from fabrik.sandboxes import inside, shown_etc
from fabrik.sandboxes.layout import Layout
from fabrik.sandboxes.sandbox import Command, Doors, Limits, SandboxSpec
from fabrik.sandboxes.userns import INSIDE

WORKSPACE = "/workspace"
HOME = "/home/agent"
MODELS_PORT = 4180
PROXY_PORT = 4181

_TMP = "/tmp"  # noqa: S108 - inside
_TMP_BYTES = 1 << 30  # of /tmp, in memory
_SHM = 256 << 20  # bytes of /dev/shm; browsers need more than the 64 MiB of a container

# Files of /proc that only root may read. Where root can run nothing as another user, the kernel takes the
# sandbox's user for root, and they say things about the host: its memory, its kernel's addresses, its keys.
_ROOT_ONLY = (
    "kcore", "keys", "kmsg", "kpagecgroup", "kpagecount", "kpageflags", "latency_stats",
    "sched_debug", "slabinfo", "timer_list", "timer_stats", "vmallocinfo",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Descriptors:
    """What bwrap inherits open."""

    status: int  # it writes what became of the command
    block: int  # it waits for a byte before it starts the command
    go: int | None  # the forwarder waits for a byte before it starts the command; None: there is none
    env: int | None  # variables that come with that byte lie there
    filter: int | None  # system calls to refuse
    users: int | None  # the user namespace to join; None: bwrap makes one for the user that we are

    def all(self) -> list[int]:
        perhaps = (self.filter, self.go, self.env, self.users)
        return [self.status, self.block, *(fd for fd in perhaps if fd is not None)]


def arguments(
    spec: SandboxSpec, layout: Layout, command: Command, *, flags: frozenset[str], fds: Descriptors
) -> list[str]:
    """The whole command line. `flags`: what this bwrap can do.

    Raises SandboxBroken when something that is to be visible inside does not exist.
    """
    return [
        "bwrap",
        *_walls(flags, fds.users),
        "--json-status-fd", str(fds.status),
        "--block-fd", str(fds.block),
        *(("--seccomp", str(fds.filter)) if fds.filter is not None else ()),
        *inside.system(),
        "--ro-bind", str(layout.etc), "/etc",
        *shown_etc.mounts(),
        "--proc", "/proc",
        *(_masks() if fds.users is None else ()),
        "--remount-ro", "/proc",  # root's sandbox could write to /proc/sys otherwise: core_pattern, say
        "--dev", "/dev",
        "--size", str(_SHM), "--tmpfs", "/dev/shm",  # noqa: S108 - inside
        "--remount-ro", "/dev",
        "--perms", "1777", "--size", str(_tmp_bytes(command.limits)), "--tmpfs", _TMP,
        "--dir", "/var", "--symlink", _TMP, f"/var{_TMP}",
        "--dir", "/run",
        # Read-only whatever its files' modes say; without capabilities nothing inside can mount it anew.
        "--bind" if layout.reads is None else "--ro-bind", str(layout.workspace), WORKSPACE,
        "--bind", str(layout.home), HOME,
        *_read_only(spec),
        *(_doors(command.doors) if command.doors else ()),
        "--remount-ro", "/",
        "--chdir", str(PurePosixPath(WORKSPACE, command.cwd or "")),
        "--",
        *(_forwarder(fds.go, fds.env) if fds.go is not None else ()),
        *command.argv,
    ]  # fmt: skip


def _walls(flags: frozenset[str], users: int | None) -> list[str]:
    if users is None:
        found = ["--unshare-all", "--unshare-user"]
        closed = "--disable-userns"
    else:
        # As its "sync" descriptor bwrap keeps it from the command; by itself it would leave it open.
        found = ["--userns", str(users), "--sync-fd", str(users)]
        found += ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
        closed = "--assert-userns-disabled"
    found += ["--uid", str(INSIDE), "--gid", str(INSIDE), "--hostname", "fabrik"]
    found += ["--cap-drop", "ALL", "--die-with-parent", "--new-session"]
    if closed in flags:
        found.append(closed)
    return found


def _masks() -> list[str]:
    if os.getuid() != 0:
        return []
    found: list[str] = []
    for name in _ROOT_ONLY:
        if Path("/proc", name).exists():
            found += ["--ro-bind-try", os.devnull, f"/proc/{name}"]
    return found


def _tmp_bytes(limits: Limits) -> int:
    return min(size for size in (_TMP_BYTES, limits.disk_bytes, limits.memory_bytes) if size is not None)


def _read_only(spec: SandboxSpec) -> list[str]:
    inside.require_paths(spec)
    found: list[str] = []
    for path in spec.read_only:
        if not path.is_relative_to("/usr"):  # which is there already
            found += ["--ro-bind", str(spec.sources.get(path, path)), str(path)]
    return found


def _doors(doors: Doors) -> list[str]:
    """The two sockets themselves, and not their directory: another step's may lie beside them."""
    inside.require_sockets(doors)
    found: list[str] = []
    for name, socket in (("models", doors.models), ("proxy", doors.proxy)):
        found += ["--ro-bind", str(socket), f"/run/fabrik/{name}.sock"]
    _, prefix = inside.python()
    if prefix is not None:
        found += ["--ro-bind", str(prefix), str(prefix)]
    return found


def _forwarder(go: int, env: int | None) -> list[str]:
    command, _ = inside.python()
    doors = f"tcp:{MODELS_PORT}=/run/fabrik/models.sock,tcp:{PROXY_PORT}=/run/fabrik/proxy.sock"
    told = ["--env", str(env)] if env is not None else []
    return [*command, f"/etc/{inside.shim()[1]}", "--go", str(go), *told, "--doors", doors, "--"]
