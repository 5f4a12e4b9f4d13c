"""The host's side of the models door: one HTTP client for all upstreams, with bounded retries.

Proxies of the host (HTTPS_PROXY, NO_PROXY, …) and its certificates are honoured. Redirects are never
followed: a key goes to the configured address and nowhere else. No cookie is kept.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING

from fabrik.gateway import resets
from fabrik.gateway.headers import Headers

if TYPE_CHECKING:
    import httpx

_RETRIED = frozenset((500, 502, 503, 504, 529))
LONGEST_WAIT = 10.0  # seconds; who asks for more is passed on to the CLI
_LONGEST_BACKOFF = 8.0


class Unreachable(Exception):
    """No connection, or it broke before an answer began. Nothing of it says anything about the request."""


class TimedOut(Exception):
    """The upstream took the request and was silent for too long."""


@dataclass(kw_only=True)
class Attempts:
    """How many requests were sent; counted also when the last one raises."""

    made: int = 0


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds of the client."""

    retries: int
    connect_seconds: float
    idle_seconds: float
    backoff_seconds: float


class Client:
    """Sends requests to upstreams. httpx is loaded at the first one: most of its cost is its import."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._client: httpx.AsyncClient | None = None
        self._starting = asyncio.Lock()

    async def send(
        self, method: str, url: str, headers: Headers, body: bytes, attempts: Attempts
    ) -> httpx.Response:
        """The answer, with its body still to be read; the caller closes it.

        Tries again, before anything went to the session, when the upstream cannot be reached, answers 500,
        502, 503, 504 or 529, or a 429 that names a wait of at most 10 seconds.
        Raises Unreachable, TimedOut.
        """
        import httpx

        client = await self._open()
        while True:
            attempts.made += 1
            last = attempts.made > self._limits.retries
            request = client.build_request(method, url, headers=headers, content=body)
            try:
                response = await client.send(request, stream=True)
            except (httpx.ConnectTimeout, httpx.PoolTimeout):
                failure: Exception = Unreachable()
            except httpx.TimeoutException:
                raise TimedOut from None
            except (httpx.HTTPError, httpx.InvalidURL):
                failure = Unreachable()
            else:
                wait = self._wait(response.status_code, response.headers, attempts.made)
                if last or wait is None:
                    return response
                await response.aclose()
                await asyncio.sleep(wait)
                continue
            if last:
                raise failure
            await asyncio.sleep(self._backoff(attempts.made))

    async def close(self) -> None:
        """Close all connections."""
        if self._client is not None:
            await self._client.aclose()

    def _wait(self, status: int, headers: Mapping[str, str], made: int) -> float | None:
        """Seconds before the next try; None: this answer goes to the session."""
        asked = resets.wait_seconds(headers, time.time())
        if asked is not None and asked > LONGEST_WAIT:
            return None
        if status == 429:
            return asked
        if status not in _RETRIED:
            return None
        return self._backoff(made) if asked is None else asked

    def _backoff(self, made: int) -> float:
        full = min(_LONGEST_BACKOFF, self._limits.backoff_seconds * 2.0 ** (made - 1))
        return full * random.uniform(0.5, 1.0)  # noqa: S311 -- spreads retries, keeps no secret

    async def _open(self) -> httpx.AsyncClient:
        async with self._starting:
            if self._client is None:
                # Loading certificates takes tens of milliseconds, in which other calls go on.
                self._client = await asyncio.to_thread(_client, self._limits)
            return self._client


def _client(limits: Limits) -> httpx.AsyncClient:
    import httpx

    for name in ("httpx", "httpcore"):  # on their lower levels they log headers
        logging.getLogger(name).setLevel(logging.WARNING)
    return httpx.AsyncClient(
        timeout=httpx.Timeout(limits.idle_seconds, connect=limits.connect_seconds),
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=20, keepalive_expiry=5.0),
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        follow_redirects=False,
        trust_env=True,
    )
