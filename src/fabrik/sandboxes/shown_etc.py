"""What a bubblewrap sandbox shows as /etc: copies of small files of the host's, mounts for the rest."""

from __future__ import annotations

import contextlib
import os
import stat
from functools import lru_cache
from pathlib import Path

from fabrik.sandboxes.inside import shim, shown

_OURS = Path(__file__).parent / "etc"  # passwd and the like, with the one user `agent`

# Names below /etc that programs need and that hold nothing secret. Not there on purpose: npmrc, pip.conf,
# gitconfig and profile.d (may hold tokens), ssl/private, shadow, ssh, resolv.conf (there is no network).
# Small files are copied, and what nothing needs is left out: each mount costs 0.1 ms at each start.
_ETC = (
    "alternatives", "crypto-policies", "debian_version", "fonts", "ld.so.cache", "ld.so.conf",
    "ld.so.conf.d", "locale.alias", "localtime", "lsb-release", "mime.types", "os-release",
    "pki/ca-trust", "pki/tls/cert.pem", "pki/tls/certs", "pki/tls/openssl.cnf", "protocols", "services",
    "ssl/cert.pem", "ssl/certs", "ssl/openssl.cnf", "timezone",
)  # fmt: skip
_ETC_PATTERNS = ("java*", "python3*")
_SMALL = 128 << 10  # bytes


@lru_cache(maxsize=1)
def mounts() -> tuple[str, ...]:
    """bwrap arguments for directories and large files of the host's, on top of what `lay_out` made."""
    larger = [path for path in _etc() if not _small(path) and not path.is_symlink()]
    return tuple(word for path in larger for word in shown(path))


def lay_out(directory: Path) -> None:
    """Make the /etc of a sandbox: small files and links of the host, and a place for each mount on top.

    A mount costs 0.1 ms at each start of a command, a copy only here. Raises OSError.
    """
    _open_directory(directory)
    for source, name in _copies():
        with contextlib.suppress(FileNotFoundError):  # a package was removed in the meantime
            _copy(source, _place(directory, name))
    for path in _etc():
        if not shown(path):
            continue
        target = _place(directory, str(path.relative_to("/etc")))
        if path.is_symlink():
            target.symlink_to(path.readlink())
        elif path.is_dir():
            _open_directory(target)
        elif not target.exists():
            target.touch(mode=0o644)


def as_now(directory: Path) -> bool:
    """Whether what was copied there is what the host has now."""
    try:
        return all(_stamp(source) == _stamp(directory / name) for source, name in _copies())
    except FileNotFoundError:
        return False


def _copies() -> tuple[tuple[Path, str], ...]:
    """Small files that a sandbox gets copies of, and their names below /etc."""
    ours = ((file, file.name) for file in sorted(_OURS.iterdir()))
    theirs = ((path, str(path.relative_to("/etc"))) for path in _etc() if _small(path) and shown(path))
    return (*ours, *theirs, shim())


@lru_cache(maxsize=1)
def _etc() -> tuple[Path, ...]:
    names = [*_ETC, *(path.name for pattern in _ETC_PATTERNS for path in Path("/etc").glob(pattern))]
    return tuple(Path("/etc") / name for name in sorted(set(names)))


def _place(directory: Path, name: str) -> Path:
    target = directory / name
    for parent in reversed(list(target.relative_to(directory).parents)[:-1]):
        if not (directory / parent).is_dir():
            _open_directory(directory / parent)
    return target


def _open_directory(directory: Path) -> None:
    """One that everybody may read, whatever the umask."""
    directory.mkdir()
    directory.chmod(0o755)


def _copy(source: Path, target: Path) -> None:
    status = source.stat()
    target.write_bytes(source.read_bytes())
    target.chmod(0o644)
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))


def _stamp(file: Path) -> tuple[int, int]:
    status = file.stat()
    return status.st_size, status.st_mtime_ns


def _small(path: Path) -> bool:
    """A file that costs nothing to copy."""
    try:
        status = path.lstat()
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_size <= _SMALL
