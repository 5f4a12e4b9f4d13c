"""Small pictures made by hand, for tests of what sees pictures. PNG as in ISO/IEC 15948."""

from __future__ import annotations

import struct
import zlib

Colour = tuple[int, int, int]


def png(width: int = 8, height: int = 8, colour: Colour = (200, 30, 30)) -> bytes:
    """A PNG of one colour: 8 bits a channel, RGB, no interlacing."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    row = b"\0" + bytes(colour) * width
    pixels = zlib.compress(row * height, 9)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
