"""An sshd of the tests' own on loopback, with keys and a configuration that nothing else uses."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_DEADLINE = 20.0
SSHD = shutil.which("sshd") or "/usr/sbin/sshd"


@dataclass(frozen=True, kw_only=True)
class Sshd:
    """A running server and how to reach it."""

    config: Path  # for `ssh -F`; the destination is `machine`
    base: Path  # where fabrik keeps its things at the other end
    process: subprocess.Popen[bytes]


def _key(path: Path) -> None:
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)],
        check=True,
        stdin=subprocess.DEVNULL,
    )


@contextlib.contextmanager
def sshd(directory: Path, path: str = "/usr/local/bin:/usr/bin:/bin") -> Iterator[Sshd]:
    """Start one whose users have this PATH, and nobody's own settings; it is ended by its pid."""
    (directory / "home").mkdir()
    _key(directory / "host")
    _key(directory / "user")
    (directory / "authorized").write_bytes((directory / "user.pub").read_bytes())
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = directory / "sshd_config"
    server.write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {directory}/host\nPidFile none\n"
        f"AuthorizedKeysFile {directory}/authorized\nUsePAM no\nStrictModes no\n"
        "PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\n"
        f"MaxStartups 100\nPrintMotd no\nSetEnv PATH={path} HOME={directory}/home\n"
    )
    known = directory / "known_hosts"
    public = (directory / "host.pub").read_text()
    known.write_text(f"[127.0.0.1]:{port} {public}")
    client = directory / "ssh_config"
    client.write_text(
        f"Host machine\n  HostName 127.0.0.1\n  Port {port}\n  User {getpass.getuser()}\n"
        f"  IdentityFile {directory}/user\n  IdentitiesOnly yes\n  UserKnownHostsFile {known}\n"
        "  GlobalKnownHostsFile /dev/null\n  StrictHostKeyChecking yes\n"
    )
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # it insists on this one
    with (directory / "sshd.log").open("wb") as log:
        process = subprocess.Popen(
            [SSHD, "-D", "-e", "-f", str(server)], stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        end = time.monotonic() + _DEADLINE
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, (directory / "sshd.log").read_text()
            assert time.monotonic() < end, "sshd does not listen"
            time.sleep(0.01)
        yield Sshd(config=client, base=directory / "base", process=process)
    finally:
        process.terminate()
        process.wait()
