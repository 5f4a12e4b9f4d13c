"""The host's own system, as a container without an image of its own shows it: the same that bubblewrap shows.

The container's root is an empty image that is made here. In it lie the links that the host has (/bin,
/lib …), and `/.fabrik/top`, which leads to /: engines put files of their own into /etc, each as a mount, and
mounts with a longer path come later. So /etc is mounted at /.fabrik/top/etc, over what the engine put there.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from fabrik.sandboxes import bwrap_args, inside, shown_etc
from fabrik.sandboxes.containers.engine import Engine

TOP = "/.fabrik/top"
_NAME = "fabrik-host"
_DIRECTORIES = (
    ".fabrik", "dev", "etc", "home", bwrap_args.HOME[1:], "opt", "proc", "run", "sys", "tmp", "usr", "var",
    bwrap_args.WORKSPACE[1:],
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Mount:
    """A mount that cannot be written. `source` None: an empty directory in memory."""

    source: str | None
    target: str


@dataclass(frozen=True, kw_only=True)
class View:
    """What is shown of the host."""

    mounts: tuple[Mount, ...]
    links: tuple[tuple[str, str], ...]  # path, what it leads to


@lru_cache(maxsize=1)
def view() -> View:
    """What this host shows. Its bubblewrap arguments say it: one list for both."""
    mounts: list[Mount] = []
    links: list[tuple[str, str]] = []
    words = iter((*inside.system(), *shown_etc.mounts()))
    for word in words:
        if word == "--ro-bind":
            source, target = next(words), next(words)
            mounts.append(Mount(source=source, target=target))
        elif word == "--symlink":
            leads_to, path = next(words), next(words)
            links.append((path, leads_to))
        elif word == "--tmpfs":
            mounts.append(Mount(source=None, target=next(words)))
        elif word == "--remount-ro":
            next(words)  # all of them are read-only here
        else:
            raise ValueError(f"bubblewrap's {word} is not known for containers")
    return View(mounts=tuple(mounts), links=tuple(links))


def over(engine: Engine, target: str) -> str:
    """Where something is to be mounted, so that it is above what the engine puts into /etc.

    gVisor follows no link on the way to a mount.
    """
    return TOP + target if Path(target).is_relative_to("/etc") and not engine.gvisor else target


@lru_cache(maxsize=1)
def archive() -> bytes:
    """The empty image: a tar file that is the same each time."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name in _DIRECTORIES:
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755
            tar.addfile(entry)
        for path, leads_to in ((TOP, "/"), ("/var/tmp", "/tmp"), *view().links):  # noqa: S108 - inside
            entry = tarfile.TarInfo(path[1:])
            entry.type, entry.linkname = tarfile.SYMTYPE, leads_to
            tar.addfile(entry)
    return packed.getvalue()


async def image(engine: Engine) -> str:
    """The name of the empty image, which is made unless the engine has it. Raises SandboxBroken."""
    name = f"{engine.local}{_NAME}:{hashlib.sha256(archive()).hexdigest()[:12]}"
    if (await engine.ask("image", "inspect", "--format", "{{.Id}}", name)).status != 0:
        await engine.insist("import", "-", name, stdin=archive())
    return name
