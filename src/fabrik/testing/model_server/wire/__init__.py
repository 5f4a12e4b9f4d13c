"""The four protocols: each module reads requests and writes answers of one."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from fabrik.testing.model_server.wire import anthropic, chat, gemini, responses
from fabrik.testing.model_server.wire.format import Wire
from fabrik.usage import WireProtocol

WIRES: Mapping[WireProtocol, Wire] = MappingProxyType(
    {
        "anthropic": anthropic,
        "openai-responses": responses,
        "openai-chat": chat,
        "gemini": gemini,
    }
)
