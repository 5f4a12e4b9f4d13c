"""Lets this room run on Python 3.9 and 3.10, which many machines that one reaches by ssh have.

Called once, before the modules that need it are imported. Nothing here is used by fabrik on its own machine.
"""

from __future__ import annotations

import asyncio
import dataclasses
import sys
from collections.abc import Awaitable
from typing import Any

_MISSING = object()


def prepare() -> None:
    """Give the standard library what this room takes from newer ones."""
    if sys.version_info < (3, 10):  # noqa: UP036
        dataclasses.dataclass = _dataclass
    if sys.version_info < (3, 11):  # noqa: UP036
        asyncio.wait_for = _wait_for


_dataclass_of_old = dataclasses.dataclass
_wait_for_of_old = asyncio.wait_for


def _dataclass(cls: Any = None, *, kw_only: bool = False, **options: Any) -> Any:
    """`kw_only`: fields without a default may follow those with one."""

    def wrap(kind: Any) -> Any:
        if kw_only:
            for name in kind.__dict__.get("__annotations__", {}):  # noqa: RUF063
                if not hasattr(kind, name):
                    setattr(kind, name, _MISSING)
        return _dataclass_of_old(**options)(kind)

    return wrap if cls is None else wrap(cls)


async def _wait_for(awaitable: Awaitable[Any], timeout: float | None) -> Any:  # noqa: ASYNC109
    """asyncio's own TimeoutError is the builtin one since 3.11."""
    try:
        return await _wait_for_of_old(awaitable, timeout)
    except asyncio.TimeoutError as problem:  # noqa: UP041
        raise TimeoutError from problem
