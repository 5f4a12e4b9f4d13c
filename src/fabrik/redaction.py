"""Takes secrets out of bytes and texts, whatever encoding they come in and wherever a stream is cut. Pure.

Each secret is looked for in several forms (see `fabrik.redacted_forms`). To find out whether a form is there
at all, data is brought to a common shape (escapes undone, line breaks and backslashes dropped, letters small)
and searched for the form in that same shape: one search of C speed per form. Only data in which that says yes
is walked through character by character. Time grows with the data, and memory is bounded: a stream holds back
an end that could be the beginning of a secret, and nothing else.

Secrets of less than 8 characters are not redacted: they are placeholders, or words that stand everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from fabrik.redacted_forms import SHORTEST, UNFINISHED, Form, canonical, forms_of

MARK = b"[redacted]"
_LAST = (
    64  # bytes at the end that are tried one by one as the beginning of a form: more than four escapes have
)

T = TypeVar("T")


class Redactor:
    """Knows secrets. Its repr does not show them."""

    __slots__ = ("_forms", "_reach", "_starting")

    def __init__(self, secrets: Iterable[str | None] = ()) -> None:
        kept = sorted({part for secret in secrets if secret for part in _parts(secret)})
        self._forms = tuple(form for secret in kept for form in forms_of(secret))
        self._reach = max((form.reach for form in self._forms), default=0)
        self._starting: dict[int, list[Form]] = {}  # byte → the forms that may begin with it
        for form in self._forms:
            for byte in form.firsts:
                self._starting.setdefault(byte, []).append(form)

    def __bool__(self) -> bool:
        """Whether there is anything to look for."""
        return bool(self._forms)

    def whole(self, data: bytes) -> bytes:
        """Redact data that is complete."""
        spans = self._spans(data)
        return _without(data, spans, len(data)) if spans else data

    def text(self, text: str) -> str:
        """Redact a text that is complete."""
        if len(text) < SHORTEST or not self._forms:
            return text
        data = text.encode("utf-8", "surrogatepass")
        spans = self._spans(data)
        return _without(data, spans, len(data)).decode("utf-8", "replace") if spans else text

    def finds(self, data: bytes) -> bool:
        """Whether a secret is in it, in any form."""
        return bool(self._spans(data))

    def value(self, value: T) -> T:
        """Redact every text in a value: a JSON value, or dataclasses of such; keys of mappings, too."""
        return self._value(value) if self._forms else value

    def stream(self) -> RedactedStream:
        """A redaction of chunks that come one after the other."""
        return RedactedStream(self)

    def _value(self, value: Any) -> Any:
        if isinstance(value, str):
            clean = self.text(value)
            return value if clean == value else clean
        if isinstance(value, Mapping):
            return {self._value(key): self._value(item) for key, item in value.items()}
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return type(value)(*(self._value(item) for item in value))
        if isinstance(value, list | tuple | set | frozenset):
            return type(value)(self._value(item) for item in value)
        if is_dataclass(value) and not isinstance(value, type):
            said = {field.name: getattr(value, field.name) for field in fields(value) if field.init}
            clean_fields = {name: self._value(item) for name, item in said.items()}
            changed = {name: item for name, item in clean_fields.items() if item != said[name]}
            return replace(value, **changed) if changed else value
        return value

    def _spans(self, data: bytes) -> list[tuple[int, int]]:
        """Where secrets are, in order; spans that overlap are one."""
        if len(data) < SHORTEST or not self._forms:
            return []
        shapes = canonical(data)
        found = [
            span
            for form in self._forms
            if any(form.needle in shape for shape in shapes)
            for span in form.spans(data)
        ]
        merged: list[tuple[int, int]] = []
        for begin, end in sorted(found):
            if merged and begin < merged[-1][1]:
                merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
            else:
                merged.append((begin, end))
        return merged

    def _held_from(self, data: bytes) -> int:
        """From where on data could be the beginning of a secret that goes on in the next chunk."""
        if data.endswith((b"\n\n", b"\r\n\r\n")):  # as each event of a model's stream does
            return len(data)
        first = max(0, len(data) - self._reach)
        last = max(0, len(data) - _LAST)
        best = self._first_unfinished(data, last)
        if first < last:
            shapes = canonical(data[first:])
            for form in self._forms:
                if any(form.head in shape for shape in shapes):
                    begins = form.begins(data, max(first, len(data) - form.reach), min(best, last))
                    best = next((begin for begin in begins if form.unfinished(data, begin)), best)
        if found := UNFINISHED.search(data, max(first, best - 16), best):
            best = found.start()
        return best

    def _first_unfinished(self, data: bytes, first: int) -> int:
        for begin in range(first, len(data)):
            for form in self._starting.get(data[begin], ()):
                if form.unfinished(data, begin):
                    return begin
        return len(data)


class RedactedStream:
    """One stream. It holds back only an end that could be the beginning of a secret: mostly nothing."""

    __slots__ = ("_redactor", "_rest", "found")

    def __init__(self, redactor: Redactor) -> None:
        self.found = 0  # secrets so far
        self._redactor = redactor
        self._rest = b""

    def feed(self, chunk: bytes) -> bytes:
        """What may go on now."""
        if not self._redactor:
            return chunk
        data = self._rest + chunk
        spans = self._redactor._spans(data)
        held = self._redactor._held_from(data)
        for begin, end in spans:
            if begin < held < end:
                held = begin
        self._rest = data[held:]
        gone = [span for span in spans if span[1] <= held]
        self.found += len(gone)
        return _without(data, gone, held)

    def finish(self) -> bytes:
        """What was held back, when no more comes."""
        rest, self._rest = self._rest, b""
        spans = self._redactor._spans(rest)
        self.found += len(spans)
        return _without(rest, spans, len(rest))


def _parts(secret: str) -> list[str]:
    """A secret of several lines, such as a private key, is also looked for line by line."""
    whole = secret.strip()
    lines = [line.strip() for line in whole.splitlines()]
    parts = [whole] if len(lines) < 2 else [line for line in lines if len(line) > 2 * SHORTEST]
    return [part for part in parts if len(part) >= SHORTEST and not part.startswith("-----")]


def _without(data: bytes, spans: list[tuple[int, int]], end: int) -> bytes:
    pieces = []
    at = 0
    for begin, stop in spans:
        pieces += [data[at:begin], MARK]
        at = stop
    return b"".join([*pieces, data[at:end]])
