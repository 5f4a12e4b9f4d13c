"""Names and addresses against the list of allowed hosts: pure, no door."""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabrik.errors import UsageError
from fabrik.gateway.addresses import kind
from fabrik.gateway.allowlist import Allowlist
from fabrik.gateway.places import NotAPlace, place


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


KINDS = {
    "loopback": "127.0.0.1 127.8.9.1 ::1 ::ffff:127.0.0.1 2002:7f00:1:: ::127.0.0.1",
    "private": """
        10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 100.64.0.1 100.127.255.255 192.0.2.1 198.18.0.1
        198.51.100.1 203.0.113.1 192.0.0.1 192.88.99.1 ::ffff:10.0.0.1 fd12::1 fc00::1 fec0::1
        2001:db8::1 3fff::1 64:ff9b::10.0.0.1 64:ff9b:1::808:808 2002:808:808::
        2001:0:808:808::f7f7:f7f7 100::1 ::ffff:0:8.8.8.8 2606:4700::5efe:10.0.0.1 5f00::1 2001:20::1
        4000::1
    """,
    "link-local": "169.254.1.1 fe80::1 ::ffff:169.254.1.1 fe80::5efe:8.8.8.8",
    "metadata": """
        169.254.169.254 169.254.170.2 169.254.170.23 100.100.100.200 168.63.129.16 192.0.0.192
        fd00:ec2::254 fd00:ec2::23 fd20:ce::254 fe80::a9fe:a9fe ::ffff:169.254.169.254
        64:ff9b::a9fe:a9fe 64:ff9b:1::a9fe:a9fe 2002:a9fe:a9fe:: ::a9fe:a9fe ::ffff:0:169.254.169.254
        fe80::5efe:169.254.169.254 fe80::200:5efe:a9fe:a9fe 2001:0:a9fe:a9fe::
        2001:0:808:808:0:0:5601:5601
    """,
    "unusable": """
        0.0.0.0 0.1.2.3 224.0.0.1 239.255.255.250 240.0.0.1 255.255.255.255 :: ff02::1 ff0e::1
        ::ffff:0.0.0.0 64:ff9b::e000:1 2001::1
    """,
    "public": """
        93.184.216.34 8.8.8.8 172.32.0.1 100.128.0.1 192.0.1.1 2606:4700::1111 2a00::1 2001:4860::1
        ::ffff:8.8.8.8 64:ff9b::808:808
    """,
}


@pytest.mark.parametrize(
    ("expected", "text"), [(name, text) for name in KINDS for text in KINDS[name].split()]
)
def test_kinds_of_addresses(expected: str, text: str) -> None:
    assert kind(ipaddress.ip_address(text)) == expected


@given(st.ip_addresses(v=4), st.sampled_from(["::ffff:0:0", "64:ff9b::", "64:ff9b:1::", "::ffff:0:0:0"]))
def test_a_wrapped_address_is_never_better_than_what_it_wraps(
    inner: ipaddress.IPv4Address, prefix: str
) -> None:
    wrapped = ipaddress.IPv6Address(int(ipaddress.IPv6Address(prefix)) | int(inner))
    if kind(inner) == "public":
        assert kind(wrapped) in ("public", "private")
    else:
        assert kind(wrapped) == kind(inner)


@pytest.mark.parametrize(
    ("patterns", "addresses", "port", "allowed"),
    [
        (("example.com",), ["93.184.216.34", "2606:4700::1111"], 443, True),
        (("example.com",), ["93.184.216.34", "10.0.0.1"], 443, False),
        (("*.example.com:80",), ["10.0.0.1"], 80, False),
        (("example.com:80",), ["10.0.0.1"], 80, False),
        (("example.com:80",), ["127.0.0.1"], 80, False),
        (("example.com:80", "10.0.0.1:80"), ["10.0.0.1"], 80, True),
        (("example.com", "10.0.0.0/8"), ["10.0.0.1", "10.1.2.3"], 443, True),
        (("example.com", "10.0.0.0/8"), ["10.0.0.1", "192.168.0.1"], 443, False),
        (("example.com:8080", "10.0.0.0/8"), ["10.0.0.1"], 8080, False),
        (("example.com:8080", "10.0.0.0/8:8080"), ["10.0.0.1"], 8080, True),
        (("*.corp.example", "[fd00::/8]:443"), ["fd12::1"], 443, True),
        (("*.corp.example", "[fd00::/8]:443"), ["fd00:ec2::254"], 443, False),
        (("example.com", "169.254.0.0/16"), ["169.254.169.254"], 80, False),
        (("example.com", "169.254.0.0/16"), ["169.254.1.1"], 80, True),
        (("example.com", "10.0.0.0/8"), ["::ffff:10.0.0.1"], 80, False),
        (("localhost:80",), ["127.0.0.1", "::1"], 80, True),
        (("x.localhost:80",), ["127.0.0.1"], 80, True),
        (("localhost",), ["127.0.0.1"], 80, False),
        (("localhost:80",), ["10.0.0.1"], 80, False),
        (("notlocalhost:80",), ["127.0.0.1"], 80, False),
        (("example.com", "127.0.0.1:80"), ["0.0.0.0"], 80, False),
    ],
)
def test_addresses_of_an_allowed_name(
    patterns: Sequence[str], addresses: list[str], port: int, allowed: bool
) -> None:
    known = Allowlist.parse(patterns)
    found = known.rule_addresses(known.patterns[0], map(ipaddress.ip_address, addresses), port)
    assert found.allowed is allowed


@pytest.mark.parametrize(
    ("pattern", "wanted", "port", "allowed"),
    [
        ("10.1.0.0/16", "10.1.2.3", 443, True),
        ("10.1.0.0/16", "10.2.0.1", 443, False),
        ("10.1.0.0/16", "10.1.2.3", 22, False),
        ("10.1.0.0/16:22", "10.1.2.3", 22, True),
        ("[fd00::/8]", "[fd12::3]", 80, True),
        ("fd00::/8", "[fd12::3]", 80, True),
        ("[fd00::/8]:8080", "[fd12::3]", 8080, True),
        ("127.0.0.0/8:1", "[::ffff:127.0.0.1]", 1, False),
        ("169.254.0.0/16", "169.254.169.254", 80, False),
        ("168.0.0.0/8", "168.63.129.16", 80, False),
        ("100.64.0.0/10", "100.100.100.200", 80, False),
    ],
)
def test_ranges(pattern: str, wanted: str, port: int, allowed: bool) -> None:
    found = place(wanted)
    assert Allowlist.parse((pattern,)).rule(found, port).allowed is allowed


@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.0/0",
        "10.0.0.0/7",
        "::/0",
        "[2000::/3]",
        "10.1.2.3/8",
        "10.0.0.0/33",
        "10.0.0.0/255.0.0.0",
        "10.0/8",
        "10.0.0.0/8:0",
        "10.0.0.0/8:x",
        "[fd00::/8]443",
        "fe80::%eth0/64",
        "224.0.0.0/8",
        "169.254.169.254",
        "169.254.169.254/32",
        "[fd00:ec2::254]",
        "[::ffff:169.254.169.254]:80",
        "metadata.google.internal",
        "METADATA.google.internal.:80",
        "0.0.0.0:80",
        "*.10.0.0.1",
        "example.com/path",
        "*",
        "*.",
        "a.*.b",
    ],
)
def test_what_cannot_be_allowed(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        Allowlist.parse(("fine.example", text))
    assert repr(text) in str(caught.value)
    assert "fine" not in str(caught.value)


@pytest.mark.parametrize("name", ["metadata.google.internal", "metadata", "instance-data", "metadata.goog"])
def test_metadata_names_are_refused_below_a_wildcard(name: str) -> None:
    known = Allowlist.parse(("*.google.internal", "*.goog", "*.internal"))
    assert not known.rule(place(name), 80).allowed
