"""The places that a run's sandboxes may reach, read once more before the run is sealed with them."""

from __future__ import annotations

from collections.abc import Sequence


def seal_allow(allow: Sequence[str]) -> tuple[str, ...]:
    """The list as it is sealed. Raises UsageError for what the gateway would refuse when the run starts."""
    if allow:
        from fabrik.gateway.allowlist import Allowlist

        Allowlist.parse(allow)
    return tuple(allow)
