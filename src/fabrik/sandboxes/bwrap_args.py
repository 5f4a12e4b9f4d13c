"""The arguments of bwrap for one command. Reads the host's file system, changes nothing."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path, PurePosixPath

from fabrik.sandboxes import inside, shown_etc
from fabrik.sandboxes.layout import Layout
from fabrik.sandboxes.sandbox import Command, Doors, Limits, SandboxSpec

WORKSPACE = "/workspace"
HOME = "/home/agent"
MODELS_PORT = 4180
PROXY_PORT = 4181

_SHIM = Path(__file__).with_name("shim.py")
_TMP = "/tmp"  # noqa: S108 - inside
_TMP_BYTES = 1 << 30  # of /tmp, in memory
_SHM = 256 << 20  # bytes of /dev/shm; browsers need more than the 64 MiB of a container

# Files of /proc that only root may read. The kernel takes the sandbox's user for root when fabrik runs as
# root, and they say things about the host: its memory, its kernel's addresses, its keys.
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

    def all(self) -> list[int]:
        perhaps = (self.filter, self.go, self.env)
        return [self.status, self.block, *(fd for fd in perhaps if fd is not None)]


def arguments(
    spec: SandboxSpec, layout: Layout, command: Command, *, flags: frozenset[str], fds: Descriptors
) -> list[str]:
    """The whole command line. `flags`: what this bwrap can do.

    Raises SandboxBroken when something that is to be visible inside does not exist.
    """
    return [
        "bwrap",
        *_walls(flags),
        "--json-status-fd", str(fds.status),
        "--block-fd", str(fds.block),
        *(("--seccomp", str(fds.filter)) if fds.filter is not None else ()),
        *inside.system(),
        "--ro-bind", str(layout.etc), "/etc",
        *shown_etc.mounts(),
        "--proc", "/proc",
        *_masks(),
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


def _walls(flags: frozenset[str]) -> list[str]:
    found = ["--unshare-all", "--unshare-user", "--uid", "1000", "--gid", "1000", "--hostname", "fabrik"]
    found += ["--cap-drop", "ALL", "--die-with-parent", "--new-session"]
    if "--disable-userns" in flags:
        found.append("--disable-userns")
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
    shim = _shim()
    found = ["--ro-bind", str(shim), f"/run/fabrik/shim{shim.suffix}"]
    for name, socket in (("models", doors.models), ("proxy", doors.proxy)):
        found += ["--ro-bind", str(socket), f"/run/fabrik/{name}.sock"]
    _, prefix = inside.python()
    if prefix is not None:
        found += ["--ro-bind", str(prefix), str(prefix)]
    return found


@lru_cache(maxsize=1)
def _shim() -> Path:
    """The forwarder: compiled, where it is run by a Python that takes what this one has compiled.

    Final releases of one minor version do (the magic number of `importlib.util` stays), and it need not be
    compiled for each session.
    """
    command, _ = inside.python()
    same = Path(command[0]).name == f"python{sys.version_info.major}.{sys.version_info.minor}"
    if not same or sys.implementation.name != "cpython" or sys.version_info.releaselevel != "final":
        return _SHIM
    compiled = import_module("fabrik.sandboxes.shim").__cached__  # as fresh as the source, by now
    return Path(compiled) if compiled and os.access(compiled, os.R_OK) else _SHIM


def _forwarder(go: int, env: int | None) -> list[str]:
    command, _ = inside.python()
    doors = f"tcp:{MODELS_PORT}=/run/fabrik/models.sock,tcp:{PROXY_PORT}=/run/fabrik/proxy.sock"
    told = ["--env", str(env)] if env is not None else []
    return [*command, f"/run/fabrik/shim{_shim().suffix}", "--go", str(go), *told, "--doors", doors, "--"]
