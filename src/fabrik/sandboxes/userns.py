"""The user namespace of root's bubblewrap sandboxes: made once per process, joined by each bwrap.

bwrap starts as the sandboxes' user, and this namespace is that user's. It knows root as well, so that bwrap
can bind directories that lie below a private one such as /root. What runs inside has no capability in it,
gets none (no_new_privs, an empty bounding set), and can make no further namespace.
Nobody lives in it: an open descriptor keeps it, and the process that made it ends at once.
"""

from __future__ import annotations

import os
import subprocess
from functools import lru_cache

from fabrik.errors import SandboxBroken
from fabrik.sandboxes.unprivileged import Owner

INSIDE = 1000  # user and group, as everything in a sandbox sees itself
_ROOT = 65_533  # what root is called. Not 0: a process that leaves 0 loses its capabilities, and bwrap does

# A distribution may refuse namespaces to users without this capability.
_LEAVE = "setpriv --reuid {uid} --regid {gid} --clear-groups --inh-caps +sys_admin --ambient-caps +sys_admin"
_MAKE = ("unshare", "--user", "--keep-caps", "sh", "-c")
_CLOSE = "echo made && read -r go && echo 0 > /proc/sys/user/max_user_namespaces && echo closed"


@lru_cache(maxsize=1)
def shared(owner: Owner) -> int:
    """A descriptor of this process's namespace for that user. Takes a few ms. Raises SandboxBroken."""
    leave = _LEAVE.format(uid=owner.uid, gid=owner.gid).split()
    try:
        with subprocess.Popen(
            [*leave, *_MAKE, _CLOSE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
            cwd="/",
        ) as maker:
            return _made(maker, owner)
    except OSError as error:
        raise _problem(error.strerror or str(error)) from error


def _made(maker: subprocess.Popen[bytes], owner: Owner) -> int:
    if maker.stdin is None or maker.stdout is None or maker.stderr is None:
        raise _problem("no pipes")
    namespace = -1
    try:
        if maker.stdout.readline() != b"made\n":
            raise _problem(maker.stderr.read(500).decode(errors="replace").strip())
        namespace = os.open(f"/proc/{maker.pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
        _map(maker.pid, "gid", owner.gid)
        _map(maker.pid, "uid", owner.uid)
        maker.stdin.write(b"\n")
        maker.stdin.flush()
        if maker.stdout.readline() != b"closed\n":
            raise _problem(maker.stderr.read(500).decode(errors="replace").strip())
    except BaseException:
        if namespace >= 0:
            os.close(namespace)
        maker.kill()
        raise
    return namespace


def _map(pid: int, kind: str, number: int) -> None:
    """user_namespaces(7): one write, a line for each range."""
    mapping = os.open(f"/proc/{pid}/{kind}_map", os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(mapping, f"{INSIDE} {number} 1\n{_ROOT} 0 1\n".encode())
    finally:
        os.close(mapping)


def _problem(words: str) -> SandboxBroken:
    return SandboxBroken(
        f"the namespace of an unprivileged user cannot be made: {words or 'no reason given'}",
        where="bubblewrap",
        todo="unshare and setpriv are needed (apt-get install util-linux), or run fabrik as an ordinary user",
    )
