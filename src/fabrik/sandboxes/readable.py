"""Lets the sandboxes' user read what is to be shown to it: fabrik's own files are private to root otherwise.

Entries of an access control list (acl(5)) and not modes: whoever else may not read them may not afterwards,
and what is put into such a directory later inherits them, whatever the umask. Only fabrik's own directories
are touched; of all others nobody but their owner decides who reads them.
"""

from __future__ import annotations

import errno
import os
import stat
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

from fabrik import paths
from fabrik.errors import SandboxBroken
from fabrik.sandboxes.unprivileged import Owner

_ACCESS, _DEFAULT = "system.posix_acl_access", "system.posix_acl_default"
# linux/posix_acl_xattr.h: a version, then entries of tag, permissions and number, in this order.
_VERSION = struct.pack("<I", 2)
_USER_OBJ, _USER, _GROUP_OBJ, _MASK, _OTHER = 0x01, 0x02, 0x04, 0x10, 0x20
_NOBODY = 0xFFFFFFFF
_READ = 0o5  # and pass through


def let_read(shown: Sequence[Path], owner: Owner) -> None:
    """Raises SandboxBroken for what that user cannot read and is not fabrik's own, and OSError."""
    ours = paths.home().directory
    for path in shown:
        try:
            status = path.stat()
        except FileNotFoundError:
            continue  # said where it is shown
        if status.st_uid == os.geteuid() and path.is_relative_to(ours):
            _grant(path, owner)
        elif not _for_all(status.st_mode):
            raise SandboxBroken(
                "it is to be visible in the sandbox, and only its owner can read it: what is in a sandbox of"
                " root's runs as another user",
                where=str(path),
                todo=f"let others read it: chmod -R o+rX {path}",
            )


def _for_all(mode: int) -> bool:
    return bool(mode & stat.S_IROTH) and (not stat.S_ISDIR(mode) or bool(mode & stat.S_IXOTH))


def _grant(top: Path, owner: Owner) -> None:
    # Git writes objects so that they inherit the entry. Whatever else there is, is small and looked at anew.
    if top.name == "objects" and _has_default(top, owner):
        return
    for path, status in _tree(top):
        directory = stat.S_ISDIR(status.st_mode)
        try:
            if not _for_all(status.st_mode):
                os.setxattr(path, _ACCESS, _entries(status.st_mode, owner))
            if directory:
                os.setxattr(path, _DEFAULT, _entries(0o700, owner))
        except FileNotFoundError:
            continue  # git's own temporary file
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.ENOTSUP):
                raise
            path.chmod(stat.S_IMODE(status.st_mode) | (0o055 if directory else 0o044))


def _tree(top: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """A file, or all directories and regular files below a directory; no link is followed."""
    status = top.stat()
    yield top, status
    if not stat.S_ISDIR(status.st_mode):
        return
    for directory, names, files in os.walk(top):
        for name in (*names, *files):
            path = Path(directory, name)
            try:
                found = path.lstat()
            except FileNotFoundError:
                continue
            if stat.S_ISDIR(found.st_mode) or stat.S_ISREG(found.st_mode):
                yield path, found


def _has_default(directory: Path, owner: Owner) -> bool:
    try:
        return os.getxattr(directory, _DEFAULT) == _entries(0o700, owner)
    except OSError:
        return False


def _entries(mode: int, owner: Owner) -> bytes:
    passing = _READ if mode & stat.S_IXUSR else _READ & ~1
    group = mode >> 3 & 0o7
    entries = (
        (_USER_OBJ, mode >> 6 & 0o7, _NOBODY),
        (_USER, passing, owner.uid),
        (_GROUP_OBJ, group, _NOBODY),
        (_MASK, group | passing, _NOBODY),
        (_OTHER, mode & 0o7, _NOBODY),
    )
    return _VERSION + b"".join(struct.pack("<HHI", *entry) for entry in entries)
