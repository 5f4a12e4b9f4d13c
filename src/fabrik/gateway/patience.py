"""How often a session may ask a provider that keeps failing, before the gateway answers in its place.

Most CLIs can be told how often to try again; some go on for as long as they live, and their session would end
at its time limit, as if the agent had been slow. So the gateway refuses, the CLI ends, and the host decides
when to go on. Failures of calls that were under way at the same time count once.
"""

from __future__ import annotations

MOST_FAILURES = 3  # in a row; each is what remained after the gateway's own retries
PAUSE = 60.0  # seconds after the last failure; who is still there then may ask once more


class Patience:
    """With the session at one door. Times are those of one monotonic clock."""

    def __init__(self) -> None:
        self._failures = 0
        self._last = float("-inf")

    def over(self, now: float) -> bool:
        """Whether a call is to be refused."""
        return self._failures >= MOST_FAILURES and now < self._last + PAUSE

    def answered(self) -> None:
        """A call was answered well."""
        self._failures = 0

    def failed(self, *, began: float, now: float) -> None:
        """A call failed in a way that may pass."""
        if began >= self._last:
            self._failures += 1
            self._last = now
