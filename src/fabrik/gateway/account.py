"""What a run has spent, what is under way, and whether one more call may start.

A call in flight counts with what it reserved (the most output it asked for) or with what was metered of it,
whichever is more. A call that only the reservations of others hold back waits for them to end: they mostly
use far less than they reserved. A call is refused only when what was really used has reached the budget.

A call that was cut before its usage was reported is charged with its whole reservation: unknown is not 0.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from fabrik.gateway.types import Budget
from fabrik.usage import Usage, total


class BudgetUsed(Exception):
    """The run's budget is used up. Its text is for the session, and has no figures in it."""


@dataclass(kw_only=True, eq=False)
class Ticket:
    """A call that was let through."""

    tokens: int  # reserved
    usd: float
    metered_tokens: int = field(default=0)  # reported so far
    metered_usd: float = field(default=0.0)

    @property
    def held_tokens(self) -> int:
        return max(self.tokens, self.metered_tokens)

    @property
    def held_usd(self) -> float:
        return max(self.usd, self.metered_usd)


class Account:
    """The account of one run. All of it runs in one event loop."""

    def __init__(self, budget: Budget, spent: Usage, floor: Usage) -> None:
        self.spent = spent  # all calls that have ended, with those of earlier gateways
        self._budget = budget
        self._calls = spent.calls
        self._tokens = _or(spent.total_tokens, _known_tokens(spent), _known_tokens(floor))
        self._usd = max(spent.cost_usd or 0.0, floor.cost_usd or 0.0 if spent.cost_usd is None else 0.0)
        self._open: set[Ticket] = set()
        self._changed = asyncio.Event()  # a new one after each change

    @property
    def bounded_usd(self) -> bool:
        return self._budget.usd is not None

    @property
    def remaining(self) -> Budget:
        """What is left, without what is under way. Never below 0."""
        budget = self._budget
        return Budget(
            usd=None if budget.usd is None else max(0.0, budget.usd - self._usd),
            tokens=None if budget.tokens is None else max(0, budget.tokens - self._tokens),
            calls=None if budget.calls is None else max(0, budget.calls - self._calls - len(self._open)),
        )

    async def admit(self, *, tokens: int, usd: float) -> Ticket:
        """Let a call through that may use so much; waits while only reservations are in its way.

        Raises BudgetUsed.
        """
        while True:
            if used := self._used():
                raise BudgetUsed(f"the budget of this run ({used}) is used up")
            if self._free():
                ticket = Ticket(tokens=tokens, usd=usd)
                self._open.add(ticket)
                return ticket
            await self._changed.wait()

    def metered(self, ticket: Ticket, *, tokens: int, usd: float) -> bool:
        """Note what a call has used so far. False: the budget is exceeded, and the call must be cut."""
        ticket.metered_tokens, ticket.metered_usd = tokens, usd
        budget = self._budget
        tokens_now = self._tokens + sum(other.metered_tokens for other in self._open)
        usd_now = self._usd + sum(other.metered_usd for other in self._open)
        return not (
            (budget.tokens is not None and tokens_now > budget.tokens)
            or (budget.usd is not None and usd_now > budget.usd)
        )

    def settle(self, ticket: Ticket | None, usage: Usage) -> None:
        """A call has ended with this usage, or was refused (no ticket)."""
        self.spent = total((self.spent, usage))
        self._calls += usage.calls
        if ticket is None:
            return
        self._open.discard(ticket)
        known = usage.total_tokens
        self._tokens += ticket.held_tokens if known is None else known
        self._usd += ticket.held_usd if usage.cost_usd is None else usage.cost_usd
        self._changed.set()
        self._changed = asyncio.Event()

    def _used(self) -> str | None:
        """Which budget what was really used has reached."""
        budget = self._budget
        if budget.calls is not None and self._calls + len(self._open) >= budget.calls:
            return "model calls"
        if budget.tokens is not None and self._tokens >= budget.tokens:
            return "tokens"
        if budget.usd is not None and self._usd >= budget.usd:
            return "money"
        return None

    def _free(self) -> bool:
        """Whether anything is left beside what is reserved."""
        budget = self._budget
        tokens = self._tokens + sum(ticket.held_tokens for ticket in self._open)
        usd = self._usd + sum(ticket.held_usd for ticket in self._open)
        return not (
            (budget.tokens is not None and tokens >= budget.tokens)
            or (budget.usd is not None and usd >= budget.usd)
        )


def _known_tokens(usage: Usage) -> int:
    return (
        (usage.input_tokens or 0)
        + (usage.cache_read_tokens or 0)
        + (usage.cache_write_tokens or 0)
        + (usage.output_tokens or 0)
        + (usage.reasoning_tokens or 0)
    )


def _or(exact: int | None, *lower_bounds: int) -> int:
    return max(lower_bounds) if exact is None else exact
