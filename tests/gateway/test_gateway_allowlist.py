"""Names and addresses against the list of allowed hosts: pure, no door."""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabrik.gateway.allowlist import Allowlist, rule_addresses
from fabrik.gateway.places import NotAPlace, never, place, private


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Example.COM", "example.com"),
        ("example.com.", "example.com"),
        ("example.com:443", "example.com:443"),
        ("bücher.example:80", "xn--bcher-kva.example:80"),
        ("EXAMPLE。com", "example.com"),
        ("my_host-1", "my_host-1"),
        ("10.1.2.3:80", "10.1.2.3:80"),
        ("[2001:DB8::1]:80", "[2001:db8::1]:80"),
        ("[::1]", "[::1]"),
    ],
)
def test_places_are_read_in_one_way(text: str, expected: str) -> None:
    assert str(place(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "a..b",
        "-a.example",
        "a b.example",
        "a\tb",
        "a\x00b",
        "user@example.com",
        "example.com@127.0.0.1",
        "example.com%2eevil",
        "example.com/",
        "example.com\\@evil",
        "example.com#x",
        "example.com?x",
        "example.com:",
        "example.com:0",
        "example.com:080",
        "example.com:65536",
        "example.com:+80",
        "example.com:８０",
        "example.com:80:80",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "127.0.0.01",
        "0177.0.0.1",
        "127.0.0.1.1",
        "1.2.3",
        "256.1.1.1",
        "example.1",
        "example.0x1",
        "[::1",
        "::1",
        "[::1]x",
        "[fe80::1%25eth0]",
        "[1.2.3.4]",
        "a" * 64 + ".example",
        "a." * 127 + "example",
        "x" * 400,
    ],
)
def test_what_is_read_differently_by_different_readers_is_no_place(text: str) -> None:
    with pytest.raises(NotAPlace):
        place(text)


@given(st.text(max_size=40))
def test_any_text_is_a_place_or_not(text: str) -> None:
    with contextlib.suppress(NotAPlace):
        found = place(text)
        assert place(str(found)) == found
        assert found.host.isascii()
        assert found.host == found.host.lower()


@pytest.mark.parametrize(
    ("patterns", "wanted", "port", "allowed"),
    [
        ((), "example.com", 443, False),
        (("example.com",), "example.com", 443, True),
        (("example.com",), "EXAMPLE.com.", 80, True),
        (("Example.Com",), "example.com", 443, True),
        (("example.com",), "example.com", 22, False),
        (("example.com",), "example.com", 8080, False),
        (("example.com",), "www.example.com", 443, False),
        (("example.com",), "notexample.com", 443, False),
        (("example.com",), "example.com.evil.net", 443, False),
        (("*.example.com",), "example.com", 443, False),
        (("*.example.com",), "a.example.com", 443, True),
        (("*.example.com",), "a.b.example.com", 443, True),
        (("*.example.com",), "aexample.com", 443, False),
        (("*.example.com:8443",), "a.example.com", 8443, True),
        (("*.example.com:8443",), "a.example.com", 443, False),
        (("example.com:4873",), "example.com", 4873, True),
        (("example.com:4873",), "example.com", 443, False),
        (("bücher.example",), "xn--bcher-kva.example", 443, True),
        (("example.com",), "93.184.216.34", 443, False),
        (("93.184.216.34",), "93.184.216.34", 443, True),
        (("10.0.0.1:8080",), "10.0.0.1", 8080, True),
        (("[::1]:80",), "[0:0:0:0:0:0:0:1]", 80, True),
        (("127.0.0.1",), "[::ffff:127.0.0.1]", 80, False),
    ],
)
def test_names_against_the_list(patterns: Sequence[str], wanted: str, port: int, allowed: bool) -> None:
    assert Allowlist.parse(patterns).rule(place(wanted), port).allowed is allowed


PRIVATE = ["10.0.0.1", "172.16.0.1", "192.168.1.1", "127.0.0.1", "127.8.9.1", "100.64.0.1", "::1", "fd12::1"]
PRIVATE += ["::ffff:10.0.0.1", "64:ff9b::10.0.0.1", "2002:7f00:1::", "::7f00:1", "192.0.2.1", "2001:db8::1"]
NEVER = [
    "169.254.169.254",
    "fe80::1",
    "224.0.0.1",
    "ff02::1",
    "0.0.0.0",
    "::",
    "255.255.255.255",
    "240.0.0.1",
]
NEVER += ["::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::", "100.100.100.200"]
NEVER += ["fd00:ec2::254", "168.63.129.16"]
PUBLIC = ["93.184.216.34", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]


def test_kinds_of_addresses() -> None:
    for text in PRIVATE:
        assert private(ipaddress.ip_address(text)), text
        assert not never(ipaddress.ip_address(text)), text
    for text in NEVER:
        assert never(ipaddress.ip_address(text)), text
    for text in PUBLIC:
        assert not private(ipaddress.ip_address(text)), text
        assert not never(ipaddress.ip_address(text)), text


@pytest.mark.parametrize(
    ("pattern", "addresses", "allowed"),
    [
        ("example.com", ["93.184.216.34", "2606:4700::1111"], True),
        ("example.com", ["93.184.216.34", "10.0.0.1"], False),
        ("*.example.com:80", ["10.0.0.1"], False),
        ("example.com:80", ["10.0.0.1"], True),
        ("example.com:80", ["127.0.0.1"], True),
        ("example.com:80", ["169.254.169.254"], False),
        ("169.254.169.254", ["169.254.169.254"], True),
    ],
)
def test_addresses_of_an_allowed_name(pattern: str, addresses: list[str], allowed: bool) -> None:
    [parsed] = Allowlist.parse([pattern]).patterns
    assert rule_addresses(parsed, map(ipaddress.ip_address, addresses)).allowed is allowed
