"""What lets the helper run on Python 3.9: said in the words of this Python, which has the real thing."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from fabrik.sandboxes.ssh.older import _dataclass


@dataclasses.dataclass(frozen=True, kw_only=True)
class Real:
    one: int = 1
    two: str
    many: dict[str, int] = dataclasses.field(default_factory=dict)


class _Bare:
    one: int = 1
    two: str
    many: dict[str, int] = dataclasses.field(default_factory=dict)


Older: Any = _dataclass(frozen=True, kw_only=True)(_Bare)


def test_fields_may_follow_those_with_a_default() -> None:
    assert dataclasses.asdict(Older(two="x")) == dataclasses.asdict(Real(two="x"))
    assert dataclasses.replace(Older(two="x"), one=5).one == 5
    with pytest.raises(dataclasses.FrozenInstanceError):
        Older(two="x").one = 2
