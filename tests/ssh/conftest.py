"""One local sshd for all tests of this folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from local_sshd import SSHD, Sshd, sshd

from fabrik.sandboxes.ssh.connection import BASE, CONFIG

Require = Callable[[str, Callable[[], str | None]], None]


@pytest.fixture(scope="session")
def one_sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd | None]:
    if not Path(SSHD).exists():
        yield None
        return
    with sshd(tmp_path_factory.mktemp("sshd")) as one:
        yield one


@pytest.fixture
def server(one_sshd: Sshd | None, monkeypatch: pytest.MonkeyPatch, require: Require) -> Sshd:
    """`ssh:machine` leads to it."""
    require("sshd", lambda: None if one_sshd else "openssh-server is not installed")
    assert one_sshd is not None
    monkeypatch.setenv(CONFIG, str(one_sshd.config))
    monkeypatch.setenv(BASE, str(one_sshd.base))
    return one_sshd
