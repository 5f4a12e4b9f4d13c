"""Send, receive, acknowledge: what agents do with a queue."""

from __future__ import annotations

import asyncio
import os
import stat
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fabrik.errors import FabrikError, UsageError
from fabrik.messages import names
from fabrik.messages.failures import told
from fabrik.messages.holder import holder as identity
from fabrik.messages.inbox import Inbox, inboxes, opened
from fabrik.messages.message import Message, moment, parse, render
from fabrik.messages.returning import Lease, put_back

_FIRST_WAIT_SECONDS = 0.01
_LONGEST_WAIT_SECONDS = 0.25
_STALE_SECONDS = 86400  # after which what lies in tmp belongs to a sender that was killed
_HEADER_BYTES = 4096


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """What a queue may hold."""

    body_bytes: int = 64 << 10
    waiting: int = 1000  # messages of one inbox, new and taken
    done: int = 1000  # of one inbox; older ones are removed
    inboxes: int = 64
    recipients: int = 16  # of one message

    @property
    def file_bytes(self) -> int:
        return self.body_bytes + _HEADER_BYTES


@dataclass(frozen=True, kw_only=True)
class Sent:
    """What became of a message that was sent."""

    id: str
    delivered: tuple[str, ...]  # inboxes that it was put into now
    before: tuple[str, ...]  # inboxes that had this sender's message of this id: nothing was done
    made: tuple[str, ...]  # inboxes that did not exist: the first message of theirs, or a slip of the pen


@dataclass(frozen=True, kw_only=True)
class Received:
    """A message that was taken, and what acknowledges it."""

    message: Message
    receipt: str  # "<inbox>/<name>": give it to `acknowledge`
    path: Path  # where the file lies until then
    until: int  # seconds since 1970; later it may be given to somebody else


class Queue:
    """The queue in a directory. Cheap to make; holds nothing open."""

    def __init__(self, directory: Path, bounds: Bounds | None = None) -> None:
        self.directory = directory
        self.bounds = bounds or Bounds()

    async def send(
        self,
        *,
        sender: str,
        to: Sequence[str],
        body: str,
        re: str = "",
        message_id: str | None = None,
    ) -> Sent:
        """Put a message into each recipient's inbox; on disk when this returns.

        message_id: a message of this sender and id that an inbox has, or had among its last `Bounds.done`, is
        not put there again; so whoever is not sure whether it was sent sends it once more with the same id.
        Raises UsageError for names, ids, texts and sizes that cannot be, FabrikError when an inbox is full,
        DiskFull; nothing is in any inbox then, unless the error names those that have it.
        """
        names.name_of(sender, "sender")
        recipients = tuple(dict.fromkeys(names.name_of(name, "recipient") for name in to))
        if not 0 < len(recipients) <= self.bounds.recipients:
            raise UsageError(f"a message has 1 to {self.bounds.recipients} recipients", where="recipient")
        new_id = names.id_of(message_id, "id") if message_id is not None else os.urandom(6).hex()
        self._check_body(body)
        made = self._room_for_inboxes(recipients)
        delivered: list[str] = []
        before: list[str] = []
        for name in recipients:  # written for none when one cannot have it, as far as can be known before
            with opened(self.directory, name, make=False) as inbox:
                if inbox is not None:
                    self._require_room(inbox, sender, new_id)
        for name in recipients:
            with opened(self.directory, name, make=True):
                pass
        for name in recipients:
            with opened(self.directory, name, make=True) as inbox:
                assert inbox is not None  # noqa: S101
                try:
                    fresh = await self._deliver(inbox, sender, recipients, re, new_id, body)
                except FabrikError as error:
                    if delivered:
                        error.todo = f"{', '.join(delivered)} has it; send it again with --id {new_id}"
                    raise
            (delivered if fresh else before).append(name)
        return Sent(id=new_id, delivered=tuple(delivered), before=tuple(before), made=made)

    async def receive(
        self,
        recipient: str,
        *,
        lease_seconds: float = 600.0,
        wait_seconds: float = 0.0,
        holder: int | None = None,
    ) -> Received | None:
        """Take the oldest message of an inbox, or None when there is none within the wait.

        It is this taker's alone until it is acknowledged, the lease ends, or the process `holder` (a pid) is
        gone; then it takes its old place among those that wait. Raises UsageError, FabrikError.
        """
        names.name_of(recipient, "recipient")
        lease = Lease(seconds=lease_seconds, holder=identity(holder) if holder is not None else "")
        deadline, wait = time.monotonic() + wait_seconds, _FIRST_WAIT_SECONDS
        while True:
            with opened(self.directory, recipient, make=False) as inbox:
                if inbox is not None and (found := await self._take(inbox, lease)) is not None:
                    return found
            if (left := deadline - time.monotonic()) <= 0:
                return None
            await asyncio.sleep(min(wait, left))
            wait = min(wait * 2, _LONGEST_WAIT_SECONDS)

    def acknowledge(self, receipt: str) -> bool:
        """The message is dealt with; on disk when this returns. False: this receipt had done that before.

        Raises UsageError when the receipt holds nothing any more (its time was up and the message went back,
        or to somebody else), FabrikError.
        """
        typed = receipt.strip()
        recipient, _, stem = typed.partition("/")
        file = stem + names.SUFFIX
        if not names.is_name(recipient) or names.read(file) is None:
            raise UsageError(
                f"{typed[:200]!r} is no receipt",
                where="receipt",
                todo="it is the first line that receive printed, without the word `receipt:`",
            )
        with opened(self.directory, recipient, make=False) as inbox, told("cannot acknowledge", receipt):
            if inbox is not None:
                if inbox.move("taken", file, "done", file):
                    return True
                if inbox.look("done", file) is not None:
                    return False
        raise UsageError(
            "this receipt holds no message any more",
            where=receipt,
            todo="its time was up: the message was put back, or somebody else has it. Receive again",
        )

    def _check_body(self, body: str) -> None:
        try:
            size = len(body.encode("utf-8"))
        except UnicodeEncodeError:
            raise UsageError("is no valid text (an unpaired surrogate)", where="body") from None
        if not body.strip():
            raise UsageError("is empty", where="body", todo="say something: a message without words is none")
        if "\0" in body:
            raise UsageError(
                "holds a NUL character", where="body", todo="send text; name files by their path"
            )
        if size > self.bounds.body_bytes:
            raise UsageError(
                f"has {size:,} bytes, and a message {self.bounds.body_bytes:,} at the most",
                where="body",
                todo="put the text into a file or a commit, and send its name",
            )

    def _room_for_inboxes(self, recipients: tuple[str, ...]) -> tuple[str, ...]:
        there = inboxes(self.directory)
        made = tuple(name for name in recipients if name not in there)
        if len(there) + len(made) > self.bounds.inboxes and made:
            raise FabrikError(
                f"the queue has {len(there)} inboxes, and {self.bounds.inboxes} at the most",
                where=str(self.directory),
                todo="remove the directories of those that nobody reads",
            )
        return made

    def _require_room(self, inbox: Inbox, sender: str, message_id: str) -> None:
        with told("the inbox cannot be read", str(inbox.path)):
            if self._has(inbox, sender, message_id):
                return
            waiting = len(inbox.names("new")) + len(inbox.names("taken"))
        if waiting >= self.bounds.waiting:
            raise FabrikError(
                f"{waiting} messages wait here already, and {self.bounds.waiting} may",
                where=str(inbox.path),
                todo=f"somebody has to read them: fabrik messages receive {inbox.name}",
            )

    def _has(self, inbox: Inbox, sender: str, message_id: str) -> bool:
        """Looked for in the order in which messages move, so that one on its way is not missed."""
        return any(
            (sender, message_id) == (found[0].sender, found[0].id)
            for place in ("new", "taken", "done")
            for name in inbox.names(place)
            if (found := names.read(name)) is not None
        )

    async def _deliver(
        self, inbox: Inbox, sender: str, to: tuple[str, ...], re: str, message_id: str, body: str
    ) -> bool:
        with told("the message cannot be written", str(inbox.path)):
            async with inbox.locked():
                self._sweep(inbox)
                if self._has(inbox, sender, message_id):
                    return False
                self._require_room(inbox, sender, message_id)
                at = _later_than(inbox, sender)
                stem = names.stem(at, sender, message_id)
                message = Message(sender=sender, to=to, re=re, at=moment(at), id=message_id, body=body)
                file = stem + names.SUFFIX
                inbox.write("tmp", file, render(message).encode("utf-8"))
                try:
                    inbox.move("tmp", file, "new", file)
                except OSError:
                    inbox.remove("tmp", file)
                    raise
                return True

    def _sweep(self, inbox: Inbox) -> None:
        """Remove what killed senders left, and the oldest of what is done."""
        for name in inbox.names("tmp"):
            found = inbox.look("tmp", name)
            if found is not None and time.time() - found.st_mtime > _STALE_SECONDS:
                inbox.remove("tmp", name)
        for name in inbox.names("done")[: -self.bounds.done or None]:
            inbox.remove("done", name)

    async def _take(self, inbox: Inbox, lease: Lease) -> Received | None:
        with told("the inbox cannot be read", str(inbox.path)):
            await put_back(inbox)
            for name in inbox.names("new"):
                named = names.read(name)
                found = inbox.look("new", name)
                if named is None or found is None or not self._is_message(found):
                    continue
                take = lease.begin()
                taken = f"{named[0].text}~{take}{names.SUFFIX}"
                # Not forced to disk: when the power fails, whoever took it is gone as well.
                if not inbox.move("new", name, "taken", taken, durable=False):
                    continue
                if (content := inbox.read("taken", taken, self.bounds.file_bytes)) is None:
                    continue  # changed into something else under our hands: no message
                return Received(
                    message=parse(content.decode("utf-8", "replace"), named[0]),
                    receipt=f"{inbox.name}/{taken.removesuffix(names.SUFFIX)}",
                    path=inbox.path / "taken" / taken,
                    until=take.until,
                )
        return None

    def _is_message(self, found: os.stat_result) -> bool:
        return stat.S_ISREG(found.st_mode) and found.st_size <= self.bounds.file_bytes


def _later_than(inbox: Inbox, sender: str) -> int:
    """Now, but later than all that wait from this sender: its order holds when the clock is set back."""
    sent = [
        found[0].at
        for place in ("new", "taken")
        for name in inbox.names(place)
        if (found := names.read(name)) is not None and found[0].sender == sender and found[0].at is not None
    ]
    return max([time.time_ns(), *(at + 1 for at in sent)])
