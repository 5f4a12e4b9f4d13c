"""Reads usage out of a response that passes by: never changes it or fails on it, in bounded memory."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from fabrik.gateway import counts
from fabrik.gateway.counts import Counts, Reported
from fabrik.gateway.sse import LONGEST_EVENT, Events
from fabrik.usage import WireProtocol

_USUAL_TIERS = frozenset(("default", "auto", "standard", "on_demand"))
_RESPONSES_ENDS = frozenset(("response.completed", "response.incomplete", "response.failed"))
_INTERESTING = {  # an event without any of these words cannot matter: most of a stream is not even parsed
    "anthropic": (b'"usage"', b'"error"', b"message_stop"),
    "openai-responses": (b'"usage"', b'"error"', b"response.failed", b"response.completed"),
    "openai-chat": (b'"usage"', b'"error"', b"[DONE]"),
    "gemini": (b'"usageMetadata"', b'"error"', b'"finishReason"', b'"blockReason"'),
}


class Meter:
    """The meter of one response. Whether it is a stream is read from its first byte, not from its label."""

    def __init__(self, protocol: WireProtocol) -> None:
        self.protocol = protocol
        self.counts = counts.UNKNOWN  # as reported so far
        self.complete = False  # the protocol's own end was seen
        self.failed = False  # the response itself reports an error
        self.unusual_tier = False  # priced differently from the table
        self.streamed = False  # at least one event came
        self._final = False  # the output counts are final, not a state in between
        self._events: Events | None = None
        self._whole: bytearray | None = None
        self._words = _INTERESTING[protocol]

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes."""
        if self._events is None and self._whole is None:
            chunk = chunk.lstrip(b" \t\r\n\xef\xbb\xbf")
            if not chunk:
                return
            if chunk[:1] in (b"{", b"["):
                self._whole = bytearray()
            else:
                self._events = Events()
        if self._events is not None:
            for event in self._events.feed(chunk):
                self.streamed = True
                self._event(event)
        elif self._whole is not None and len(self._whole) <= LONGEST_EVENT:
            self._whole += chunk  # beyond the limit it is no longer valid JSON, and stays unknown

    def finish(self) -> None:
        """The response has ended by itself."""
        if self._events is not None:
            for event in self._events.finish():
                self._event(event)
        if self._whole is not None:
            document = _parse(self._whole)
            self._whole = bytearray()
            for part in document if isinstance(document, list) else [document]:
                if isinstance(part, dict):
                    self._document(part)

    @property
    def ended(self) -> bool:
        """Whether all that matters has been seen."""
        return self.complete or self._final or self.failed

    @property
    def result(self) -> Counts:
        """The counts to record: output that was only reported in between is unknown."""
        if self._final or self.complete:
            return self.counts
        return replace(self.counts, output=None, reasoning=None)

    def _event(self, data: bytes) -> None:
        if not any(word in data for word in self._words):
            return
        if data.strip() == b"[DONE]":
            self.complete = True
            return
        event = _parse(data)
        if not isinstance(event, dict):
            return
        match self.protocol:
            case "anthropic":
                self._anthropic(event)
            case "openai-responses":
                self._responses(event)
            case "openai-chat":
                self._chat(event)
            case "gemini":
                self._gemini(event)

    def _anthropic(self, event: Reported) -> None:
        match event.get("type"):
            case "message_start":
                message = event.get("message")
                if isinstance(message, dict):
                    self._report(message, anthropic_before=True)
            case "message_delta":
                self._report(event, anthropic_before=True)
                self._final = True
            case "message_stop":
                self.complete = True
            case "error":
                self.failed = True

    def _responses(self, event: Reported) -> None:
        kind = event.get("type")
        response = event.get("response")
        if kind in _RESPONSES_ENDS and isinstance(response, dict):
            self._report(response)
            self.complete = True
            self.failed = kind == "response.failed"
        elif kind == "error":
            self.failed = True

    def _chat(self, event: Reported) -> None:
        if isinstance(event.get("usage"), dict):
            self._report(event)
            # Some servers report running totals in every chunk; only the one without choices is the last.
            self._final = not event.get("choices")
        if isinstance(event.get("error"), dict):
            self.failed = True

    def _gemini(self, event: Reported) -> None:
        self._report(event)
        feedback = event.get("promptFeedback")
        blocked = isinstance(feedback, dict) and "blockReason" in feedback
        candidates = event.get("candidates")
        ended = isinstance(candidates, list) and any(
            isinstance(candidate, dict) and candidate.get("finishReason") for candidate in candidates
        )
        self.complete = self.complete or blocked or ended
        if isinstance(event.get("error"), dict):
            self.failed = True

    def _document(self, document: Reported) -> None:
        """A response that is not a stream, or one element of Gemini's JSON array."""
        if self.protocol == "gemini":
            self._gemini(document)
        else:
            self._report(document)
            self.complete = True
        if isinstance(document.get("error"), dict) or document.get("status") == "failed":
            self.failed = True

    def _report(self, holder: Reported, *, anthropic_before: bool = False) -> None:
        usage = holder.get("usageMetadata" if self.protocol == "gemini" else "usage")
        if not isinstance(usage, dict):
            return
        if anthropic_before:
            self.counts = counts.anthropic(usage, self.counts)
        else:
            self.counts = counts.READERS[self.protocol](usage)
        tier = usage.get("service_tier") or holder.get("service_tier")
        if (isinstance(tier, str) and tier not in _USUAL_TIERS) or usage.get("speed") == "fast":
            self.unusual_tier = True


def _parse(data: bytes | bytearray) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):  # ValueError: not JSON, not UTF-8, or a number of absurd length
        return None
