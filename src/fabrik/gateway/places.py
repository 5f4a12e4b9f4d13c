"""Names and addresses as a proxy's client writes them, made unambiguous or refused. Pure."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from fabrik.gateway.addresses import IPAddress

_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PORT = re.compile(r"[1-9][0-9]{0,4}")


class NotAPlace(ValueError):
    """What was written is not a host, or not one that everybody reads in the same way."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a request wants to go."""

    host: str  # lower case, ASCII; an address in its usual form, without brackets
    port: int | None  # None: not given
    address: IPAddress | None  # set when the host is a literal address

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"


def place(text: str) -> Place:
    """Read `host`, `host:port`, `[v6]` or `[v6]:port`.

    Raises NotAPlace: for a user (`a@b`), for other than letters, digits, dots and dashes, for addresses in
    disguise (octal, hexadecimal, one number, missing or extra parts), for zones, for ports that are none.
    """
    if (
        not text
        or len(text) > 300
        or any(character <= " " or character in "@/\\?#%\x7f" for character in text)
    ):
        raise NotAPlace("not a host name")
    if text.startswith("["):
        inside, closed, rest = text[1:].partition("]")
        if not closed or (rest and not rest.startswith(":")):
            raise NotAPlace("not a host name")
        six = _six(inside)
        return Place(host=str(six), port=port_number(rest[1:]) if rest else None, address=six)
    host, colon, port = text.partition(":")
    number = port_number(port) if colon else None
    name = _name(host)
    if _NUMERIC.fullmatch(name.rpartition(".")[2]):
        four = _four(name)
        return Place(host=str(four), port=number, address=four)
    return Place(host=name, port=number, address=None)


def _name(host: str) -> str:
    """A name in lower-case ASCII, without the root's dot."""
    name = host.removesuffix(".").lower()
    if not name.isascii():
        import idna

        try:
            name = idna.encode(name, uts46=True).decode("ascii").removesuffix(".").lower()
        except idna.IDNAError:
            raise NotAPlace("not a host name") from None
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise NotAPlace("not a host name")
    return name


def _four(name: str) -> ipaddress.IPv4Address:
    try:
        return ipaddress.IPv4Address(name)  # four decimal parts, no leading zeros
    except ValueError:
        raise NotAPlace("not an address in its usual form") from None


def _six(inside: str) -> ipaddress.IPv6Address:
    try:
        return ipaddress.IPv6Address(inside)
    except ValueError:
        raise NotAPlace("not an address in its usual form") from None


def port_number(text: str) -> int:
    """A port as everybody writes it: no sign, no zero in front.

    Raises NotAPlace.
    """
    if not _PORT.fullmatch(text) or int(text) > 65535:
        raise NotAPlace("not a port")
    return int(text)
