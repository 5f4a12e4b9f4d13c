"""The name in a TLS client's first message: pure."""

from __future__ import annotations

import contextlib

import pytest
from hellos import hello, in_records, server_name, with_extension
from hypothesis import given
from hypothesis import strategies as st

from fabrik.gateway.hello import Hello, NotTLS, read_hello

PYPI = hello("pypi.org")
BARE = hello(None)


@pytest.mark.parametrize(
    ("message", "name", "hidden"),
    [
        (PYPI, "pypi.org", False),
        (BARE, None, False),
        (PYPI + b"more", "pypi.org", False),
        (in_records(PYPI, 7), "pypi.org", False),
        (in_records(PYPI, 1), "pypi.org", False),
        (with_extension(BARE, 0, server_name(b"PyPI.org.")), "pypi.org", False),
        (with_extension(PYPI, 0xFE0D, b"\x00" * 40), "pypi.org", True),
        (with_extension(PYPI, 0xFFCE, b"x"), "pypi.org", True),
        (with_extension(PYPI, 0x6A6A), "pypi.org", False),
    ],
)
def test_the_name_is_read(message: bytes, name: str | None, hidden: bool) -> None:
    assert read_hello(message) == Hello(name=name, hidden=hidden)


def test_a_part_of_it_is_waited_for() -> None:
    for message in (PYPI, in_records(PYPI, 100)):
        for length in range(len(message)):
            assert read_hello(message[:length]) is None


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n",
        b"SSH-2.0-x",
        b"\x16\x02\x00\x00\x01\x01",
        b"\x16\x03\x01\x00\x00",
        b"\x16\x03\x01\xff\xff",
        b"\x16\x03\x01\x00\x01\x02",
        b"\x17\x03\x03\x00\x05hello",
        b"\x80\x2e\x01\x03\x01",
        b"\x16\x03\x01\x00\x04\x01\xff\xff\xff",
        b"\x16\x03\x01\x00\x06\x01\x00\x00\x02\x03\x03",
        with_extension(BARE, 0, server_name(b"pypi.org", b"evil.example")),
        with_extension(BARE, 0, server_name()),
        with_extension(BARE, 0, server_name(b"")),
        with_extension(BARE, 0, server_name("pypí.org".encode())),
        with_extension(BARE, 0, b"\x00\x0b\x01\x00\x08pypi.org"),
        with_extension(PYPI, 0, server_name(b"evil.example")),
        with_extension(BARE, 0, b""),
    ],
)
def test_what_is_no_first_message_or_has_two_meanings(data: bytes) -> None:
    with pytest.raises(NotTLS):
        read_hello(data)


@given(st.binary(max_size=300))
def test_any_bytes(tail: bytes) -> None:
    for data in (tail, PYPI[:9] + tail, PYPI[:60] + tail):
        with contextlib.suppress(NotTLS):
            found = read_hello(data)
            assert found is None or isinstance(found, Hello)
