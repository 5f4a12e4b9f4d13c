"""First messages of TLS clients: real ones of the ssl module, and altered ones."""

from __future__ import annotations

import ssl


def hello(name: str | None) -> bytes:
    """What a client says first."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    received, sent = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        context.wrap_bio(received, sent, server_hostname=name).do_handshake()
    except ssl.SSLWantReadError:
        return sent.read()
    raise AssertionError


def with_extension(message: bytes, kind: int, content: bytes = b"") -> bytes:
    """The same message in one record, with one extension more."""
    body = bytearray(message[9:])
    at = 2 + 32
    at += 1 + body[at]
    at += 2 + int.from_bytes(body[at : at + 2], "big")
    at += 1 + body[at]
    body += kind.to_bytes(2, "big") + len(content).to_bytes(2, "big") + content
    body[at : at + 2] = (len(body) - at - 2).to_bytes(2, "big")
    whole = b"\x01" + len(body).to_bytes(3, "big") + bytes(body)
    return b"\x16\x03\x01" + len(whole).to_bytes(2, "big") + whole


def in_records(message: bytes, size: int) -> bytes:
    """The same message, spread over many records."""
    content = message[5:]
    parts = [content[at : at + size] for at in range(0, len(content), size)]
    return b"".join(b"\x16\x03\x01" + len(part).to_bytes(2, "big") + part for part in parts)


def server_name(*names: bytes) -> bytes:
    """The content of a server_name extension."""
    listed = b"".join(b"\x00" + len(name).to_bytes(2, "big") + name for name in names)
    return len(listed).to_bytes(2, "big") + listed
