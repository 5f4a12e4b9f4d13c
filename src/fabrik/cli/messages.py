"""`fabrik messages`: a queue in a directory, for agents that talk."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from fabrik.cli import units
from fabrik.cli.screen import Screen
from fabrik.cli.text import neutralise, one_line
from fabrik.outcome import ExitStatus

if TYPE_CHECKING:
    from fabrik.messages.listing import Listing
    from fabrik.messages.queue import Received

Command = TypeVar("Command", bound=Callable[..., Any])


@click.group(no_args_is_help=True)
def messages() -> None:
    """Send, receive and acknowledge messages between agents, through files.

    \b
    Examples:
      export FABRIK_MESSAGES=~/talk
      fabrik messages send --from builder --to reviewer --re parser "Is 3f2a9c1 right?"
      fabrik messages receive reviewer --wait 60
      fabrik messages ack reviewer/20261120T182100.123456789Z.builder.4f1a2b3c~20261120T183100Z-9c0d11e2

    A message is a small Markdown file; `ls` and `cat` show all there is (fabrik docs messages). What is
    received and not acknowledged comes back, so nothing is lost when whoever took it dies.
    """


def _shared(command: Command) -> Command:
    directory = click.option(
        "--dir",
        "directory",
        envvar="FABRIK_MESSAGES",
        required=True,
        show_envvar=True,
        type=click.Path(path_type=Path, file_okay=False),
        help="The queue's directory.",
    )
    as_json = click.option("--json", "as_json", is_flag=True, help="One JSON object (fabrik docs messages).")
    return directory(as_json(command))


@messages.command(short_help="Put a message into inboxes.")
@click.argument("body", required=False)
@click.option("--from", "sender", required=True, metavar="NAME", help="Who you are.")
@click.option(
    "--to",
    "to",
    required=True,
    multiple=True,
    metavar="NAME",
    help="Whose inbox; several: repeat, or commas.",
)
@click.option(
    "--re", "subject", default="", metavar="TEXT", help="What it is about, or the id that it answers."
)
@click.option("--id", "message_id", metavar="ID", help="Sent twice with one id, it arrives once.")
@_shared
def send(
    body: str | None,
    sender: str,
    to: tuple[str, ...],
    subject: str,
    message_id: str | None,
    directory: Path,
    as_json: bool,
) -> None:
    """Send BODY, or what stands on standard input. It is on disk when this returns.

    \b
    Examples:
      fabrik messages send --from builder --to reviewer --re parser "Is 3f2a9c1 right?"
      git diff | fabrik messages send --from builder --to reviewer,tester --id diff-1
    """
    import asyncio

    from fabrik.messages.queue import Queue

    recipients = [name for part in to for one in part.split(",") if (name := one.strip())]
    text = body if body is not None and body != "-" else _standard_input()
    sent = asyncio.run(
        Queue(directory).send(sender=sender, to=recipients, body=text, re=subject, message_id=message_id)
    )
    screen = Screen()
    if as_json:
        document = {"id": sent.id, "delivered": sent.delivered, "before": sent.before, "made": sent.made}
        screen.line(json.dumps(document))
        return
    if sent.delivered:
        screen.line(f"sent {sent.id} to {', '.join(sent.delivered)}")
    if sent.before:
        screen.line(f"{', '.join(sent.before)} had {sent.id} already: nothing to do")
    if sent.made:
        screen.line(f"new here: {', '.join(sent.made)}", "dim")


@messages.command(short_help="Take the oldest message of an inbox.")
@click.argument("recipient")
@click.option("--wait", "wait", type=click.FloatRange(0, 86400), default=0.0, metavar="SECONDS")
@click.option(
    "--lease",
    type=click.FloatRange(0, 30 * 86400, min_open=True),
    default=600.0,
    show_default=True,
    metavar="SECONDS",
    help="Not acknowledged by then, it comes back.",
)
@click.option("--holder", type=int, metavar="PID", help="It also comes back when this process is gone ($$).")
@_shared
@click.pass_context
def receive(
    ctx: click.Context,
    recipient: str,
    wait: float,
    lease: float,
    holder: int | None,
    directory: Path,
    as_json: bool,
) -> None:
    """Take the oldest message that waits for RECIPIENT and print it; first the receipt that acknowledges it.

    Exit status 4 when there is none within the wait.

    \b
    Examples:
      fabrik messages receive reviewer --wait 60
      fabrik messages receive reviewer --lease 3600 --holder $$ --json
    """
    import asyncio

    from fabrik.messages.queue import Queue

    got = asyncio.run(
        Queue(directory).receive(recipient, lease_seconds=lease, wait_seconds=wait, holder=holder)
    )
    screen = Screen()
    if as_json:
        screen.line(json.dumps(None if got is None else _received_json(got), indent=2))
    elif got is None:
        Screen(sys.stderr).line(f"no message for {recipient}", "dim")
    else:
        from fabrik.messages.message import headers

        screen.line(f"receipt: {got.receipt}")
        for name, value in headers(got.message).items():
            screen.line(f"{name}: {one_line(value)}")
        screen.line()
        screen.line(neutralise(got.message.body.rstrip("\n")))
    if got is None:
        ctx.exit(ExitStatus.STOPPED)


@messages.command(short_help="A received message is dealt with.")
@click.argument("receipt")
@_shared
def ack(receipt: str, directory: Path, as_json: bool) -> None:
    """Acknowledge what `receive` gave: RECEIPT is the first line that it printed, without the word.

    Once more is fine. Exit status 2 when its time was up and the message went back or to somebody else.

    \b
    Examples:
      fabrik messages ack reviewer/20261120T182100.123456789Z.builder.4f1a2b3c~20261120T183100Z-9c0d11e2
    """
    from fabrik.messages.queue import Queue

    fresh = Queue(directory).acknowledge(receipt)
    screen = Screen()
    if as_json:
        screen.line(json.dumps({"receipt": receipt.strip(), "before": not fresh}))
    else:
        screen.line("acknowledged" if fresh else "acknowledged before: nothing to do")


@messages.command("list", short_help="What waits, what is taken, what is done.")
@click.argument("recipient", required=False)
@click.option("--all", "with_done", is_flag=True, help="Also what is done.")
@_shared
def list_(recipient: str | None, with_done: bool, directory: Path, as_json: bool) -> None:
    """Show every inbox, or the one of RECIPIENT. Takes nothing.

    \b
    Examples:
      fabrik messages list
      fabrik messages list reviewer --all
    """
    from fabrik.messages.listing import listing

    found = listing(directory, recipient, done=with_done)
    screen = Screen()
    if as_json:
        screen.line(json.dumps([_listing_json(one) for one in found], indent=2))
        return
    if not found:
        screen.line(f"no inboxes in {neutralise(str(directory))}", "dim")
    for one in found:
        _show(screen, one)


def _show(screen: Screen, inbox: Listing) -> None:
    counts = {state: sum(m.state == state for m in inbox.messages) for state in ("new", "taken")}
    counts["done"] = inbox.done
    screen.line(
        f"{inbox.name}  {', '.join(f'{number} {state}' for state, number in counts.items())}", "strong"
    )
    for listed in inbox.messages:
        message = listed.message
        until = f"  until {units.moment(listed.until)}" if listed.until is not None else ""
        about = one_line(message.re or message.body, 60)
        screen.line(
            f"  {listed.state:<6}{one_line(message.at, 24):<25}{one_line(message.sender, 32):<12}  "
            f"{one_line(message.id, 64)}  {about}{until}"
        )
    for path in inbox.others:
        screen.line(f"  no message, never delivered: {one_line(path.parent.name + '/' + path.name)}", "warn")


def _standard_input() -> str:
    from fabrik.errors import UsageError
    from fabrik.messages.queue import Bounds

    most = Bounds().body_bytes

    try:
        # More than any message may have tells that it is too long; the last character may lack its end then.
        said = sys.stdin.buffer.read(2 * most)
        return said.decode("utf-8", errors="strict" if len(said) < 2 * most else "replace")
    except UnicodeDecodeError:
        raise UsageError("is no UTF-8 text", where="standard input") from None


def _received_json(got: Received) -> dict[str, Any]:
    return {
        "receipt": got.receipt,
        "path": str(got.path),
        "until": units.iso(got.until),
        **_message_json(got.message),
    }


def _listing_json(inbox: Listing) -> dict[str, Any]:
    return {
        "inbox": inbox.name,
        "messages": [
            {
                "state": one.state,
                "path": str(one.path),
                "until": units.iso(one.until),
                **_message_json(one.message),
            }
            for one in inbox.messages
        ],
        "done": inbox.done,
        "others": [str(path) for path in inbox.others],
    }


def _message_json(message: Any) -> dict[str, Any]:
    return {
        "from": message.sender,
        "to": list(message.to),
        "re": message.re,
        "at": message.at or None,
        "id": message.id,
        "body": message.body,
    }
