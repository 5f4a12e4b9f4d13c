"""The transcript reader: bounded memory whatever is written, and no event lost that matters."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from fabrik.events import Said, SessionEnded, SessionEvent
from fabrik.workflows.transcript import BACKLOG, LONGEST_LINE, TranscriptReader


def parse(line: bytes) -> Sequence[SessionEvent]:
    if line == b"END":
        return (SessionEnded(ok=True),)
    return (Said(text=line.decode("utf-8", "replace")),) if line else ()


def said(events: Sequence[SessionEvent]) -> list[str]:
    return [event.text for event in events if isinstance(event, Said)]


@given(chunks=st.lists(st.binary(max_size=40), max_size=12))
def test_however_the_bytes_arrive_the_lines_are_the_same(
    tmp_path_factory: object, chunks: list[bytes]
) -> None:
    path = Path(tmp_path_factory.mktemp("t")) / "log"  # type: ignore[attr-defined]
    seen: list[bytes] = []

    def collect(line: bytes) -> Sequence[SessionEvent]:
        seen.append(line)
        return ()

    path.write_bytes(b"")
    reader = TranscriptReader(path, collect)
    for chunk in chunks:
        with path.open("ab") as file:
            file.write(chunk)
        reader.read()
    reader.finish()
    whole = b"".join(chunks).split(b"\n")
    assert seen == (whole if whole[-1] else whole[:-1])


def test_a_line_beyond_the_bound_is_dropped_and_the_next_one_read(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"a\n" + b"x" * (LONGEST_LINE + 300_000) + b"\nb\nEND")
    reader = TranscriptReader(path, parse)
    assert said(reader.finish()) == ["a", "b"]
    assert list(reader.structural) == [SessionEnded(ok=True)]


def test_a_flood_is_skipped_but_the_closing_event_is_found(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with path.open("wb") as file:
        file.seek(BACKLOG * 8)
        file.write(b"\nlast words\nEND\n")
    reader = TranscriptReader(path, parse)
    assert said(reader.finish())[-1] == "last words"
    assert list(reader.structural) == [SessionEnded(ok=True)]


def test_what_the_model_said_is_not_kept_for_the_conclusion(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"rate limit reached, 429\nEND\n")
    reader = TranscriptReader(path, parse)
    reader.finish()
    assert list(reader.structural) == [SessionEnded(ok=True)]
