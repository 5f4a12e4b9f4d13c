"""`fabrik docs`: the topics, a page at any width, colours, the search, and what it must not cost."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from ledgers import Fabrik

from fabrik.cli.pager import pager_settings
from fabrik.cli.render.hits import hit
from fabrik.cli.render.markdown import page
from fabrik.cli.screen import Tone
from fabrik.manual.pages import text, topics

SGR = re.compile(r"\x1b\[[0-9;]*m")


def bare(part: str, tone: Tone) -> str:
    return part


def coloured(part: str, tone: Tone) -> str:
    return f"\x1b[{len(tone)}m{part}\x1b[0m" if tone != "plain" and part else part


def letters(shown: str) -> str:
    return re.sub(r"[`\s─═]", "", shown)


def test_the_topics_are_listed_with_a_line_each(fabrik: Fabrik) -> None:
    lines = fabrik("docs").stdout.splitlines()
    for topic in topics():
        assert any(line.split() == [topic.name, *topic.summary.split()] for line in lines)
    assert all(len(line) <= 100 for line in lines)


def test_a_page_into_a_pipe_has_no_colours_and_no_pager(fabrik: Fabrik) -> None:
    shown = fabrik("docs", "operations").stdout
    assert shown.startswith("Operations\n══════════\n")
    assert "\x1b" not in shown
    assert "    $ fabrik runs list" in shown


def test_a_topic_may_be_written_as_words(fabrik: Fabrik) -> None:
    done = fabrik("docs", "quick", "start")
    assert done.returncode == 2
    assert "did you mean `fabrik docs quick-start`?" in done.stderr


def test_an_unknown_topic_names_the_closest(fabrik: Fabrik) -> None:
    done = fabrik("docs", "operatoins")
    assert (done.returncode, done.stdout) == (2, "")
    assert "did you mean `fabrik docs operations`?" in done.stderr


def test_search_shows_the_lines_and_where_they_stand(fabrik: Fabrik) -> None:
    shown = fabrik("docs", "--search", "auto-approve").stdout
    assert "operations  Overnight\n" in shown
    done = fabrik("docs", "--search", "no page says this")
    assert done.returncode == 2
    assert "no page has this" in done.stderr
    assert fabrik("docs", "--search", " ").returncode == 2
    assert "exclude each other" in fabrik("docs", "ledger", "--search", "x").stderr


def test_what_the_search_finds_is_plain_text(fabrik: Fabrik) -> None:
    shown = fabrik("docs", "--search", "operations").stdout
    assert "](" not in shown and "**" not in shown and "| ---" not in shown
    assert "(fabrik docs " in shown or "Operations" in shown
    code = fabrik("docs", "--search", "$ fabrik runs list").stdout
    assert "\n  $ fabrik runs list\n" in code  # as it is typed


@pytest.mark.parametrize(
    ("line", "code", "shown"),
    [
        ("see [Operations](operations.md), **always**", False, ["see Operations, always"]),
        ("- [it](ledger.md): one", False, ["it (fabrik docs ledger): one"]),
        ("| `a` | b \\| c |", False, ["`a` · b | c"]),
        ("## `--json` for all", False, ["`--json` for all"]),
        ("echo '**' | cat [x](y.md)", True, ["echo '**' | cat [x](y.md)"]),
        (
            "one two three four five six seven eight nine ten",
            False,
            ["one two three four five six seven eight", "nine ten"],
        ),
    ],
)
def test_a_hit_is_shown_without_its_markup(line: str, code: bool, shown: list[str]) -> None:
    assert hit(line, code=code, width=40, paint=bare) == shown


@pytest.mark.parametrize("columns", [40, 60, 80])
def test_the_topics_are_wrapped_at_words(columns: int) -> None:
    shown = SGR.sub("", on_a_terminal("docs", rows=24, columns=columns))
    assert max(len(line) for line in shown.splitlines()) <= columns
    words = [word for topic in topics() for word in topic.summary.split()]
    assert not set(words) - set(shown.split())


@pytest.mark.parametrize("width", [24, 40, 60, 80, 100, 200])
@pytest.mark.parametrize("name", [topic.name for topic in topics()])
def test_no_text_is_wider_than_the_terminal(name: str, width: int) -> None:
    """But for code, which is never wrapped, so that it can be copied."""
    lines = page(text(name), width=width, paint=bare)
    assert [
        line
        for line in lines
        if len(line) > width and not line.lstrip("•- │").startswith("    ") and not line.startswith("    ")
    ] == []


@pytest.mark.parametrize("name", [topic.name for topic in topics()])
def test_no_word_of_a_page_is_lost(name: str) -> None:
    def words(shown: str) -> str:
        return re.sub(r"[^\w]", "", shown)

    written = re.sub(r"\]\([^)]*\)", "", text(name))  # where links lead is said in another way
    shown = "\n".join(page(re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text(name)), width=5000, paint=bare))
    # Of fences only the code is shown, of tables not the line below the head.
    written = re.sub(r"^`{3,}\w* ?\w*$", "", written, flags=re.MULTILINE)
    numbers = re.compile(r"\d+")
    assert len(words(numbers.sub("", shown))) == pytest.approx(len(words(numbers.sub("", written))), rel=0.01)


def test_colours_are_put_around_the_same_text() -> None:
    for topic in topics():
        plain = page(text(topic.name), width=5000, paint=bare)
        painted = page(text(topic.name), width=5000, paint=coloured)
        # Without colours code is set apart by ticks, which take room, so lines may break elsewhere.
        assert sorted(letters(SGR.sub("", "".join(painted)))) == sorted(letters("".join(plain)))
        assert any("\x1b" in line for line in painted)


def test_what_markdown_can_do_is_shown() -> None:
    written = """# Title

Some *stressed* text with `code`, a [page](ledger.md) and [elsewhere](https://example.org).

1. one
   - inner
2. two

> said

| a | b |
| --- | --- |
| `x` | long words here |

```sh
run --this
```
"""
    assert page(written, width=40, paint=bare) == [
        "Title",
        "═════",
        "",
        "Some stressed text with `code`, a page",
        "(fabrik docs ledger) and elsewhere",
        "(https://example.org).",
        "",
        "1. one",
        "   - inner",
        "2. two",
        "",
        "│ said",
        "",
        "a    b",
        "───  ───────────────",
        "`x`  long words here",
        "",
        "    run --this",
    ]


def test_a_table_too_wide_for_columns_becomes_lists() -> None:
    written = (
        "| name | what it means | more |\n| --- | --- | --- |\n| `one-long-word` | some words | others |\n"
    )
    assert page(written, width=24, paint=bare) == [
        "`one-long-word`",
        "  what it means: some",
        "  words",
        "  more: others",
    ]


def on_a_terminal(*arguments: str, rows: int, columns: int, **environment: str) -> str:
    """What the command writes to a terminal of this size."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    program: list[str | Path] = [Path(sys.executable).with_name("fabrik"), *arguments]
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "PAGER", "LESS")}
    with subprocess.Popen(
        program, stdin=theirs, stdout=theirs, stderr=theirs, env={**kept, "TERM": "xterm", **environment}
    ) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # the last one at the other end has gone
                break
            if not part:
                break
            shown += part
        assert process.wait(60) == 0
    os.close(ours)
    return shown.decode().replace("\r\n", "\n")


def test_on_a_terminal_there_are_colours_and_a_long_page_goes_to_the_pager() -> None:
    paged = on_a_terminal("docs", "operations", rows=24, columns=80, PAGER="sed s/^/PAGED:/")
    assert paged.startswith("PAGED:")
    assert "\x1b[1mOperations" in paged
    assert max(len(SGR.sub("", line)) for line in paged.splitlines() if "    $" not in line) <= 100

    short = on_a_terminal("docs", "exit-statuses", rows=500, columns=80, PAGER="sed s/^/PAGED:/")
    assert "PAGED" not in short
    assert "\x1b" in short


@pytest.mark.parametrize(
    ("environment", "less", "colours"),
    [
        ({}, "FRX", True),
        ({"LESS": " "}, "FRX", True),
        ({"PAGER": "/usr/bin/less"}, "FRX", True),
        ({"PAGER": "less -S"}, "FRX", True),
        ({"LESS": "-iM"}, None, False),
        ({"LESS": "-iMR"}, None, True),
        ({"LESS": "iM -r"}, None, True),
        ({"LESS": "--RAW-CONTROL-CHARS -i"}, None, True),
        ({"LESS": "-PRest"}, None, False),
        ({"LESS": "-i", "PAGER": "less -R"}, None, True),
        ({"LESS": "-i", "PAGER": "most"}, None, True),
        ({"PAGER": "'"}, None, False),
    ],
)
def test_less_gets_colours_only_where_it_shows_them(
    environment: dict[str, str], less: str | None, colours: bool
) -> None:
    settings, shown = pager_settings(environment)
    assert (settings.get("LESS"), shown) == (less, colours)


def test_the_pager_is_told_to_show_colours_or_gets_none(tmp_path: Path) -> None:
    less = tmp_path / "less"
    less.write_text('#!/bin/sh\necho "LESS=$LESS"\ncat\n')
    less.chmod(0o755)
    told = on_a_terminal("docs", "operations", rows=24, columns=80, PAGER=str(less))
    assert told.startswith("LESS=FRX\n")
    assert "\x1b[" in told
    untold = on_a_terminal("docs", "operations", rows=24, columns=80, PAGER=str(less), LESS="-iM")
    assert untold.startswith("LESS=-iM\n")
    assert "\x1b[" not in untold
    assert "`fabrik runs list`" in untold


def test_no_color_is_kept_to_on_a_terminal_as_well() -> None:
    for rows in (24, 500):
        shown = on_a_terminal("docs", "operations", rows=rows, columns=80, PAGER="cat", NO_COLOR="1")
        assert "\x1b[" not in shown
        assert "`fabrik runs list`" in shown


def test_only_showing_a_page_pays_for_the_parser() -> None:
    program = (
        "import sys\nfrom fabrik.cli.main import run\nrun(sys.argv[1:])\n"
        "print('PARSER', 'markdown_it' in sys.modules)"
    )
    for arguments, paid in ((["--help"], False), (["docs"], False), (["docs", "ledger"], True)):
        done = subprocess.run(
            [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True
        )
        assert f"PARSER {paid}" in done.stdout
