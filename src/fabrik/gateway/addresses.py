"""What kind of network an address belongs to. Pure.

The ranges are those of IANA's special-purpose registries
(https://www.iana.org/assignments/iana-ipv4-special-registry and …/iana-ipv6-special-registry), kept here
because the answers of `ipaddress` differ between versions of Python.
"""

from __future__ import annotations

import ipaddress
from typing import Literal

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

Kind = Literal["public", "loopback", "link-local", "private", "metadata", "unusable"]
# metadata: a cloud's store of credentials; unusable: no host, or one that a kernel takes for this machine


def _four(*texts: str) -> tuple[ipaddress.IPv4Network, ...]:
    return tuple(ipaddress.IPv4Network(text) for text in texts)


def _six(*texts: str) -> tuple[ipaddress.IPv6Network, ...]:
    return tuple(ipaddress.IPv6Network(text) for text in texts)


# Where clouds hand credentials to whoever asks from a machine of theirs.
_METADATA_FOUR = frozenset(
    map(
        ipaddress.IPv4Address,
        (
            "169.254.169.254",  # AWS, Azure, Google Cloud, Oracle, DigitalOcean, Hetzner, OpenStack, …
            "169.254.170.2",  # AWS ECS: credentials of a task
            "169.254.170.23",  # AWS EKS: credentials of a pod
            "169.254.169.253",  # AWS: DNS of the network
            "169.254.169.123",  # AWS: time
            "169.254.0.23",  # Tencent Cloud
            "169.254.42.42",  # Scaleway
            "100.100.100.200",  # Alibaba Cloud
            "168.63.129.16",  # Azure: WireServer
            "192.0.0.192",  # Oracle Cloud
        ),
    )
)
_METADATA_SIX = frozenset(
    map(
        ipaddress.IPv6Address,
        (
            "fd00:ec2::254",  # AWS
            "fd00:ec2::23",  # AWS EKS
            "fd00:ec2::253",  # AWS: DNS
            "fd00:ec2::123",  # AWS: time
            "fd20:ce::254",  # Google Cloud
            "fd00:c1::a9fe:a9fe",  # Oracle Cloud
            "fe80::a9fe:a9fe",  # OpenStack
            "fd00:42::42",  # Scaleway
        ),
    )
)

_UNUSABLE_FOUR = _four("0.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4")
_PRIVATE_FOUR = _four(
    "10.0.0.0/8",
    "100.64.0.0/10",  # carriers' NAT
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",  # relays of 6to4
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
)
_LOOPBACK_FOUR = ipaddress.IPv4Network("127.0.0.0/8")
_LINK_FOUR = ipaddress.IPv4Network("169.254.0.0/16")

_PUBLIC_SIX = ipaddress.IPv6Network("2000::/3")  # all that is given out to networks
_NOT_PUBLIC_SIX = _six(
    "2001::/23",  # protocols, Teredo among them
    "2001:db8::/32",
    "2002::/16",  # 6to4
    "3fff::/20",
)
_LINK_SIX = ipaddress.IPv6Network("fe80::/10")
_MULTICAST_SIX = ipaddress.IPv6Network("ff00::/8")
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # where a network without IPv4 shows the IPv4 world (RFC 6052)
_TRANSLATED = _six("::/96", "::ffff:0:0:0/96", "64:ff9b:1::/96")  # compatible, SIIT, NAT64 of a local network
_SIX_TO_FOUR = ipaddress.IPv6Network("2002::/16")
_TEREDO = ipaddress.IPv6Network("2001::/32")
_ISATAP = (0x00005EFE, 0x02005EFE)  # bits 64 to 95 (RFC 5214)


def kind(address: IPAddress) -> Kind:
    """What an address is, however it is wrapped up. An IPv6 address that carries a worse IPv4 one is that."""
    if isinstance(address, ipaddress.IPv4Address):
        return _kind_four(address)
    if address in _METADATA_SIX:
        return "metadata"
    if address.is_loopback:
        return "loopback"
    inner = [_kind_four(carried) for carried in carried_by(address)]
    if address in _MAPPED or address in _NAT64:
        return inner[0]
    for bad in ("metadata", "unusable", "loopback", "link-local"):
        if bad in inner:
            return bad
    if address.is_unspecified or address in _MULTICAST_SIX:
        return "unusable"
    if address in _LINK_SIX:
        return "link-local"
    if address not in _PUBLIC_SIX or any(address in network for network in _NOT_PUBLIC_SIX):
        return "private"
    return "private" if "private" in inner else "public"


def carried_by(address: ipaddress.IPv6Address) -> list[ipaddress.IPv4Address]:
    """The IPv4 addresses that an IPv6 one may lead to: mapped, translated, 6to4, Teredo, ISATAP."""
    number = int(address)
    last = ipaddress.IPv4Address(number & 0xFFFFFFFF)
    if address in _MAPPED or address in _NAT64:
        return [last]
    if number >> 16 == 0:  # ::, ::1 and the like: nothing is in there
        return []
    found: list[ipaddress.IPv4Address] = []
    if any(address in network for network in _TRANSLATED) or (number >> 32) & 0xFFFFFFFF in _ISATAP:
        found.append(last)
    if address in _SIX_TO_FOUR:
        found.append(ipaddress.IPv4Address((number >> 80) & 0xFFFFFFFF))
    if address in _TEREDO:  # server, and the client with its bits turned over (RFC 4380)
        found += [
            ipaddress.IPv4Address((number >> 64) & 0xFFFFFFFF),
            ipaddress.IPv4Address(int(last) ^ 0xFFFFFFFF),
        ]
    return found


def _kind_four(address: ipaddress.IPv4Address) -> Kind:
    if address in _METADATA_FOUR:
        return "metadata"
    if any(address in network for network in _UNUSABLE_FOUR):
        return "unusable"
    if address in _LOOPBACK_FOUR:
        return "loopback"
    if address in _LINK_FOUR:
        return "link-local"
    return "private" if any(address in network for network in _PRIVATE_FOUR) else "public"
