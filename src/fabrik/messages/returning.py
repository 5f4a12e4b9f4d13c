"""Messages that were taken and not acknowledged: how long they are held, and how they come back."""

from __future__ import annotations

import math
import os
import time
from dataclasses import dataclass

from fabrik.errors import UsageError
from fabrik.messages import names
from fabrik.messages.holder import gone
from fabrik.messages.inbox import Inbox
from fabrik.messages.names import Take

DEFAULT_LEASE_SECONDS = 600
LONGEST_LEASE_SECONDS = 30 * 86400


@dataclass(frozen=True, kw_only=True)
class Lease:
    """For how long a message is one taker's."""

    seconds: float
    holder: str = ""

    def __post_init__(self) -> None:
        if not 0 < self.seconds <= LONGEST_LEASE_SECONDS:  # also false for nan
            raise UsageError("must be more than 0 and at most 30 days", where="lease")

    def begin(self) -> Take:
        """Taken now. Whole seconds, rounded up: at least as long as was asked."""
        until = math.ceil(time.time() + self.seconds)
        return Take(until=until, word=os.urandom(4).hex(), holder=self.holder)


async def put_back(inbox: Inbox) -> int:
    """Put what is no longer held back among those that wait. How many it was. Raises OSError."""
    if not _due(inbox):
        return 0
    number = 0
    # Two that put back at once could take it from a script that has just taken it in between: such a one
    # leaves the name as it is.
    async with inbox.locked():
        for name, original in _due(inbox):
            if inbox.look("new", original) is None:  # a script made two of one name: neither is to vanish
                number += inbox.move("taken", name, "new", original)
    return number


def _due(inbox: Inbox) -> list[tuple[str, str]]:
    """Taken messages whose time is up or whose holder is gone, and their names before."""
    found = []
    for name in inbox.names("taken"):
        named = names.read(name)
        if named is not None and _is_due(inbox, name, named[1]):
            found.append((name, named[0].text + names.SUFFIX))
    return found


def _is_due(inbox: Inbox, name: str, take: Take | None) -> bool:
    if take is not None:
        return take.until < time.time() or (take.holder != "" and gone(take.holder))
    # Taken by a script with `mv`, which says no time: rename(2) sets the time of change, and so does `touch`.
    there = inbox.look("taken", name)
    return there is not None and there.st_ctime + DEFAULT_LEASE_SECONDS < time.time()
