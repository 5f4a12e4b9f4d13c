"""The provider `ssh` against the shipped suite, over a real sshd on loopback.

The cases share one event loop, and so one connection, as the commands of a worker do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from local_sshd import Sshd

from fabrik.sandboxes.ssh.provider import Ssh
from fabrik.testing.conformance import CASES, Case, Harness, case_id


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as one:
        yield one


@pytest.fixture(scope="module")
def provider() -> Ssh:
    return Ssh("machine")


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_ssh(case: Case, server: Sshd, runner: asyncio.Runner, provider: Ssh, tmp_path: Path) -> None:
    async def whole() -> None:
        harness = Harness(provider=provider, directory=tmp_path)
        try:
            await case(harness)
        finally:
            await harness.clean()

    runner.run(whole())
