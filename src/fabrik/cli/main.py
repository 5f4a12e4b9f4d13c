"""The `fabrik` command: what there is, and how it ends."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence

import click

from fabrik import __version__
from fabrik.cli.lazy import Entry, LazyGroup
from fabrik.errors import FabrikError

WORK, LOOK, WRITE = "Do the work", "See what happens", "Prepare"

COMMANDS = {
    "run": Entry(
        target="fabrik.cli.run:run",
        help="Take a spec to a proven commit.",
        section=WORK,
    ),
    "loop": Entry(target="fabrik.cli.loop:loop", help="Ralph's loop: plan and build, here.", section=WORK),
    "backlog": Entry(
        target="fabrik.cli.backlog:backlog", help="Work through a folder of specs, in order.", section=WORK
    ),
    "review": Entry(
        target="fabrik.cli.review:review", help="Review a branch that fabrik did not make.", section=WORK
    ),
    "judge": Entry(
        target="fabrik.cli.judge:judge",
        help="Let a model say pass or fail of a text or picture.",
        section=WORK,
    ),
    "approve": Entry(target="fabrik.cli.gate:approve", help="Let a waiting candidate ship.", section=WORK),
    "reject": Entry(
        target="fabrik.cli.gate:reject", help="Send a waiting candidate back, with your notes.", section=WORK
    ),
    "feedback": Entry(
        target="fabrik.cli.feedback:feedback",
        help="Say something about a run; agents are told.",
        section=WORK,
    ),
    "why": Entry(
        target="fabrik.cli.why:why",
        help="What a run does or waits for, and what would move it.",
        section=LOOK,
    ),
    "runs": Entry(target="fabrik.cli.runs:runs", help="List, show, watch runs; logs, diffs.", section=LOOK),
    "init": Entry(target="fabrik.cli.init:init", help="Lay out a project for Ralph's loop.", section=WRITE),
    "spec": Entry(
        target="fabrik.cli.spec:spec", help="Write, validate, review, convert specs.", section=WRITE
    ),
    "todo": Entry(target="fabrik.cli.todo:todo", help="Take a spec apart into tasks.", section=WRITE),
    "messages": Entry(
        target="fabrik.cli.messages:messages", help="A queue for agents that talk.", section=WRITE
    ),
    "cleanup": Entry(
        target="fabrik.cli.cleanup:cleanup", help="Remove what is left over, and old runs.", section=WRITE
    ),
    "credentials": Entry(
        target="fabrik.cli.credentials:credentials", help="Logins and keys of this host.", section=WRITE
    ),
    "docs": Entry(target="fabrik.cli.docs:docs", help="The documentation, here.", section=LOOK),
    "doctor": Entry(
        target="fabrik.cli.doctor:doctor",
        help="What this machine lacks.",
        section=WRITE,
    ),
}

HELP = """Humans write specs. Agents ship features. "Done" means proven.

\b
Examples:
  fabrik spec new specs/0001-search.md                    write a first spec
  fabrik run --spec specs/0001-search.md --agent claude   ship it
  fabrik runs list                                        what is going on
  fabrik why 7F3KX2QD                                     what it waits for
  fabrik approve 7F3KX2QD                                 ids can be shortened
"""

EPILOG = """\b
Exit statuses:
    0  shipped, approved, or the command did what it was asked
    1  the run failed, or this machine lacks something
    2  the command line, or a file named on it, is wrong
    3  the run waits for a human at the approval gate
    4  blocked, exhausted or rejected
  130  interrupted by Ctrl-C (the run goes on), or the run was cancelled

\b
Where things are kept: $FABRIK_HOME, else $XDG_STATE_HOME/fabrik, else ~/.local/state/fabrik.
Colours: off with NO_COLOR=1 and where the output is no terminal.
"""


@click.group(
    cls=LazyGroup,
    entries=COMMANDS,
    help=HELP,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="fabrik", message="%(prog)s %(version)s")
def fabrik() -> None:
    pass


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit status. Every failure has been shown when this returns."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character gets a substitute instead of ending the command.
        if callable(reconfigure := getattr(stream, "reconfigure", None)):
            reconfigure(errors="backslashreplace")
    try:
        status = fabrik.main(args=arguments, prog_name="fabrik", standalone_mode=False)
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit):  # click turns the one into the other
        return _quiet_pipe()
    except (KeyboardInterrupt, click.exceptions.Abort):
        from fabrik.outcome import ExitStatus

        return ExitStatus.INTERRUPTED
    except FabrikError as error:
        from fabrik.cli.report import fabrik_error

        return fabrik_error(error)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return 0
    except click.ClickException as error:
        from fabrik.cli.report import usage_error

        return usage_error(error)
    except OSError as error:
        from fabrik.cli.report import crash, output_lost

        return output_lost(error) or crash(error)
    except Exception as error:  # noqa: BLE001 - the last resort: a traceback is never what a user is shown
        from fabrik.cli.report import crash

        return crash(error)
    return status if isinstance(status, int) else 0


def _quiet_pipe() -> int:
    """Whoever read our output has gone: end without a word, also at interpreter exit."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 141  # what a shell shows for SIGPIPE
