"""What an artifact is, by its bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabrik.errors import UsageError
from fabrik.judging.artifacts import (
    MOST_PICTURE,
    MOST_READ,
    MOST_TEXT,
    artifact_of,
    names_a_picture,
    picture_type,
)
from fabrik.testing.pictures import png

GIF = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\xff\xff\xff\x00\x00\x00!\xf9\x04\x01\x00\x00\x00\x00,"
JPEG = (
    b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
    b"\xff\xff\xc0\x00\x0b\x08\x00\x01\x00\x01\x01\x01\x11\x00\xff\xd9"
)
WEBP = b"RIFF\x1a\x00\x00\x00WEBPVP8L\r\x00\x00\x00/\x00\x00\x00\x10\x07\x10"


@pytest.mark.parametrize(
    ("content", "kind"),
    [(png(), "image/png"), (GIF, "image/gif"), (JPEG, "image/jpeg"), (WEBP, "image/webp")],
)
@pytest.mark.parametrize("name", ["picture", "picture.txt", "picture.PNG"])
def test_pictures_are_known_by_their_content(content: bytes, kind: str, name: str) -> None:
    artifact = artifact_of(name, content)
    assert (artifact.type, artifact.picture, artifact.text) == (kind, content, None)
    assert artifact.content == content


def test_texts() -> None:
    assert artifact_of("a.md", "\ufeffgrüß dich".encode()).text == "grüß dich"
    assert artifact_of("logo.svg", b"<svg/>").text == "<svg/>"
    assert artifact_of("a.md", b"RIFF is a container, and WEBP is in it").picture is None


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.txt", b"", "nothing in it"),
        ("a.txt", b" \r\n\t", "nothing in it"),
        ("a.txt", b"a\0b", "neither UTF-8 text nor a picture"),
        ("a.txt", b"\xe9t\xe9", "neither UTF-8 text nor a picture"),
        ("a.jpeg", b"answer pass", "is called a picture and is none"),
        ("a.txt", b"a" * (MOST_TEXT + 1), "a text may have"),
        ("a.png", png() + b"\0" * MOST_PICTURE, "a picture may have"),
        *((f"{n}.gif", GIF[:n], "ends before its size") for n in (6, 12)),
        *((f"{n}.png", png()[:n], "ends before its size") for n in (8, 16, 23)),
        *((f"{n}.jpg", JPEG[:n], "ends before its size") for n in (3, 11, 20, 25)),
        *((f"{n}.webp", WEBP[:n], "ends before its size") for n in (12, 16, 24)),
        ("wide.png", png()[:16] + bytes(4) + png()[20:], "ends before its size"),
        ("none.jpg", JPEG[:20] + b"\xff\xd9", "ends before its size"),
    ],
)
def test_what_is_refused(name: str, content: bytes, says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        artifact_of(name, content)
    assert caught.value.where == name


def test_what_is_read_of_a_file_is_enough_to_tell_that_it_is_too_large() -> None:
    for content in (png() + b"\0" * MOST_READ, b"a" * MOST_READ):
        with pytest.raises(UsageError, match="may have"):
            artifact_of("huge", content[:MOST_READ])


@given(st.binary(max_size=200))
def test_any_bytes_are_a_text_a_picture_or_refused(content: bytes) -> None:
    try:
        artifact = artifact_of("any", content)
    except UsageError:
        return
    assert (artifact.picture is None) != (artifact.text is None)
    assert (picture_type(content) is None) == (artifact.picture is None)


def test_strings_that_name_pictures() -> None:
    assert names_a_picture("./tmp/shot.png")
    assert names_a_picture("C.WEBP")
    assert not names_a_picture("see shot.png\nand more.png")
    assert not names_a_picture("Look at shot.png.")
    assert not names_a_picture("a text")
