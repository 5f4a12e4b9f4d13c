"""How each vendor's API is asked for a verdict, and where the answer is in what it sends back."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from fabrik.judging.wire import anthropic, gemini, openai
from fabrik.judging.wire.format import Wire
from fabrik.usage import Vendor

WIRES: Mapping[Vendor, Wire] = MappingProxyType({"anthropic": anthropic, "openai": openai, "gemini": gemini})
