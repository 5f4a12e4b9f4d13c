"""How the command ends: documented statuses, one message, no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from ledgers import Books, Fabrik, command

from fabrik import __version__
from fabrik.cli.main import COMMANDS, EPILOG
from fabrik.cli.main import fabrik as group
from fabrik.outcome import EXIT_OF_VERDICT, ExitStatus, Verdict


def test_every_command_is_there_and_has_help(fabrik: Fabrik) -> None:
    shown = fabrik("--help").stdout
    for name, entry in COMMANDS.items():
        assert entry.help in shown
        done = fabrik(name, "--help")
        assert done.returncode == 0, done.stderr
        assert "Usage: fabrik " + name in done.stdout


def test_every_exit_status_is_documented() -> None:
    statuses = {value for name, value in vars(ExitStatus).items() if name.isupper()} | set(
        EXIT_OF_VERDICT.values()
    )
    for status in statuses:
        assert f"\n  {status:>3}  " in EPILOG.replace("    0", "    0"), status


def test_version(fabrik: Fabrik) -> None:
    assert fabrik("--version").stdout == f"fabrik {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["runz"], "No such command 'runz'"),
        (["runs", "list", "--limt", "3"], "--limit"),
        (["runs", "list", "-n", "0"], "0 is not in the range"),
        (["runs", "show"], "Missing argument"),
        (["run"], "which spec?"),
        (["run", "spec.md"], "a spec is given with --spec: spec.md"),
        (["run", "--spec", "a.md", "attach", "last"], "--spec belongs to `fabrik run`"),
        (["run", "--spec", "a.md", "--project", ".", "--repo", "x"], "exclude each other"),
        (["reject", "last", "--notes", " "], "say what is wrong"),
        (["approve", "last"], "there are no runs yet"),
    ],
)
def test_a_wrong_command_line_gives_one_message_and_status_2(
    fabrik: Fabrik, arguments: list[str], message: str
) -> None:
    done = fabrik(*arguments)
    assert done.returncode == 2
    assert done.stderr.count("error: ") == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("arguments", [["docs", "json"], ["docs"], ["--help"], ["spec", "schema", "spec"]])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_an_output_without_room_is_told_as_such(
    tmp_path: Path, arguments: list[str], unbuffered: str
) -> None:
    home = tmp_path / "home of this"
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command(*arguments),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "FABRIK_HOME": str(home), "PYTHONUNBUFFERED": unbuffered},
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, "error: cannot write the output: no space left\n")
    assert not list(home.glob("crash-*"))


def test_an_unexpected_error_leaves_its_traceback_in_a_file(books: Books) -> None:
    program = (
        "import sys\nfrom fabrik.cli import runs, store\n"
        "def broken():\n    raise ZeroDivisionError('by \\x1b[31mzero')\n"
        "store.reading = broken\n"
        "from fabrik.cli.main import run\nsys.exit(run(['runs', 'list']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "\x1b" not in done.stderr
    log = next(books.home.directory.glob("crash-*.log"))
    assert str(log) in done.stderr
    assert "ZeroDivisionError" in log.read_text()


def test_a_damaged_ledger_is_one_message(books: Books, fabrik: Fabrik) -> None:
    books.home.ledger.write_bytes(b"this is no database, " * 400)
    done = fabrik("runs", "list")
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert str(books.home.ledger) in done.stderr
    assert "Traceback" not in done.stderr


def test_a_reader_that_goes_away_is_no_error(books: Books) -> None:
    for _ in range(3):
        books.dispatch()
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            command("runs", "list"),
            env=os.environ,
            stdout=write,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (141, "")


def test_texts_that_the_terminal_cannot_show_do_not_end_the_command(books: Books, fabrik: Fabrik) -> None:
    books.finished(Verdict.BLOCKED, "größer – 🎉")
    done = fabrik("runs", "show", "last", PYTHONIOENCODING="ascii", LC_ALL="C")
    assert done.returncode == 0
    assert "gr\\xf6\\xdfer" in done.stdout


def test_the_group_imports_no_command_before_it_is_used() -> None:
    program = "import sys, fabrik.cli.main\nprint([m for m in sys.modules if m.startswith('fabrik.')])"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert eval(done.stdout) == ["fabrik.cli", "fabrik.cli.lazy", "fabrik.errors", "fabrik.cli.main"]


def test_the_entries_point_to_commands() -> None:
    context = group.make_context("fabrik", ["runs"], resilient_parsing=True)
    for name in COMMANDS:
        command = group.get_command(context, name)
        assert command is not None
        assert command.name == name


def test_the_crash_log_says_what_was_called(books: Books, fabrik: Fabrik, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    done = fabrik("runs", "list", FABRIK_HOME=str(blocked / "below"))
    assert "Traceback" not in done.stderr
