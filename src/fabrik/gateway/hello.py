"""The name that a TLS client asks for in its first message. Pure.

RFC 8446 sections 4.1.2 and 5.1 for the message and its records, RFC 6066 section 3 for the name. A client
that hides the name (Encrypted Client Hello, draft-ietf-tls-esni) says so with an extension, and cannot be
told apart from one that only pretends to.
"""

from __future__ import annotations

from dataclasses import dataclass

LONGEST = 64 * 1024  # bytes of a first message; those of today are below 4 kB
_HANDSHAKE = 22
_CLIENT_HELLO = 1
_MOST_IN_A_RECORD = 1 << 14
_SERVER_NAME = 0
_HIDES_THE_NAME = frozenset((0xFE0D, 0xFFCE))  # Encrypted Client Hello, and ESNI before it


class NotTLS(ValueError):
    """What came is no TLS client's first message."""


@dataclass(frozen=True, kw_only=True)
class Hello:
    """What the first message says."""

    name: str | None  # lower case, without the root's dot; None: no name
    hidden: bool  # another name may be encrypted in it


def read_hello(data: bytes) -> Hello | None:
    """Read a client's first bytes; None while the message is not complete.

    Raises NotTLS, as soon as that is sure.
    """
    message = bytearray()
    at = 0
    while True:
        head = data[at : at + 5]
        if (head[:1] and head[0] != _HANDSHAKE) or (head[1:2] and head[1] != 3):
            raise NotTLS
        if len(head) < 5:
            return None
        length = int.from_bytes(head[3:5], "big")
        if not 0 < length <= _MOST_IN_A_RECORD:
            raise NotTLS
        message += data[at + 5 : at + 5 + length]
        at += 5 + length
        if message and message[0] != _CLIENT_HELLO:
            raise NotTLS
        if len(message) >= 4:
            whole = 4 + int.from_bytes(message[1:4], "big")
            if whole > LONGEST:
                raise NotTLS
            if len(message) >= whole:
                return _read(bytes(message[4:whole]))
        if at > len(data):
            return None


class _Fields:
    """Reads values with their lengths in front."""

    def __init__(self, data: bytes) -> None:
        self.rest = data

    def take(self, count: int) -> bytes:
        if len(self.rest) < count:
            raise NotTLS
        taken, self.rest = self.rest[:count], self.rest[count:]
        return taken

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def vector(self, size: int) -> bytes:
        return self.take(self.number(size))


def _read(body: bytes) -> Hello:
    fields = _Fields(body)
    fields.take(2 + 32)  # version, random
    fields.vector(1)  # session
    fields.vector(2)  # ciphers
    fields.vector(1)  # compressions
    if not fields.rest:
        return Hello(name=None, hidden=False)
    extensions = _Fields(fields.vector(2))
    if fields.rest:
        raise NotTLS
    name: str | None = None
    seen: set[int] = set()
    while extensions.rest:
        kind, content = extensions.number(2), extensions.vector(2)
        if kind in seen:
            raise NotTLS
        seen.add(kind)
        if kind == _SERVER_NAME:
            name = _name(content)
    return Hello(name=name, hidden=bool(seen & _HIDES_THE_NAME))


def _name(content: bytes) -> str:
    """The one host name of the extension: with two, each server may take another one."""
    outer = _Fields(content)
    names = _Fields(outer.vector(2))
    if outer.rest or names.number(1) != 0:
        raise NotTLS
    name = names.vector(2)
    if names.rest or not name:
        raise NotTLS
    try:
        return name.decode("ascii").lower().removesuffix(".")
    except UnicodeDecodeError:
        raise NotTLS from None
