"""Tells what an artifact is from its bytes. Pure.

Pictures are known by their first bytes, as their formats define them: PNG (ISO/IEC 15948, 5.2), JPEG (ITU-T
T.81, B.1.1.3), GIF (GIF89a, 17), WebP (RFC 9649, 2.4).
"""

from __future__ import annotations

from pathlib import PurePath

from fabrik.errors import UsageError
from fabrik.judging.model import Artifact, PictureType

MOST_TEXT = 400_000  # bytes of one text: about 100,000 tokens, which fits all models asked
MOST_PICTURE = 3_750_000  # bytes: 5 MB as base64, the least that the three vendors take
MOST_READ = max(MOST_TEXT, MOST_PICTURE) + 1  # bytes of a file that need be read to tell that it is too large

PICTURE_NAMES = frozenset((".png", ".jpg", ".jpeg", ".gif", ".webp"))


def artifact_of(name: str, content: bytes) -> Artifact:
    """What these bytes are. name: how the user calls it.

    Raises UsageError for what is empty, too large, neither text nor a picture, or called a picture and none.
    """
    if not content.strip():
        raise UsageError("there is nothing in it to judge", where=name)
    kind = picture_type(content)
    if kind is not None:
        if not _has_size(kind, content):
            raise UsageError(
                "begins like a picture and ends before its size", where=name, todo="write it once more"
            )
        if len(content) > MOST_PICTURE:
            raise UsageError(
                f"a picture may have {MOST_PICTURE:,} bytes", where=name, todo="make it smaller, or cut it"
            )
        return Artifact(name=name, picture=content, type=kind)
    if PurePath(name).suffix.lower() in PICTURE_NAMES:
        raise UsageError(
            "is called a picture and is none", where=name, todo="a judge sees png, jpeg, gif and webp"
        )
    if len(content) > MOST_TEXT:
        raise UsageError(
            f"a text may have {MOST_TEXT:,} bytes", where=name, todo="judge the part that matters"
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise UsageError(
            "is neither UTF-8 text nor a picture", where=name, todo="a judge sees png, jpeg, gif and webp"
        )
    return Artifact(name=name, text=text)


def picture_type(content: bytes) -> PictureType | None:
    """The type of a picture by its first bytes; None when it is none that a judge sees."""
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return "image/webp"
    return None


def _has_size(kind: PictureType, content: bytes) -> bool:
    """Whether the header is whole, down to a width and a height: no model is paid to see less."""
    match kind:
        case "image/png":  # the first chunk, IHDR: ISO/IEC 15948, 11.2.2
            size = content[16:24] if content[12:16] == b"IHDR" else b""
            return len(size) == 8 and any(size[:4]) and any(size[4:])
        case "image/gif":  # the logical screen descriptor: GIF89a, 18; both may be 0 where a frame says more
            return len(content) >= 13
        case "image/webp":  # the first chunk, with its size: RFC 9649, 2.5 to 2.7
            return content[12:16] in (b"VP8 ", b"VP8L", b"VP8X") and len(content) >= 25
        case "image/jpeg":
            return _jpeg_has_size(content)


def _jpeg_has_size(content: bytes) -> bool:
    """Whether a frame header (SOF) stands among the first segments: ITU-T T.81, B.1.1.4 and B.2.2."""
    at = 2
    while at + 4 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if marker == 0xFF:  # filling
            at += 1
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            # No height: it comes later (DNL), but a width there must be.
            return len(content) >= at + 9 and any(content[at + 7 : at + 9])
        elif marker in (0xDA, 0xD9):  # the scan, or the end, before any size
            return False
        else:
            at += 2 + int.from_bytes(content[at + 2 : at + 4])
    return False


def names_a_picture(text: str) -> bool:
    """Whether a string is the path of a picture and not a text: one line that ends like one."""
    return "\n" not in text and len(text) < 4096 and PurePath(text).suffix.lower() in PICTURE_NAMES
