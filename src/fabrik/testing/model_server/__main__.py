"""`python -m fabrik.testing.model_server`: a model server in a terminal, to try fabrik without a key."""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from fabrik.errors import FabrikError
from fabrik.testing.model_server.load import load_script
from fabrik.testing.model_server.record import Call
from fabrik.testing.model_server.script import Script
from fabrik.testing.model_server.server import ModelServer
from fabrik.usage import Vendor

VARIABLES: Mapping[str, Vendor] = {
    "ANTHROPIC_BASE_URL": "anthropic",
    "OPENAI_BASE_URL": "openai",
    "GOOGLE_GEMINI_BASE_URL": "gemini",
}
A_DAY = 86_400.0


@click.command()
@click.option(
    "--script",
    "script_file",
    type=click.Path(path_type=Path),
    help="JSON file of what is played. Without it every prompt gets a short text.",
)
@click.option("--port", default=0, show_default=True, help="Port on 127.0.0.1; 0 takes a free one.")
@click.option("--key", default=None, help="The only API key that is taken. Without it any will do.")
def main(script_file: Path | None, port: int, key: str | None) -> None:
    """Play a script to the clients of four model APIs until stopped with Ctrl-C.

    Prints the base URLs on stdout, one NAME=URL a line, and then a line on stderr for every call that ended.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        script = Script() if script_file is None else load_script(script_file)
        with ModelServer(script, port=port, key=key) as server:
            for name, vendor in VARIABLES.items():
                click.echo(f"{name}={server.url(vendor)}")
            sys.stdout.flush()
            _follow(server)
    except KeyboardInterrupt:
        return
    except FabrikError as error:
        click.echo(str(error), err=True)
        raise SystemExit(error.exit_status) from error


def _follow(server: ModelServer) -> None:
    shown: set[int] = set()
    while True:
        try:
            calls = server.wait_for(lambda calls: bool(_ended(calls, shown)), seconds=A_DAY)
        except TimeoutError:
            continue
        for call in _ended(calls, shown):
            click.echo(describe(call), err=True)
            shown.add(call.number)


def _ended(calls: Sequence[Call], shown: set[int]) -> list[Call]:
    return [call for call in calls if call.outcome != "open" and call.number not in shown]


def describe(call: Call) -> str:
    """One line about a call, without its key or its text."""
    tokens = call.usage.total_tokens if call.usage else None
    told = [str(call.status or "---"), call.protocol or call.vendor, call.method, call.path.partition("?")[0]]
    told += [call.model] if call.model else []
    return " ".join([*told, call.outcome, *([f"{tokens} tokens"] if tokens is not None else [])])


if __name__ == "__main__":
    main()
