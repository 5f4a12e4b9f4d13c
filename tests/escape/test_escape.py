"""Every attack against every backend that this machine can run."""

from __future__ import annotations

import asyncio
from functools import cache
from pathlib import Path

import attacks_leaving
import attacks_network
import attacks_reading
import attacks_rights
import attacks_wearing
import pytest
from attack import BACKENDS, Attack, backend, play

from fabrik.sandboxes import gaps, registry
from fabrik.sandboxes.sandbox import Provider

ATTACKS: list[Attack] = [
    *attacks_reading.ATTACKS,
    *attacks_rights.ATTACKS,
    *attacks_leaving.ATTACKS,
    *attacks_network.ATTACKS,
    *attacks_wearing.ATTACKS,
]


@cache
def _backend(name: str) -> Provider | str:
    return backend(name)


@pytest.mark.optional(reason="a backend's engine may be missing")
@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("attack", ATTACKS, ids=str)
def test_attack_fails(attack: Attack, name: str, tmp_path: Path) -> None:
    provider = _backend(name)
    if isinstance(provider, str):
        pytest.skip(provider)
    if gap := gaps.allowing(name, attack.name):
        pytest.skip(f"not protected by {name}: {gap.what}")
    asyncio.run(play(attack, provider, tmp_path))


@pytest.mark.parametrize("attack", [attack for attack in ATTACKS if attack.in_the_open], ids=str)
def test_attack_is_a_success_where_nothing_is_protected(attack: Attack, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"."):
        asyncio.run(play(attack, registry.load("none"), tmp_path))


def test_the_table_is_complete() -> None:
    names = [attack.name for attack in ATTACKS]
    assert len(names) == len(set(names)) >= 40
    known = {name for gap in gaps.GAPS for name in gap.attacks}
    assert known <= set(names), "a gap names an attack that is not there"
