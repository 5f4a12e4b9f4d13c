"""Every command in the pages is run, in order, in a real project; what it says is what the page says."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from manual_texts import PAGES, ROOT, Block, blocks, directives
from preparations import PREPARATIONS
from stage import Stage, fits, typed

from fabrik.manual.pages import INDEX, topics

NOT_RUN_AT_MOST = 8

TEXTS = [ROOT / "README.md", *(PAGES / f"{topic.name}.md" for topic in topics())]
WITH_COMMANDS = [path for path in TEXTS if path.exists() and any(block.commands for block in blocks(path))]


@pytest.mark.parametrize("path", WITH_COMMANDS, ids=lambda path: path.stem)
def test_the_commands_of_a_page_do_what_it_says(path: Path, stage: Stage, require: object) -> None:
    assert callable(require)
    require("bubblewrap", lambda: None if shutil.which("bwrap") else "bwrap is not installed")
    for block in blocks(path):
        if name := block.said.get("prepare"):
            PREPARATIONS[name](stage)
        if file := block.said.get("file"):
            target = stage.where() / file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(block.text)
        elif block.commands and "not run" not in block.said:
            play(path, block, stage)


def play(path: Path, block: Block, stage: Stage) -> None:
    """Run the commands of a block, and compare what they say."""
    commands = typed(block.text, block.language)
    said = [int(word) for word in block.said.get("status", "0").split()]
    statuses = [0] * (len(commands) - len(said)) + said
    for number, (command, expected) in enumerate(commands):
        status, output = stage.run(command)
        wanted = statuses[number]
        place = f"{path.name}, block at line {block.line}: $ {command}"
        assert status == wanted, f"{place}\nexit status {status}, not {wanted}:\n{output}"
        assert fits(expected, output), f"{place}\nsays something else:\n{output}"


def test_few_blocks_are_not_run_and_each_says_why() -> None:
    left = [
        (path.name, block.line, block.said["not run"])
        for path in TEXTS
        for block in blocks(path)
        if "not run" in block.said
    ]
    for name, line, reason in left:
        sys.stdout.write(f"not run: {name}:{line}: {reason}\n")
    assert all(len(reason) > 10 for *_, reason in left)
    assert len(left) <= NOT_RUN_AT_MOST


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.stem)
def test_comments_say_only_what_is_understood(path: Path) -> None:
    for key, value in directives(path):
        assert key in ("prepare", "file", "status", "not run"), key
        if key == "prepare":
            assert value in PREPARATIONS


@pytest.mark.parametrize("path", [path for path in TEXTS if path.parent == PAGES], ids=lambda path: path.stem)
def test_commands_in_pages_show_what_they_say(path: Path) -> None:
    """In the manual a block of commands is a `console`, in which output can stand."""
    for block in blocks(path):
        if block.commands and "not run" not in block.said and "file" not in block.said:
            assert block.language == "console", f"{path.name}:{block.line}"


@pytest.mark.parametrize(
    ("expected", "actual", "fit"),
    [
        ([], "anything\n", True),
        (["a", "b"], "a\nb\n", True),
        (["a"], "a\nb\n", False),
        (["a", "…"], "a\nb\nc\n", True),
        (["…", "c"], "a\nb\nc\n", True),
        (["a … c"], "a 12 s c\n", True),
        (["a  b"], "a     b\n", True),
        (["a"], "b\n", False),
        (["run … shipped."], "run 7F: failed.\n", False),
        (["(a|b)*"], "(a|b)*\n", True),
    ],
)
def test_output_is_compared_loosely_but_compared(expected: list[str], actual: str, fit: bool) -> None:
    assert fits(expected, actual) is fit


def test_a_page_is_read_as_commands_with_their_output() -> None:
    block = "$ one \\\n  --more\nout\n$ two <<END\n> text\n> END\n"
    assert typed(block, "console") == [("one \\\n  --more", ["out"]), ("two <<END\ntext\nEND", [])]
    assert typed("# first\na \\\n  b\n\nc\n", "sh") == [("a    b", []), ("c", [])]


def test_the_shell_of_a_page_remembers_where_it_is(stage: Stage) -> None:
    assert stage.run("mkdir a && cd a && export GREETING='hello you'")[0] == 0
    assert stage.run('pwd; echo "$GREETING"') == (0, f"{stage.project}/a\nhello you\n")
    assert stage.run("exit 3")[0] == 3


def test_only_agents_are_replaced(stage: Stage) -> None:
    stage.script = Path("s.json")
    command = "fabrik run --agent claude --review-agent codex --model pi/x"
    played = stage.played(command)
    assert played == (
        "fabrik run --agent scripted --agent-script s.json"
        " --review-agent scripted --review-agent-script s.json --model pi/x"
    )
    assert INDEX == "index"
