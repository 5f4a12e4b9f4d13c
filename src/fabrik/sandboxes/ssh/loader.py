# ruff: noqa: PTH103, PTH104, PTH111, PTH112, PTH118, S202, UP036
"""The first thing that runs on the other machine. Sent as the argument of `python3 -c`, for any Python 3.

Arguments: the SHA-256 of the helper's archive, a word to answer with, the directory for all that is fabrik's
(empty: ~/.local/state/fabrik-ssh). It says `<word> ready`, or `<word> send` and takes 8 bytes of length and
the archive; then the helper speaks (helper.py). `<word> old <version>` when this Python is too old.
"""

import hashlib
import io
import os
import sys
import tarfile
import typing


def _read(size: int) -> bytes:
    data = b""
    while len(data) < size:
        block = os.read(0, min(size - len(data), 1 << 16))
        if not block:
            raise SystemExit(1)
        data += block
    return data


def _say(words: str) -> None:
    os.write(1, ("\n" + sys.argv[2] + " " + words + "\n").encode())


def _unpack(data: bytes, place: str) -> None:
    fresh = place + "." + str(os.getpid())
    os.makedirs(fresh, 0o755)
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        safe: typing.Any = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        archive.extractall(fresh, **safe)
    try:
        os.rename(fresh, place)
    except OSError:
        if not os.path.isdir(place):  # another put it there first
            raise


def main() -> None:
    """Put the helper in place and start it."""
    if sys.version_info < (3, 9):
        _say("old " + sys.version.split()[0])
        raise SystemExit(1)
    os.umask(0o077)
    wanted = sys.argv[1]
    state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    base = sys.argv[3] or os.path.join(state, "fabrik-ssh")
    place = os.path.join(base, "helpers", wanted)
    if os.path.isdir(place):
        os.utime(place)
        _say("ready")
    else:
        _say("send")
        data = _read(int.from_bytes(_read(8), "big"))
        if hashlib.sha256(data).hexdigest() != wanted:
            raise SystemExit("the helper did not arrive as it was sent")
        _unpack(data, place)
    sys.path.insert(0, place)
    from fabrik.sandboxes.ssh.helper import run

    run(base)


main()
