"""Runs inside a sandbox, started by a system's own Python: nothing but the standard library, 3.9 or newer.

    shim.py --go GO [--env ENV] [--doors SPEC,SPEC] -- ARGV…                     in bubblewrap
    shim.py --tend PARENT GO STATUS [--env ENV] [--doors SPEC,SPEC] -- ARGV…     without isolation

SPEC is `tcp:<port>=<unix socket>` (listen there) or `fd:<number>=<unix socket>` (a listening socket that was
handed down); each connection is carried to the unix socket and back, byte by byte as they come.

It opens the doors, waits for a byte on the descriptor GO, and starts the command; at its end it gives up.
Variables that the command gets besides this process's own lie in the file ENV by then, a NUL behind each.

With --tend it stays the parent of everything that the command starts, daemons too (a subreaper), and ends
them all when the command ends, on SIGTERM, or when PARENT, the worker, dies. It
writes `exit N` or `signal N` to the descriptor STATUS.
Otherwise its exit status is the command's, and 128 + n when the signal n ended it.

Every import is paid at each start of a session, so there are few, and `_socket` instead of `socket`.
"""

import _socket
import os
import select
import sys

_BLOCK = 1 << 16
_HIGH = 1 << 18  # bytes held for a slow reader before the other side has to wait
_READ = select.EPOLLIN
_WRITE = select.EPOLLOUT


class _End:
    """One side of a carried connection."""

    __slots__ = ("deaf", "eof", "fd", "mask", "peer", "pending", "sock")

    def __init__(self, sock: _socket.socket) -> None:
        sock.setblocking(False)
        self.sock = sock
        self.fd = sock.fileno()
        self.peer = self
        self.pending = bytearray()  # to be written to this side
        self.eof = False  # this side will send no more
        self.deaf = False  # this side takes no more; what it has said before still counts
        self.mask = 0


class _Forwarder:
    """Carries connections between listening sockets and unix sockets."""

    def __init__(self) -> None:
        self.epoll = select.epoll()
        self.doors: dict[int, tuple[_socket.socket, str]] = {}
        self.ends: dict[int, _End] = {}

    def listen(self, spec: str) -> None:
        where, _, target = spec.partition("=")
        kind, _, number = where.partition(":")
        if kind == "fd":
            os.set_inheritable(int(number), False)
            door = _socket.socket(fileno=int(number))
        else:
            door = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
            door.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
            door.bind(("127.0.0.1", int(number)))
            door.listen(128)
        door.setblocking(False)
        self.doors[door.fileno()] = (door, target)
        self.epoll.register(door.fileno(), _READ)

    def handle(self, fd: int, events: int) -> None:
        if fd in self.doors:
            self._accept(*self.doors[fd])
        elif fd in self.ends:
            end = self.ends[fd]
            try:
                if events & ~_WRITE:
                    self._read(end)
                if end.fd in self.ends:
                    self._flush(end)
                    self._flush(end.peer)
                    self._settle(end)
            except OSError:
                self._close(end)

    def _accept(self, door: _socket.socket, target: str) -> None:
        try:
            fd, _ = door._accept()  # type: ignore[attr-defined]
        except OSError:
            return
        inner = _socket.socket(fileno=fd)
        outer = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        try:
            inner.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
            outer.connect(target)
        except OSError:  # the host side is gone: the caller sees a closed connection
            inner.close()
            outer.close()
            return
        one, two = _End(inner), _End(outer)
        one.peer, two.peer = two, one
        for end in (one, two):
            self.ends[end.fd] = end
        self._settle(one)

    def _read(self, end: _End) -> None:
        if end.eof or len(end.peer.pending) >= _HIGH:
            return
        try:
            data = end.sock.recv(_BLOCK)
        except BlockingIOError:
            return
        except ConnectionError:  # it closed with something unread; all that it said has been read
            data = b""
            self._deafen(end)
        if data:
            if not end.peer.deaf:
                end.peer.pending += data
            return
        end.eof = True
        if not end.peer.pending and not end.peer.deaf:
            end.peer.sock.shutdown(_socket.SHUT_WR)

    def _deafen(self, end: _End) -> None:
        end.deaf = True
        end.pending.clear()

    def _flush(self, end: _End) -> None:
        if not end.pending:
            return
        try:
            sent = end.sock.send(end.pending)
        except BlockingIOError:
            return
        except (
            ConnectionError
        ):  # an answer may be on its way all the same: a server that refuses reads no more
            self._deafen(end)
            return
        del end.pending[:sent]
        if not end.pending and end.peer.eof:
            end.sock.shutdown(_socket.SHUT_WR)

    def _settle(self, one: _End) -> None:
        """Wait for just what can go on; a side with nothing to wait for is not watched at all."""
        two = one.peer
        over = (one.eof and two.eof) or any(end.deaf and end.eof for end in (one, two))
        if over and not one.pending and not two.pending:
            self._close(one)
            return
        for end in (one, two):
            mask = 0
            if not end.eof and len(end.peer.pending) < _HIGH:
                mask |= _READ
            if end.pending:
                mask |= _WRITE
            if mask == end.mask:
                continue
            if not end.mask:
                self.epoll.register(end.fd, mask)
            elif not mask:
                self.epoll.unregister(end.fd)
            else:
                self.epoll.modify(end.fd, mask)
            end.mask = mask

    def _close(self, one: _End) -> None:
        for end in (one, one.peer):
            if end.mask:
                self.epoll.unregister(end.fd)
                end.mask = 0
            self.ends.pop(end.fd, None)
            end.sock.close()


def _start(argv: "list[str]") -> int:
    """Start the command in a session of its own, so that it cannot signal this process by its group.

    Raises OSError.
    """
    # Python ignores SIGPIPE (13) and SIGXFSZ (25) for itself; the command gets the defaults back.
    try:
        return os.posix_spawnp(argv[0], argv, os.environ, setsid=True, setsigdef=(13, 25))
    except OSError as problem:
        if problem.errno != 8:  # ENOEXEC: a script without a first line is for the shell, as with execvp
            raise
    return os.posix_spawnp("/bin/sh", ["sh", *argv], os.environ, setsid=True, setsigdef=(13, 25))


def _take(told: int) -> None:
    """Take the variables that came with the word into the environment."""
    block = os.pread(told, os.fstat(told).st_size, 0)
    os.close(told)
    for variable in block.split(b"\0")[:-1]:
        name, _, value = variable.partition(b"=")
        os.environb[name] = value


def _carry(forwarder: _Forwarder, pid: int) -> int:
    """Carry connections until the command has ended; its wait status."""
    ended = os.pidfd_open(pid)
    forwarder.epoll.register(ended, _READ)
    while True:
        ready = forwarder.epoll.poll()
        if any(fd == ended for fd, _ in ready):
            return os.waitpid(pid, 0)[1]
        for fd, events in ready:
            forwarder.handle(fd, events)


def _shell_status(problem: OSError, program: str) -> int:
    """What a shell says of a program that cannot be started: 127 not found, 126 not executable."""
    os.write(2, f"{program}: {problem.strerror}\n".encode(errors="surrogateescape"))
    return 127 if problem.errno == 2 else 126


def _tend(forwarder: _Forwarder, argv: "list[str]", told: int, parent: int, go: int, status: int) -> None:
    """Run the command as the parent of everything it starts, and leave nothing of it behind."""
    import ctypes
    import signal

    def reap() -> "dict[int, int]":
        gone: dict[int, int] = {}
        while True:
            try:
                pid, wait_status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return gone
            if pid == 0:
                return gone
            gone[pid] = wait_status

    def parent_of(pid: str) -> int:
        try:
            with open(f"/proc/{pid}/stat", "rb") as file:
                return int(file.read().rpartition(b")")[2].split()[1])
        except (OSError, IndexError):
            return -1

    def descendants() -> "list[int]":
        children: dict[int, list[int]] = {}
        for name in os.listdir("/proc"):  # noqa: PTH208
            if name.isdigit():
                children.setdefault(parent_of(name), []).append(int(name))
        found: list[int] = []
        todo = [os.getpid()]
        while todo:
            below = children.get(todo.pop(), [])
            found += below
            todo += below
        return found

    def end_all() -> None:
        me = os.getpid()
        while True:
            reap()
            tree = descendants()
            if not tree:
                return
            # Stopped first, so that none can start another while its siblings are being killed.
            for number in (signal.SIGSTOP, signal.SIGKILL):
                for pid in tree:
                    try:
                        handle = os.pidfd_open(pid)
                    except OSError:
                        continue
                    try:
                        if parent_of(str(pid)) in (me, *tree):
                            signal.pidfd_send_signal(handle, number)
                    except OSError:
                        pass
                    finally:
                        os.close(handle)

    wake_read, wake_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.set_wakeup_fd(wake_write)
    signal.signal(signal.SIGTERM, lambda *_: None)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(1, signal.SIGTERM, 0, 0, 0)  # PR_SET_PDEATHSIG
    libc.prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
    if os.getppid() != parent:  # it died before the first prctl
        return
    forwarder.epoll.register(wake_read, _READ)
    forwarder.epoll.register(go, _READ)
    forwarder.epoll.register(status, 0)  # an error there: the worker no longer listens
    for fd in (go, status):
        os.set_inheritable(fd, False)
    pid = 0
    report = ""
    while not report:
        for fd, events in forwarder.epoll.poll(1.0):
            if fd in (wake_read, status):
                report = "told"
            elif fd == go:
                forwarder.epoll.unregister(go)
                if not os.read(go, 1):
                    return
                if told >= 0:
                    _take(told)
                try:
                    pid = _start(argv)
                except OSError as problem:
                    report = f"exit {_shell_status(problem, argv[0])}"
                else:
                    forwarder.epoll.register(os.pidfd_open(pid), _READ)
            else:
                forwarder.handle(fd, events)
        gone = reap()  # adopted orphans too, or they would stay as zombies
        if pid in gone:
            code = os.waitstatus_to_exitcode(gone[pid])
            report = f"exit {code}" if code >= 0 else f"signal {-code}"
    end_all()
    try:  # noqa: SIM105 - contextlib costs more than the rest of this file
        os.write(status, report.encode())
    except OSError:
        pass  # the worker is gone


def main() -> None:
    """Read the command line, open the doors, run the command."""
    arguments = sys.argv[1:]
    split = arguments.index("--")
    options, argv = arguments[:split], arguments[split + 1 :]
    tend: list[int] = []
    if options[:1] == ["--tend"]:
        tend = [int(number) for number in options[1:4]]
        options = options[4:]
    go = -1
    if options[:1] == ["--go"]:
        go = int(options[1])
        options = options[2:]
    told = -1
    if options[:1] == ["--env"]:
        told = int(options[1])
        options = options[2:]
    forwarder = _Forwarder()
    if options:
        for spec in options[1].split(","):
            forwarder.listen(spec)
    if tend:
        _tend(forwarder, argv, told, *tend)
        os._exit(0)
    if not os.read(go, 1):
        os._exit(1)  # nobody wants it any more
    os.close(go)
    if told >= 0:
        _take(told)
    try:
        pid = _start(argv)
    except OSError as problem:
        os._exit(_shell_status(problem, argv[0]))
    code = os.waitstatus_to_exitcode(_carry(forwarder, pid))
    os._exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    main()
