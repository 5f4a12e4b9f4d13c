"""Keeps keys out of what goes back to a sandbox, also when a key is split over two chunks."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

MARK = b"[redacted]"
_SHORTEST = 8  # shorter "keys" are placeholders like `none`; replacing them would only damage answers


class Redactor:
    """The needles of one gateway. Holds keys; its repr does not."""

    __slots__ = ("_needles",)

    def __init__(self, keys: Iterable[str | None]) -> None:
        forms = {
            form.encode()
            for key in keys
            if key and len(key) >= _SHORTEST
            for form in (key, quote(key, safe=""), key.replace("/", "\\/"))
        }
        self._needles = tuple(sorted(forms, key=len, reverse=True))

    def whole(self, data: bytes) -> bytes:
        """Redact data that is complete."""
        for needle in self._needles:
            data = data.replace(needle, MARK)
        return data

    def stream(self) -> RedactedStream:
        """A redaction of chunks that come one after the other."""
        return RedactedStream(self)

    def held_back(self, data: bytes) -> int:
        """How many bytes at the end of data could be the beginning of a key."""
        longest = 0
        for needle in self._needles:
            for length in range(min(len(needle) - 1, len(data)), longest, -1):
                if data.endswith(needle[:length]):
                    longest = length
                    break
        return longest


class RedactedStream:
    """One stream. It holds back only an end that could be the beginning of a key: mostly nothing."""

    __slots__ = ("_redactor", "_rest")

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._rest = b""

    def feed(self, chunk: bytes) -> bytes:
        """What may go on now."""
        data = self._redactor.whole(self._rest + chunk)
        held = self._redactor.held_back(data)
        self._rest = data[len(data) - held :]
        return data[: len(data) - held]

    def finish(self) -> bytes:
        """What was held back, when no more comes."""
        rest, self._rest = self._rest, b""
        return self._redactor.whole(rest)
