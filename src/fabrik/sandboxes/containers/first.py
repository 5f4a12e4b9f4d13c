"""The first process in a container: nothing but the standard library, 3.9 or newer.

    first.py CONTROL [--keep] [--doors SPEC,SPEC]

It connects to the unix socket CONTROL and opens the doors (`shim.py`, which lies beside it). The worker at
the other end sends, when the command may start (`control.py`): the command's three descriptors, and a block
of words. It answers how the command ended, `exit N` or `signal N`, or `broken <why>` when it could not begin;
an engine's own exit status says too little of that. With --keep the image's variables stay the command's.

It is the parent of every process that lost its own. When it ends, the kernel ends all others in the
container; and it ends when the worker does, because the connection does.
"""

import _socket
import ctypes
import os
import signal
import sys

MYPY = False
if MYPY:
    from fabrik.sandboxes import shim
else:
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120
    import shim


def _receive(control: _socket.socket, size: int) -> bytes:
    """Just so many bytes; fewer when the worker is gone."""
    got = bytearray()
    while len(got) < size:
        block = control.recv(min(size - len(got), 1 << 20))
        if not block:
            break
        got += block
    return bytes(got)


def _hear(control: _socket.socket) -> "tuple[list[int], list[bytes]] | None":
    """The descriptors and the words of the worker; None when it wants nothing any more."""
    head, passed, _, _ = control.recvmsg(8, _socket.CMSG_SPACE(3 * 4))
    if not head:
        return None
    head += _receive(control, 8 - len(head))
    fds = [
        int.from_bytes(data[at : at + 4], sys.byteorder)
        for level, kind, data in passed
        if level == _socket.SOL_SOCKET and kind == _socket.SCM_RIGHTS
        for at in range(0, len(data) - 3, 4)
    ]
    size = int.from_bytes(head, "big")
    body = _receive(control, size)
    if len(body) < size or len(fds) != 3:
        return None
    return fds, body.split(b"\0")


def _refuse(program: bytes) -> None:
    """Let the kernel refuse system calls by this program, besides those that the engine refuses.

    Raises OSError.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE: a command of the same user may not look into this process

    class Filter(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_char_p))

    libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS, should the engine have left it out
    steps = Filter(len(program) // 8, program)
    if program and libc.prctl(22, 2, ctypes.byref(steps), 0, 0) != 0:  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER
        number = ctypes.get_errno()
        raise OSError(number, "system calls cannot be filtered: " + os.strerror(number))


def _take(words: "list[bytes]", keep: bool) -> "list[str]":
    """Make the place as the worker wants it; the command's arguments. Raises OSError."""
    program = bytes.fromhex(words[0].decode())
    cwd, count = words[1], int(words[2])
    path = os.environb.get(b"PATH", b"")
    for name in list(os.environb):
        if not keep or name in (b"HOSTNAME", b"container") or name.lower().endswith(b"_proxy"):
            del os.environb[name]
    for variable in words[3 : 3 + count]:
        name, _, value = variable.partition(b"=")
        if keep and name == b"PATH":
            value = b":".join(part for part in (value, path) if part)
        os.environb[name] = value
    os.umask(0o022)
    os.chdir(cwd)
    _refuse(program)
    return [os.fsdecode(word) for word in words[3 + count :]]


def _wake_at_ends() -> int:
    """A descriptor that can be read whenever a child has ended: gVisor has no handles on processes."""
    reading, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    return reading


def _carry(forwarder: "shim._Forwarder", control: int, ends: int, pid: int) -> str:
    """Carry connections until the command has ended, or the worker; how it ended."""
    forwarder.epoll.register(ends, shim._READ)
    forwarder.epoll.register(control, shim._READ)
    while True:
        for fd, events in forwarder.epoll.poll():
            if fd == control:
                os._exit(1)  # the worker is gone, or wants it to end
            if fd == ends:
                os.read(ends, 4096)
            else:
                forwarder.handle(fd, events)
        while True:
            gone, status = os.waitpid(-1, os.WNOHANG)
            if gone == pid:
                code = os.waitstatus_to_exitcode(status)
                return f"exit {code}" if code >= 0 else f"signal {-code}"
            if gone == 0:
                break


def main() -> None:
    """Connect, open the doors, wait for the word, run the command."""
    where, *options = sys.argv[1:]
    keep = options[:1] == ["--keep"]
    if keep:
        options = options[1:]
    control = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    control.connect(where)
    forwarder = shim._Forwarder()
    if options:
        for spec in options[1].split(","):
            forwarder.listen(spec)
    heard = _hear(control)
    if heard is None:
        os._exit(1)
    fds, words = heard
    try:
        argv = _take(words, keep)
    except OSError as problem:
        control.sendall(f"broken {problem.strerror}: {problem.filename or ''}".encode(errors="replace"))
        os._exit(1)
    for number, fd in enumerate(fds):
        os.dup2(fd, number)
    for fd in fds:
        os.set_inheritable(fd, False)
    ends = _wake_at_ends()
    try:
        pid = shim._start(argv)
    except OSError as problem:
        report = f"exit {shim._shell_status(problem, argv[0])}"
    else:
        report = _carry(forwarder, control.fileno(), ends, pid)
    control.sendall(report.encode())
    os._exit(0)


if __name__ == "__main__":
    main()
