"""The base of runs without a project: the same empty commit, however often and by however many it is made."""

from __future__ import annotations

import asyncio
from pathlib import Path

from fabrik.vcs.base import Base
from fabrik.vcs.empty import empty_repository
from fabrik.vcs.run_repo import RunRepo


def test_the_empty_base_is_always_the_same(tmp_path: Path) -> None:
    async def make() -> list[Base]:
        homes = [tmp_path / name for name in ("a", "a", "b")]
        return list(await asyncio.gather(*map(empty_repository, homes)))

    made = asyncio.run(make())
    assert len({base.commit for base in made}) == 1
    assert {base.repository for base in made} == {tmp_path / "a" / "base.git", tmp_path / "b" / "base.git"}


def test_a_run_can_start_from_it(tmp_path: Path) -> None:
    async def look() -> list[object]:
        base = await empty_repository(tmp_path / "none")
        repo = await RunRepo.create(tmp_path / "run" / "repo.git", base)
        return list(await repo.ls(base.commit))

    assert asyncio.run(look()) == []
