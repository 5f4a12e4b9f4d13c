"""What must not be seen or reached from inside. Each case first shows that it would be there outside."""

# ruff: noqa: S101 - a failed assertion is a case's answer
from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

from fabrik.testing.conformance.doors import open_doors, saying
from fabrik.testing.conformance.harness import Case, Harness, alive, token

_TRY = """
import socket, sys
kind, address = sys.argv[1], sys.argv[2]
try:
    if kind == "tcp":
        host, port = address.rsplit(":", 1)
        socket.create_connection((host, int(port)), 5)
    elif kind == "abstract":
        socket.socket(socket.AF_UNIX).connect("\\0" + address)
    elif kind == "name":
        socket.getaddrinfo(address, 80)
except OSError as refused:
    print("refused", refused)
else:
    print("reached")
"""


@contextlib.contextmanager
def _listening(family: int, address: object) -> Iterator[socket.socket]:
    with socket.socket(family, socket.SOCK_STREAM) as server:
        server.bind(address)  # type: ignore[arg-type]
        server.listen()
        yield server


async def _refused(h: Harness, kind: str, address: str) -> None:
    box = await h.box()
    said = (await h.python(box, _TRY, kind, address)).fine().text
    assert said.startswith("refused"), said
    async with open_doors(saying(b"m"), saying(b"p")) as doors:
        said = (await h.python(box, _TRY, kind, address, doors=doors)).fine().text
        assert said.startswith("refused"), said


async def tcp_to_the_host_is_refused(h: Harness) -> None:
    h.needs_isolation("it shares the host's network")
    with _listening(socket.AF_INET, ("127.0.0.1", 0)) as server:
        address = server.getsockname()
        socket.create_connection(address).close()
        await _refused(h, "tcp", f"{address[0]}:{address[1]}")


async def tcp_to_elsewhere_is_refused(h: Harness) -> None:
    h.needs_isolation("it shares the host's network")
    await _refused(h, "tcp", "192.0.2.1:80")  # a documentation address, RFC 5737


async def udp_to_the_host_does_not_arrive(h: Harness) -> None:
    h.needs_isolation("it shares the host's network")
    box = await h.box()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.setblocking(False)
        port = server.getsockname()[1]
        await h.python(
            box, f"import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', {port}))"
        )
        with contextlib.suppress(BlockingIOError):
            raise AssertionError(f"arrived: {server.recv(10)!r}")


async def names_are_not_resolved(h: Harness) -> None:
    h.needs_isolation("it shares the host's network")
    await _refused(h, "name", "example.com")


async def abstract_sockets_are_refused(h: Harness) -> None:
    h.needs_isolation("it shares the host's network")
    name = f"fabrik-{uuid4().hex}"
    with _listening(socket.AF_UNIX, "\0" + name) as server:
        with socket.socket(socket.AF_UNIX) as outside:
            outside.connect("\0" + name)
        assert server
        await _refused(h, "abstract", name)


async def networks_beyond_namespaces_are_refused(h: Harness) -> None:
    """A vsock reaches the machine or its hypervisor, whatever the network namespace says."""
    h.needs_isolation("it shares the host's network")
    box = await h.box()
    program = (
        "import socket\nfor family in (40, 17, 29, 31, 21):\n"  # vsock, packet, CAN, Bluetooth, RDS
        "    try: socket.socket(family, socket.SOCK_STREAM); print('open', family)\n"
        "    except OSError: pass\n"
        "a, b = socket.socketpair(); a.sendall(b'x'); assert b.recv(1) == b'x'\n"
        "socket.create_server(('127.0.0.1', 0)); socket.socket(socket.AF_UNIX)\n"
    )
    assert (await h.python(box, program)).fine().text == ""


async def keyrings_are_out_of_reach(h: Harness) -> None:
    h.needs_isolation("it has the user's keyring")
    box = await h.box()
    program = (
        "import ctypes, platform\nlibc = ctypes.CDLL(None)\n"
        "keyctl = {'x86_64': 250, 'aarch64': 219}[platform.machine()]\n"
        "print(libc.syscall(keyctl, 0, -3, 0))\n"  # KEYCTL_GET_KEYRING_ID of the session
    )
    assert (await h.python(box, program)).fine().text == "-1"


async def without_doors_nobody_listens(h: Harness) -> None:
    h.needs_isolation("its loopback is the host's")
    box = await h.box()
    async with open_doors(saying(b"m"), saying(b"p")):
        for url in (box.endpoints.models, box.endpoints.proxy):
            said = (await h.python(box, _TRY, "tcp", url.rpartition("//")[2])).fine().text
            assert said.startswith("refused"), said


async def sockets_beside_the_doors_are_invisible(h: Harness) -> None:
    h.needs_isolation("it sees the host's files")
    box = await h.box()
    async with open_doors(saying(b"m"), saying(b"p")) as doors:
        with _listening(socket.AF_UNIX, str(doors.models.parent / "other.sock")):
            look = "find / -xdev -type s 2>/dev/null; find /run /tmp /dev -type s 2>/dev/null"
            seen = set((await h.sh(box, look, doors=doors)).text.split())
    assert len({Path(path).name for path in seen}) <= 2 and "other.sock" not in str(seen), seen


async def only_its_own_places_can_be_written(h: Harness) -> None:
    h.needs_isolation("it writes where the user may")
    box = await h.box()
    script = (
        'for d in "$PWD" "$HOME" /tmp /dev/shm / /usr /usr/bin /usr/local /etc /var /run /home /dev /proc'
        ' /opt /root /bin /sys; do ( : > "$d/fabrik-probe" ) 2>/dev/null && echo "$d"; done; true'
    )
    written = set((await h.sh(box, script)).fine().text.split())
    assert {box.workspace, box.home} <= written
    assert written <= {box.workspace, box.home, "/tmp", "/dev/shm"}, written  # noqa: S108


async def host_files_are_invisible(h: Harness) -> None:
    h.needs_isolation("it reads what the user may")
    secret = h.directory / "state" / "ledger.db"
    secret.parent.mkdir()
    secret.write_text("secret")
    other = h.spec("other")
    await h.sh(await h.box(other), "echo secret > file")
    box = await h.box()
    home = Path.home()
    hidden = [secret, other.root, other.root / "workspace" / "file", h.directory, "/etc/shadow", "/etc/npmrc"]
    hidden += ["/etc/ssl/private", "/root", "/etc/ssh", "/var/lib", "/sys/kernel", "/etc/resolv.conf"]
    hidden += list(home.iterdir()) if home != Path(box.home) else []
    script = 'for p in "$@"; do [ -e "$p" ] && echo "$p"; done; true'
    ran = await h.run(box, "/bin/sh", "-c", script, "sh", *map(str, hidden))
    assert ran.fine().text == ""


async def users_are_not_the_hosts(h: Harness) -> None:
    h.needs_isolation("it reads the host's list of users")
    box = await h.box()
    names = (await h.sh(box, "cut -d: -f1 /etc/passwd; whoami")).fine().text.split()
    assert names[-1] == "agent" and set(names) <= {"root", "agent", "nobody"}


async def read_only_paths_can_be_read_and_not_written(h: Harness) -> None:
    h.needs_isolation("it writes where the user may")
    tool = h.directory / "tools" / "bin"
    tool.mkdir(parents=True)
    (tool / "hello").write_text("#!/bin/sh\necho hello\n")
    (tool / "hello").chmod(0o755)
    beside = h.directory / "tools" / "beside"
    beside.write_text("hidden")
    box = await h.box(read_only=[tool], path=[str(tool)])
    assert (await h.run(box, "hello")).fine().text == "hello"
    script = f"echo bad > {tool}/hello || rm -f {tool}/hello || touch {tool}/new"
    assert not (await h.sh(box, script)).end.ok
    assert not (await h.run(box, "cat", str(beside))).end.ok
    assert (tool / "hello").read_text().endswith("echo hello\n")
    assert sorted(path.name for path in tool.iterdir()) == ["hello"]


async def user_is_not_root_and_can_do_nothing_special(h: Harness) -> None:
    h.needs_isolation("it is the user")
    box = await h.box()
    ran = (await h.sh(box, "id -u; grep -E '^Cap(Inh|Prm|Eff|Bnd|Amb)|^NoNewPrivs' /proc/self/status")).fine()
    uid, *lines = ran.text.splitlines()
    assert uid != "0"
    values = {line.split(":")[0]: line.split(":")[1].strip() for line in lines}
    assert values.pop("NoNewPrivs") == "1"
    assert len(values) == 5 and all(int(value, 16) == 0 for value in values.values()), values


async def kernel_settings_cannot_be_changed(h: Harness) -> None:
    """core_pattern names a program that the kernel runs as root: writing to it leaves every sandbox."""
    h.needs_isolation("it changes what the user may")
    box = await h.box()
    program = (
        "import os\nfor path in ('/proc/sys/kernel/core_pattern', '/proc/sys/vm/drop_caches',"
        " '/proc/sys/kernel/hostname', '/proc/sysrq-trigger', '/proc/sys/net/ipv4/ip_forward'):\n"
        "    try: os.close(os.open(path, os.O_WRONLY)); print('open', path)\n"
        "    except OSError: pass\n"
    )
    assert (await h.python(box, program)).fine().text == ""


async def namespaces_cannot_be_nested(h: Harness) -> None:
    h.needs_isolation("it may do what the user may")
    box = await h.box()
    program = (
        "import ctypes\nlibc = ctypes.CDLL(None)\n"
        "print([flag for flag in (0x10000000, 0x20000, 0x40000000) if libc.unshare(flag) == 0])"
    )
    assert (await h.python(box, program)).fine().text == "[]"


async def host_processes_are_invisible(h: Harness) -> None:
    h.needs_isolation("it sees the host's processes")
    box, mark = await h.box(), token()
    outside = await asyncio.create_subprocess_exec("sleep", mark)
    try:
        assert alive(mark) == [outside.pid]
        ran = await h.sh(box, "cat /proc/[0-9]*/cmdline | tr '\\0' '\\n'; kill -9 " + str(outside.pid))
        assert mark not in ran.text
        assert outside.returncode is None and alive(mark) == [outside.pid]
    finally:
        outside.kill()
        await outside.wait()


async def worker_environment_is_invisible(h: Harness) -> None:
    h.needs_isolation("it reads other processes' environments")
    canary = uuid4().hex
    os.environ["FABRIK_CONFORMANCE_KEY"] = canary
    try:
        box = await h.box()
        async with open_doors(saying(b"m"), saying(b"p")) as doors:
            look = "cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline | tr '\\0' '\\n'"
            for given in (None, doors):
                assert canary not in (await h.sh(box, look, doors=given)).text
    finally:
        del os.environ["FABRIK_CONFORMANCE_KEY"]


async def nothing_open_is_inherited(h: Harness) -> None:
    h.needs_isolation("its shim is one of its own processes")
    box = await h.box()
    program = "import os; print(sorted(int(fd) for fd in os.listdir('/proc/self/fd'))[:-1])"
    secret = os.open(__file__, os.O_RDONLY)
    os.set_inheritable(secret, True)
    try:
        assert (await h.python(box, program)).fine().text == "[0, 1, 2]"
        async with open_doors(saying(b"m"), saying(b"p")) as doors:
            assert (await h.python(box, program, doors=doors)).fine().text == "[0, 1, 2]"
    finally:
        os.close(secret)


async def terminal_is_out_of_reach(h: Harness) -> None:
    h.needs_isolation("it may have the worker's terminal")
    box = await h.box()
    assert not (await h.sh(box, ": < /dev/tty")).end.ok


async def temporary_files_are_bounded_and_private(h: Harness) -> None:
    h.needs_isolation("it shares the host's /tmp")
    box = await h.box()
    script = "echo x > /tmp/fabrik-one; df -P /tmp /dev/shm | awk 'NR > 1 {print $2}'"
    sizes = (await h.sh(box, script)).fine().text.split()
    assert len(sizes) == 2 and all(int(size) <= 1 << 20 for size in sizes), sizes
    assert (await h.sh(box, "ls -A /tmp")).fine().text == ""


CASES: list[Case] = [
    tcp_to_the_host_is_refused,
    tcp_to_elsewhere_is_refused,
    udp_to_the_host_does_not_arrive,
    names_are_not_resolved,
    abstract_sockets_are_refused,
    networks_beyond_namespaces_are_refused,
    keyrings_are_out_of_reach,
    without_doors_nobody_listens,
    sockets_beside_the_doors_are_invisible,
    only_its_own_places_can_be_written,
    host_files_are_invisible,
    users_are_not_the_hosts,
    read_only_paths_can_be_read_and_not_written,
    user_is_not_root_and_can_do_nothing_special,
    kernel_settings_cannot_be_changed,
    namespaces_cannot_be_nested,
    host_processes_are_invisible,
    worker_environment_is_invisible,
    nothing_open_is_inherited,
    terminal_is_out_of_reach,
    temporary_files_are_bounded_and_private,
]
