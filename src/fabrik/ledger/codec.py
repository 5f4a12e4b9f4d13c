"""Values of a declared type as JSON and back. Strict in both directions: what does not fit is an error.

Types: str, int, float, bool, None, StrEnum, Literal, frozen dataclasses, tuple, list, dict and Mapping with
str keys, unions of these, and Any for plain JSON.
"""

from __future__ import annotations

import dataclasses
import math
import types
from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import cache
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")


class Mismatch(TypeError):
    """A value and its declared type do not fit. The message names the place: `tasks[2].commit`."""


def encode(kind: type[T], value: T) -> Any:
    """The JSON form of a value of this type. Raises Mismatch."""
    return _encode(kind, value, "")


def decode(kind: type[T], data: Any) -> T:
    """The value that this JSON stands for. Raises Mismatch."""
    return cast(T, _decode(kind, data, ""))


def plain(value: Any, place: str = "") -> Any:
    """The JSON form of a value whose type is not declared: dataclasses, mappings, sequences, scalars.

    Raises Mismatch for anything else.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name), f"{place}.{f.name}") for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {_key(key, place): plain(item, f"{place}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, f"{place}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, float) and not math.isfinite(value):
        raise _mismatch(place, "a finite number", value)
    if value is None or isinstance(value, str | int | float):
        return value
    raise _mismatch(place, "a value that JSON can hold", value)


def _encode(kind: Any, value: Any, place: str) -> Any:
    origin = get_origin(kind)
    if kind is Any:
        return plain(value, place)
    if origin in (Union, types.UnionType):
        return _first(get_args(kind), value, place, _encode)
    if dataclasses.is_dataclass(kind):
        if type(value) is not kind:
            raise _mismatch(place, _name(kind), value)
        return {
            name: _encode(hint, getattr(value, name), f"{place}.{name}")
            for name, hint in _hints(cast(type, kind)).items()
        }
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        if not isinstance(value, kind):
            raise _mismatch(place, _name(kind), value)
        return value.value
    if origin is tuple or (origin in (list, Sequence)):
        if not isinstance(value, tuple if origin is tuple else (list, tuple)):
            raise _mismatch(place, _name(kind), value)
        return [
            _encode(item, part, f"{place}[{i}]") for i, (item, part) in enumerate(_items(kind, value, place))
        ]
    if origin in (dict, Mapping):
        return _mapping(kind, value, place, _encode)
    return _scalar(kind, value, place)


def _decode(kind: Any, data: Any, place: str) -> Any:
    origin = get_origin(kind)
    if kind is Any:
        return data
    if origin in (Union, types.UnionType):
        return _first(get_args(kind), data, place, _decode)
    if dataclasses.is_dataclass(kind):
        return _dataclass(cast(type, kind), data, place)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        if not isinstance(data, str) or data not in [member.value for member in kind]:
            raise _mismatch(place, "one of " + ", ".join(member.value for member in kind), data)
        return kind(data)
    if origin is tuple or (origin in (list, Sequence)):
        if not isinstance(data, list):
            raise _mismatch(place, _name(kind), data)
        decoded = (
            _decode(item, part, f"{place}[{i}]") for i, (item, part) in enumerate(_items(kind, data, place))
        )
        return list(decoded) if origin is list else tuple(decoded)
    if origin in (dict, Mapping):
        return _mapping(kind, data, place, _decode)
    return _scalar(kind, data, place)


def _dataclass(kind: type, data: Any, place: str) -> Any:
    if not isinstance(data, dict):
        raise _mismatch(place, _name(kind), data)
    hints = _hints(kind)
    if unknown := sorted(data.keys() - hints.keys()):
        raise Mismatch(f"{place or _name(kind)}: {_name(kind)} has no {', '.join(unknown)}")
    values = {name: _decode(hints[name], item, f"{place}.{name}") for name, item in data.items()}
    optional = {
        f.name
        for f in dataclasses.fields(kind)
        if f.default is not dataclasses.MISSING or f.default_factory is not dataclasses.MISSING
    }
    if missing := sorted(hints.keys() - values.keys() - optional):
        raise Mismatch(f"{place or _name(kind)}: {', '.join(missing)} of {_name(kind)} is missing")
    return kind(**values)


def _items(kind: Any, values: Sequence[Any], place: str) -> list[tuple[Any, Any]]:
    """Pair the elements with their types."""
    declared = get_args(kind)
    if get_origin(kind) is not tuple or (len(declared) == 2 and declared[1] is Ellipsis):
        return [(declared[0], value) for value in values]
    if len(declared) != len(values):
        raise _mismatch(place, f"{len(declared)} elements", values)
    return list(zip(declared, values, strict=True))


def _mapping(kind: Any, value: Any, place: str, convert: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise _mismatch(place, _name(kind), value)
    declared = get_args(kind)
    if declared[0] is not str:
        raise Mismatch(f"{place or _name(kind)}: only str keys can be stored")
    return {_key(key, place): convert(declared[1], item, f"{place}.{key}") for key, item in value.items()}


def _first(kinds: Sequence[Any], value: Any, place: str, convert: Any) -> Any:
    """A union is tried from left to right; no type takes another one's values, except float an int."""
    for kind in kinds:
        try:
            return convert(kind, value, place)
        except Mismatch as mismatch:
            problem = mismatch
    if len(real := [kind for kind in kinds if kind is not types.NoneType]) == 1 and value is not None:
        convert(real[0], value, place)  # says what does not fit inside the only alternative
    raise _mismatch(place, " or ".join(_name(kind) for kind in kinds), value) from problem


def _scalar(kind: Any, value: Any, place: str) -> Any:
    if get_origin(kind) is Literal:
        if not any(type(value) is type(choice) and value == choice for choice in get_args(kind)):
            raise _mismatch(place, "one of " + ", ".join(map(str, get_args(kind))), value)
        return value
    if kind is None or kind is types.NoneType:
        if value is not None:
            raise _mismatch(place, "None", value)
        return None
    if kind is float:
        if type(value) not in (int, float) or not math.isfinite(value):
            raise _mismatch(place, "a finite number", value)
        return float(value)
    if kind in (str, int, bool):
        if type(value) is not kind:
            raise _mismatch(place, _name(kind), value)
        return value
    raise Mismatch(f"{place or 'value'}: values of type {_name(kind)} cannot be stored")


def _key(key: Any, place: str) -> str:
    if type(key) is not str:
        raise _mismatch(place, "str keys", key)
    return key


@cache
def _hints(kind: type) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


def _name(kind: Any) -> str:
    return kind.__name__ if isinstance(kind, type) and get_origin(kind) is None else str(kind)


def _mismatch(place: str, wanted: str, value: Any) -> Mismatch:
    shown = repr(value)
    return Mismatch(f"{place.lstrip('.') or 'value'}: wanted {wanted}, found {shown[:80]}")
