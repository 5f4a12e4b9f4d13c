"""Machines that cannot be used, and such that lie: told in one message, and nothing here is harmed."""

from __future__ import annotations

import asyncio
import json
import os
import struct
import sys
from pathlib import Path

import pytest
from local_sshd import Sshd

from fabrik.errors import FabrikError, SandboxBroken, UsageError
from fabrik.sandboxes.sandbox import Command, Limits, SandboxSpec
from fabrik.sandboxes.ssh.connection import CONFIG, ssh_argv
from fabrik.sandboxes.ssh.provider import Ssh


def why(target: str = "machine") -> str:
    report = asyncio.run(Ssh(target).preflight())
    assert not report.ready and report.todo and "\n" not in report.why
    return f"{report.why} → {report.todo}"


@pytest.mark.parametrize("target", ["", "-oProxyCommand=touch /tmp/x", "a b", "a\nb"])
def test_a_destination_that_is_none(target: str) -> None:
    with pytest.raises(UsageError):
        Ssh(target)


def test_nothing_leads_back_and_nobody_is_asked() -> None:
    argv = ssh_argv("host", "command")
    for word in ("BatchMode=yes", "ClearAllForwardings=yes", "ForwardAgent=no", "PermitLocalCommand=no"):
        assert word in argv
    assert argv[-3:] == ["--", "host", "command"] and {"-a", "-x", "-T"} <= set(argv)


def test_a_host_key_that_is_not_known(server: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "config"
    text = server.config.read_text()
    known = next(line for line in text.splitlines() if "UserKnownHosts" in line)
    config.write_text(text.replace(known, "  UserKnownHostsFile /dev/null"))
    monkeypatch.setenv(CONFIG, str(config))
    said = why()
    assert "host key" in said and "ssh machine" in said


def test_a_port_that_nobody_listens_on(server: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "config"
    config.write_text("Host machine\n  HostName 127.0.0.1\n  Port 1\n")
    monkeypatch.setenv(CONFIG, str(config))
    assert "refused" in why()


def test_there_is_no_ssh_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "openssh-client" in why()


# Plays ssh and the helper behind it. `answer` gives (kind, data) frames for each request that is complete.
_LIAR = """
import json, os, struct, sys, re
nonce = re.search(r" ([0-9a-f]{16}) ", sys.argv[-1]).group(1)
os.write(1, (chr(10) + nonce + " ready" + chr(10)).encode())
def exactly(n):
    data = b""
    while len(data) < n:
        block = os.read(0, n - len(data))
        if not block: sys.exit()
        data += block
    return data
def frame(kind, channel, data):
    os.write(1, struct.pack(">BII", kind, channel, len(data)) + data)
def close(channel, words):
    frame(7, channel, json.dumps(words).encode())
asked = {}
while True:
    kind, channel, size = struct.unpack(">BII", exactly(9))
    data = exactly(size)
    if kind == 1:
        asked[channel] = json.loads(data)["do"]
    elif kind == 2:
        what = asked.pop(channel, None)
        if what == "hello":
            close(channel, {"ok": {"bwrap": True}})
        elif what == "create":
            close(channel, {"ok": CREATED})
        elif what:
            LIE
"""
_CREATED = {
    "workspace": "/workspace",
    "home": "/home/agent",
    "models": "http://127.0.0.1:1",
    "proxy": "http://127.0.0.1:2",
    "root": "/r",
    "reads": "",
}


def liar(directory: Path, lie: str, created: object = None) -> str:
    """A directory with a program `ssh` that lies."""
    directory.mkdir()
    text = _LIAR.replace("CREATED", repr(created or _CREATED)).replace("LIE", lie)
    (directory / "liar.py").write_text(text)
    ssh = directory / "ssh"
    ssh.write_text(f'#!/bin/sh\nexec {sys.executable} {directory}/liar.py "$@"\n')
    ssh.chmod(0o755)
    return f"{directory}:{os.environ['PATH']}"


_EXIT = '"status": 0, "signal": None, "stopped_by": None, "seconds": 0.1, "output_bytes": 0'


@pytest.mark.parametrize(
    "lie",
    [
        "frame(2, channel, b'x' * (2 << 20))",  # larger than a frame may be
        "[frame(2, channel, b'x' * 65536) for _ in range(100)]",  # more than the log may hold
        "[frame(1, 2 * n, b'{}') for n in range(100000)]",  # floods of channels
        "frame(1, 1, b'{}')",  # a channel under our numbers
        "frame(7, channel, b'[1]')",
        "frame(7, channel, b'no json')",
        "frame(7, channel, b'{\"ok\": 1}')",
        f"close(channel, {{'ok': {{{_EXIT.replace('0,', '999999,', 1)}}}}})",
        f"close(channel, {{'ok': {{{_EXIT.replace('0,', 'True,', 1).replace('True', repr('x'))}}}}})",
        "close(channel, {'ok': {}})",
        "close(channel, {'error': 'broken', 'what': 5})",
        "os._exit(0)",
    ],
)
def test_a_lying_machine_breaks_only_its_sandbox(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lie: str
) -> None:
    monkeypatch.setenv("PATH", liar(tmp_path / "bin", lie))

    async def whole() -> None:
        box = await Ssh("machine").create(SandboxSpec(name="a/b", root=tmp_path / "box"))
        log = tmp_path / "log"
        limits = Limits(output_bytes=1 << 20, seconds=60.0)
        with pytest.raises(FabrikError):
            await box.exec(Command(argv=["true"], stdout=log, stderr=log, limits=limits))
        assert log.stat().st_size <= 4 << 20

    asyncio.run(asyncio.wait_for(whole(), 60))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bin", "box", "log"]


@pytest.mark.parametrize(
    "lie", ["[frame(2, channel, b'x' * 1000) for _ in range(9)]; close(channel, {'ok': {'there': True}})"]
)
def test_no_more_is_read_or_unpacked_than_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lie: str
) -> None:
    monkeypatch.setenv("PATH", liar(tmp_path / "bin", lie))

    async def whole() -> None:
        box = await Ssh("machine").create(SandboxSpec(name="a/b", root=tmp_path / "box"))
        with pytest.raises(SandboxBroken, match="more than 100 bytes"):
            await box.read_file("file", 100)
        with pytest.raises(SandboxBroken, match="more than 5000 bytes"):
            await box.tar_out("/workspace", tmp_path / "archive", 5000)
        assert not (tmp_path / "archive").exists()

    asyncio.run(whole())


@pytest.mark.parametrize(
    "wrong",
    [{"workspace": "x"}, {"home": 5}, {"models": "http://192.0.2.1:80"}, {"proxy": "http://127.0.0.1:1/x"}],
)
def test_places_that_are_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: dict[str, object]
) -> None:
    monkeypatch.setenv("PATH", liar(tmp_path / "bin", "pass", {**_CREATED, **wrong}))

    async def whole() -> None:
        with pytest.raises(SandboxBroken):
            await Ssh("machine").create(SandboxSpec(name="a/b", root=tmp_path / "box"))

    asyncio.run(whole())


def test_only_the_doors_of_a_command_are_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without doors, or beside them, no connection comes to be on this machine."""
    opened: list[object] = []
    lie = (
        "[frame(1, 2 * n, json.dumps(words).encode()) for n, words in enumerate(["
        "{'do': 'door', 'of': channel, 'door': 'models'}, {'do': 'door', 'of': 1, 'door': '/etc/passwd'},"
        "{'do': 'exec'}, {'do': 'door', 'of': [], 'door': 'models'}, {}], 1)];"
        f"close(channel, {{'ok': {{{_EXIT}}}}})"
    )
    monkeypatch.setenv("PATH", liar(tmp_path / "bin", lie))
    monkeypatch.setattr(asyncio, "open_unix_connection", lambda *words: opened.append(words))

    async def whole() -> None:
        box = await Ssh("machine").create(SandboxSpec(name="a/b", root=tmp_path / "box"))
        log = tmp_path / "log"
        assert (await box.exec(Command(argv=["true"], stdout=log, stderr=log))).ok

    asyncio.run(whole())
    assert opened == []


def test_frames_are_as_agreed() -> None:
    """What the liar above sends is what the link understands."""
    from fabrik.sandboxes.ssh import link

    assert (link.OPEN, link.DATA, link.CLOSE) == (1, 2, 7)
    assert struct.calcsize(">BII") == 9 and json.loads("{}") == {}
