"""The arguments of an engine's `run` for one command. Reads the host's file system, changes nothing."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import resource
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from fabrik.sandboxes import bwrap_args, inside, unprivileged
from fabrik.sandboxes.containers import host_view
from fabrik.sandboxes.containers.control import DOORS, INSIDE
from fabrik.sandboxes.containers.engine import Engine
from fabrik.sandboxes.layout import Layout
from fabrik.sandboxes.sandbox import Command, Doors, Limits, SandboxSpec

LABEL = "fabrik.sandbox"  # a digest of the sandbox's name, to find its containers by
_TMP_BYTES = 1 << 30  # of /tmp, in memory
_SHM_BYTES = 256 << 20
_PYTHON = ("python3", "-I", "-S", "-B")  # an image's own
_FORWARDED = (
    f"tcp:{bwrap_args.MODELS_PORT}={INSIDE}/{DOORS[0]},tcp:{bwrap_args.PROXY_PORT}={INSIDE}/{DOORS[1]}"
)


@dataclass(frozen=True, kw_only=True)
class Image:
    """What a container's system is made of."""

    name: str
    own: bool  # it brings a system; otherwise the host's is shown


def digest(sandbox: str) -> str:
    """What stands for a sandbox's name where an engine allows few characters."""
    return hashlib.sha256(sandbox.encode()).hexdigest()[:32]


def container_name(sandbox: str) -> str:
    """A name for a container that nobody has yet."""
    return f"fabrik-{digest(sandbox)[:12]}-{uuid4().hex[:8]}"


def run(
    engine: Engine,
    image: Image,
    *,
    name: str,
    spec: SandboxSpec,
    layout: Layout,
    control: Path,
    command: Command,
) -> list[str]:
    """The whole command line. The command itself is not on it: the first process is told later.

    Raises SandboxBroken when something that is to be visible inside does not exist.
    """
    inside.require_paths(spec)
    uid, gid = user()
    python, prefix = (_PYTHON, None) if image.own else inside.python()
    mounts = [
        _bind(str(layout.workspace), bwrap_args.WORKSPACE, write=layout.reads is None),
        _bind(str(layout.home), bwrap_args.HOME, write=True),
        _bind(str(control), INSIDE),
        _bind(os.devnull, "/etc/resolv.conf") if image.own else "",
        *(
            _bind(
                str(control / file), f"/etc/{file}" if image.own else host_view.over(engine, f"/etc/{file}")
            )
            for file in ("passwd", "group")
        ),
        *(_system(engine, layout) if not image.own else ()),
        *(_bind(str(prefix), str(prefix)) for prefix in [prefix] if prefix is not None),
        *_read_only(spec, image),
        *(_doors(command.doors) if command.doors else ()),
    ]
    return engine.argv(
        "run", "--rm", "--pull=never", "--name", name,
        "--label", f"{LABEL}={digest(spec.name)}", "--label", f"fabrik.name={spec.name}",
        *(f"--label=fabrik.{key}={value}" for key, value in sorted(spec.labels.items())),
        "--network=none", "--hostname=fabrik", "--log-driver=none", "--init=false",
        "--cap-drop=ALL", "--security-opt=no-new-privileges", "--read-only", f"--user={uid}:{gid}",
        "--ipc=none", f"--ulimit=nofile={_open_files()}",
        *engine.run,
        *_empty(image),
        "--tmpfs", f"/dev/shm:rw,nosuid,nodev,exec,mode=1777,size={_SHM_BYTES}",  # noqa: S108 - inside
        "--tmpfs", f"/tmp:rw,nosuid,nodev,exec,mode=1777,size={_tmp_bytes(command.limits)}",  # noqa: S108
        *(word for mount in mounts if mount for word in ("--mount", mount)),
        "--workdir=/", f"--entrypoint={python[0]}",
        image.name,
        *python[1:], f"{INSIDE}/first.py", f"{INSIDE}/control.sock",
        *(("--keep",) if image.own else ()),
        *(("--doors", _FORWARDED) if command.doors else ()),
    )  # fmt: skip


def user() -> tuple[int, int]:
    """The user and group of the host that run what is in a container."""
    owner = unprivileged.owner()
    return (owner.uid, owner.gid) if owner else (os.getuid(), os.getgid())


def _open_files() -> str:
    """As many as fabrik itself may open; an engine's own default may be more than it can give."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = 1 << 20 if most == resource.RLIM_INFINITY else min(most, 1 << 20)
    return f"{most}:{most}"


def _tmp_bytes(limits: Limits) -> int:
    return min(size for size in (_TMP_BYTES, limits.disk_bytes, limits.memory_bytes) if size is not None)


def _system(engine: Engine, layout: Layout) -> list[str]:
    shown = [(str(layout.etc), "/etc")]
    shown += [(mount.source, mount.target) for mount in host_view.view().mounts if mount.source]
    return [_bind(source, host_view.over(engine, target)) for source, target in shown]


def _empty(image: Image) -> list[str]:
    """Directories of the host that are shown without what is in them."""
    places = () if image.own else host_view.view().mounts
    empty = ["/sys", *(mount.target for mount in places if mount.source is None)]
    options = "ro,nosuid,nodev,noexec,mode=0555,size=65536"
    return [word for place in empty for word in ("--tmpfs", f"{place}:{options}")]


def _read_only(spec: SandboxSpec, image: Image) -> list[str]:
    return [
        _bind(str(spec.sources.get(path, path)), str(path))
        for path in spec.read_only
        if image.own or not path.is_relative_to("/usr")  # which is there already
    ]


def _doors(doors: Doors) -> list[str]:
    """The two sockets themselves, and not their directory: another step's may lie beside them."""
    inside.require_sockets(doors)
    sockets = zip(DOORS, (doors.models, doors.proxy), strict=True)
    return [_bind(str(socket), f"{INSIDE}/{name}") for name, socket in sockets]


def _bind(source: str, target: str, *, write: bool = False) -> str:
    words = ["type=bind", f"source={source}", f"target={target}"]
    return _csv(*words, *([] if write else ["readonly"]))


def _csv(*words: str) -> str:
    """As `--mount` reads it: a path may hold commas and quotes."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(words)
    return line.getvalue()
