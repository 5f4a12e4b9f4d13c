"""Tries the host's keys for real: each provider is asked for its list of models, which costs nothing.

The request goes out as the gateway sends it: the same client, the same headers, the host's proxies honoured.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fabrik.config.model import Config
from fabrik.usage import Vendor
from fabrik.workflows.context import SealedUpstream
from fabrik.workflows.run_gateway import upstreams

Result = Literal["works", "refused", "no key", "unreachable"]

_MODELS: dict[Vendor, str] = {"anthropic": "/v1/models", "openai": "/models", "gemini": "/v1beta/models"}
_HEADERS: dict[Vendor, list[tuple[bytes, bytes]]] = {"anthropic": [(b"anthropic-version", b"2023-06-01")]}
SECONDS = 20.0


@dataclass(frozen=True, kw_only=True)
class Tried:
    """What a provider said to the host's key."""

    vendor: Vendor
    base_url: str
    variable: str
    result: Result
    status: int | None = None  # of its answer


async def try_keys(config: Config) -> tuple[Tried, ...]:
    """Ask every provider. Raises UsageError for an address that is none."""
    from fabrik.gateway.headers import outgoing
    from fabrik.gateway.upstream import Attempts, Client, Limits, TimedOut, Unreachable

    chosen: dict[str, SealedUpstream] = {
        name: SealedUpstream(base_url=said.base_url, key_env=said.key_env)
        for name, said in config.upstreams.items()
    }
    client = Client(Limits(retries=1, connect_seconds=SECONDS, idle_seconds=SECONDS, backoff_seconds=0.5))
    found = []
    try:
        for vendor, upstream in upstreams(chosen).items():
            result: Result = "no key"
            status = None
            if upstream.key is not None:
                headers = outgoing(_HEADERS.get(vendor, []), vendor, upstream)
                url = upstream.base_url + _MODELS[vendor]
                try:
                    response = await client.send("GET", url, headers, b"", Attempts())
                except (Unreachable, TimedOut):
                    result = "unreachable"
                else:
                    status = response.status_code
                    await response.aclose()
                    result = "works" if status == 200 else "refused"
            found.append(
                Tried(
                    vendor=vendor,
                    base_url=upstream.base_url,
                    variable=upstream.key_env or "",
                    result=result,
                    status=status,
                )
            )
    finally:
        await client.close()
    return tuple(found)
