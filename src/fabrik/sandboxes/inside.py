"""What a bubblewrap sandbox shows of the host's own files, and how a command's environment begins.

Where a root can run nothing as another user (see `unprivileged`), the kernel sees uid 0 behind the sandbox's
uid 1000, and what is bound can be read whatever its mode: only what is meant to be read is bound.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Mapping
from functools import lru_cache
from importlib import import_module
from pathlib import Path

from fabrik.errors import SandboxBroken
from fabrik.sandboxes.procs import MARK
from fabrik.sandboxes.sandbox import Doors, SandboxSpec

_DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin"
_CA_VARIABLES = (
    "SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE",
    "GIT_SSL_CAINFO", "PIP_CERT",
)  # fmt: skip


@lru_cache(maxsize=1)
def system() -> tuple[str, ...]:
    """bwrap arguments for the parts of the host's system, the same for every sandbox."""
    arguments = ["--ro-bind", "/usr", "/usr"]
    if Path("/usr/local/etc").is_dir():
        arguments += ["--tmpfs", "/usr/local/etc"]  # npm and others keep a host's tokens there
        arguments += ["--remount-ro", "/usr/local/etc"]
    for name in ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"):
        arguments += shown(Path(name))
    for child in _children(Path("/opt")):
        arguments += shown(child)
    if Path("/nix/store").is_dir():
        arguments += ["--ro-bind", "/nix/store", "/nix/store"]
    return tuple(arguments)


def _children(directory: Path) -> list[Path]:
    try:
        return sorted(directory.iterdir())
    except OSError:
        return []


def shown(path: Path) -> list[str]:
    """Bind a path read-only, a link as the link it is; nothing if not everybody may read it anyway."""
    try:
        mode = path.lstat().st_mode
    except OSError:
        return []
    if stat.S_ISLNK(mode):
        return ["--symlink", str(path.readlink()), str(path)]
    if not mode & stat.S_IROTH or not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        return []
    return ["--ro-bind", str(path), str(path)]


@lru_cache(maxsize=1)
def python() -> tuple[tuple[str, ...], Path | None]:
    """The interpreter for the shim: its command, and a directory that must be bound for it, if one must.

    The shim needs 3.9 for os.pidfd_open. A system's own Python is preferred, since it is visible anyway.
    """
    flags = ("-I", "-S", "-B")
    real = Path("/usr/bin/python3").resolve()
    minor = real.name.removeprefix("python3.")
    if minor.isdigit() and int(minor) >= 9 and os.access(real, os.X_OK) and real.is_relative_to("/usr"):
        return (str(real), *flags), None
    prefix = Path(sys.base_prefix).resolve()
    own = prefix / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    return (str(own), *flags), None if prefix.is_relative_to("/usr") else prefix


@lru_cache(maxsize=1)
def shim() -> tuple[Path, str]:
    """The forwarder, and its name below /etc inside. It is copied: what lies here may be shut to others.

    Compiled, where it is run by a Python that takes what this one has compiled. Final releases of one minor
    version do (the magic number of `importlib.util` stays), and it need not be compiled for each session.
    """
    source = Path(__file__).with_name("shim.py")
    command, _ = python()
    same = Path(command[0]).name == f"python{sys.version_info.major}.{sys.version_info.minor}"
    if not same or sys.implementation.name != "cpython" or sys.version_info.releaselevel != "final":
        return source, "fabrik/shim.py"
    compiled = import_module("fabrik.sandboxes.shim").__cached__  # as fresh as the source, by now
    if compiled and os.access(compiled, os.R_OK):
        return Path(compiled), "fabrik/shim.pyc"
    return source, "fabrik/shim.py"


def require_paths(spec: SandboxSpec) -> None:
    """Raises SandboxBroken when a path that is to be visible inside does not exist."""
    for path in spec.read_only:
        if not spec.sources.get(path, path).exists():
            raise SandboxBroken(
                "it is to be visible in the sandbox and does not exist",
                where=str(path),
                todo="check `read_only` in the configuration, or install the agent again",
            )


def require_sockets(doors: Doors) -> None:
    """Raises SandboxBroken when the gateway does not listen."""
    for socket in (doors.models, doors.proxy):
        if not socket.is_socket():
            raise SandboxBroken("there is no such socket for the gateway's door", where=str(socket))


def environment(spec: SandboxSpec, home: str, extra: Mapping[str, str]) -> dict[str, str]:
    """The whole environment of a command: nothing of the worker's, except where certificates are."""
    certificates = {
        name: value
        for name in _CA_VARIABLES
        if (value := os.environ.get(name, "")).startswith("/etc/ssl/") and ".." not in value
    }
    return {
        **certificates,
        "PATH": ":".join([*spec.path, _DEFAULT_PATH]),
        "HOME": home,
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "USER": "agent",
        **spec.env,
        **extra,
        MARK: spec.name,  # last: leftovers are found by it
    }
