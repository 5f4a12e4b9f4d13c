"""The values that pass between the gateway and the workflow."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fabrik.usage import NOTHING, ModelCall, Usage, Vendor, WireProtocol


@dataclass(frozen=True, kw_only=True)
class Upstream:
    """Where a vendor's API is, and the key that the host adds. Keys stay in this process."""

    base_url: str  # without a trailing slash; openai's includes /v1
    key: str | None = field(repr=False)  # None: calls are refused with 401 and the variable to set
    key_env: str | None = None  # that variable; None: the vendor's usual one
    bearer: bool = False  # anthropic only: the key is an auth token, sent as `Authorization: Bearer`


@dataclass(frozen=True, kw_only=True)
class UpstreamSettings:
    """What a project's config says about an upstream. None: what the host's environment says."""

    base_url: str | None = None
    key_env: str | None = None  # the variable of the host that holds the key


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What a run may still spend. None: unbounded."""

    usd: float | None = None
    tokens: int | None = None
    calls: int | None = None


@dataclass(frozen=True, kw_only=True)
class DoorPaths:
    """The unix sockets of one step's door. Whoever speaks on them is that step."""

    models: Path
    proxy: Path


@dataclass(frozen=True, kw_only=True)
class EgressDecision:
    """One request at the proxy door."""

    step: str
    host: str
    port: int
    allowed: bool
    why: str


@dataclass(frozen=True, kw_only=True)
class GatewayConfig:
    """All that a run's gateway needs to know."""

    upstreams: Mapping[Vendor, Upstream]
    allow: Sequence[str] = ()  # places for the proxy, as in allowlist.py; empty: closed
    budget: Budget = Budget()
    spent: Usage = NOTHING  # what the run has used before this gateway started (after a resume)
    calls_started: int = 0  # numbers already given
    retries: int = 2  # of the gateway itself, for 429 with a short reset, 5xx and refused connections
    floor: Usage = NOTHING  # known part of what was spent; counts where `spent` is unknown
    connect_seconds: float = 10.0  # for a connection to an upstream
    idle_seconds: float = 600.0  # the longest silence of an upstream, a client or a tunnel
    head_seconds: float = 30.0  # for a request's head or a tunnel's first message, from its first byte
    backoff_seconds: float = 0.5  # before the first retry; doubles, with jitter


OnCallStarted = Callable[[int, str, WireProtocol, str | None], Awaitable[None]]  # id, step, protocol, model
OnCall = Callable[[ModelCall], Awaitable[None]]
OnEgress = Callable[[EgressDecision], Awaitable[None]]
