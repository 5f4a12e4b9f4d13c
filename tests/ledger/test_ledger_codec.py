"""Results survive storage exactly, and what does not fit its type is refused with its place."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabrik.ledger.codec import Mismatch, decode, encode, plain


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, kw_only=True)
class Leaf:
    name: str
    size: int | None = None
    ratio: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Tree:
    leaves: tuple[Leaf, ...]
    pair: tuple[int, str]
    colour: Colour
    kind: Literal["oak", "elm", 3]
    good: bool
    tags: dict[str, tuple[str, ...]] = field(default_factory=dict)
    either: Leaf | str | None = None
    anything: Any = None
    view: Mapping[str, int] = field(default_factory=dict)
    steps: list[int] = field(default_factory=list)


texts = st.text(max_size=20)
leaves = st.builds(
    Leaf,
    name=texts,
    size=st.none() | st.integers(),
    ratio=st.floats(allow_nan=False, allow_infinity=False),
)
trees = st.builds(
    Tree,
    leaves=st.lists(leaves, max_size=3).map(tuple),
    pair=st.tuples(st.integers(), texts),
    colour=st.sampled_from(Colour),
    kind=st.sampled_from(["oak", "elm", 3]),
    good=st.booleans(),
    tags=st.dictionaries(texts, st.lists(texts, max_size=2).map(tuple), max_size=2),
    either=st.none() | texts | leaves,
    anything=st.recursive(st.none() | st.booleans() | texts, lambda inner: st.lists(inner, max_size=2)),
    view=st.dictionaries(texts, st.integers(), max_size=2),
    steps=st.lists(st.integers(), max_size=3),
)


@given(trees)
def test_a_value_comes_back_equal_and_of_the_same_types(tree: Tree) -> None:
    stored = json.loads(json.dumps(encode(Tree, tree)))
    back = decode(Tree, stored)
    assert back == tree
    assert type(back.leaves) is tuple
    assert type(back.colour) is Colour
    assert encode(Tree, back) == encode(Tree, tree)


@pytest.mark.parametrize(
    ("kind", "value"), [(str, "x"), (int, 3), (bool, True), (float, 1.5), (type(None), None)]
)
def test_scalars(kind: type[Any], value: Any) -> None:
    assert decode(kind, encode(kind, value)) == value


def test_a_float_may_be_given_as_a_whole_number() -> None:
    assert encode(float, 3) == 3.0
    assert type(decode(float, 3)) is float


GOOD = {"leaves": [{"name": "a"}], "pair": [1, "x"], "colour": "red", "kind": "oak", "good": True}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"good": 1}, "good: wanted bool, found 1"),
        ({"colour": "green"}, "colour: wanted one of red, blue, found 'green'"),
        ({"kind": "3"}, "kind: wanted one of oak, elm, 3"),
        ({"pair": [1]}, "pair: wanted 2 elements"),
        ({"leaves": [{"name": "a"}, {"name": 1}]}, "leaves[1].name: wanted str, found 1"),
        ({"leaves": [{}]}, "leaves[0]: name of Leaf is missing"),
        ({"leaves": [{"name": "a", "colour": 1}]}, "leaves[0]: Leaf has no colour"),
        ({"leaves": [{"name": "a", "size": True}]}, "size: wanted int, found True"),
        ({"leaves": [{"name": "a", "ratio": "1"}]}, "leaves[0].ratio: wanted a finite number, found '1'"),
        ({"leaves": {"name": "a"}}, "leaves: wanted tuple"),
        ({"tags": []}, "tags: wanted dict"),
        ({"either": 1}, "either: wanted Leaf or str or NoneType, found 1"),
        ({"more": 1}, "Tree has no more"),
        ({"view": {"a": "b"}}, "view.a: wanted int, found 'b'"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(change: dict[str, Any], message: str) -> None:
    assert decode(Tree, GOOD).good
    with pytest.raises(Mismatch) as caught:
        decode(Tree, GOOD | change)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (str, 1),
        (int, True),
        (int, 1.0),
        (float, float("nan")),
        (float, float("inf")),
        (Leaf, {"name": "a"}),
        (Colour, "red"),
        (tuple[str, ...], ["a"]),
        (dict[str, int], {1: 1}),
        (dict[int, int], {1: 1}),
        (bytes, b"x"),
        (type(None), 0),
        (Any, object()),
        (Any, float("nan")),
        (Any, {1: 2}),
    ],
)
def test_a_value_of_another_type_is_not_stored(kind: Any, value: Any) -> None:
    with pytest.raises(Mismatch):
        encode(kind, value)


def test_plain_takes_what_json_can_hold() -> None:
    leaf = Leaf(name="a", size=1)
    assert plain({"leaf": leaf, "pair": (1, Colour.RED)}) == {
        "leaf": {"name": "a", "size": 1, "ratio": 0.0},
        "pair": [1, "red"],
    }
    with pytest.raises(Mismatch, match=r"a\[1\]\.b"):
        plain({"a": [1, {"b": object()}]})
