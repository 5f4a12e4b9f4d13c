"""One action, and the tools that five CLIs offer for it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from fabrik.testing.model_server import Shell, Tool, ToolCall, WriteFile
from fabrik.testing.model_server.tools import NoSuchTool, to_call

TEXT: dict[str, Any] = {"type": "string"}
LIST: dict[str, Any] = {"type": "array", "items": TEXT}


def offered(name: str, *required: str, **properties: dict[str, Any]) -> Tool:
    return Tool(name=name, properties=properties, required=required)


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        (offered("Bash", "command", command=TEXT, description=TEXT), {"command": "ls"}),
        (offered("exec_command", "cmd", cmd=TEXT, workdir=TEXT), {"cmd": "ls"}),
        (offered("shell_command", "command", command=TEXT), {"command": "ls"}),
        (offered("shell", "command", command=LIST), {"command": ["bash", "-lc", "ls"]}),
        (offered("bash", "command", command=TEXT, timeout={"type": "number"}), {"command": "ls"}),
        (
            offered("bash", "command", "description", command=TEXT, description=TEXT),
            {"command": "ls", "description": "Run a command"},
        ),
        (offered("run_shell_command", "command", command=TEXT, description=TEXT), {"command": "ls"}),
        (offered("a_new_cli_runs", "cmd", cmd=LIST), {"cmd": ["bash", "-lc", "ls"]}),
    ],
    ids=lambda value: value.name if isinstance(value, Tool) else "",
)
def test_a_command_fits_the_tool(tool: Tool, arguments: dict[str, Any]) -> None:
    others = (offered("Read", file_path=TEXT), offered("ToolSearch", query=TEXT))
    call = to_call(Shell("ls"), (*others, tool), "call_1")
    assert (call.id, call.name, call.arguments) == ("call_1", tool.name, arguments)


def test_a_known_shell_goes_before_a_tool_that_only_looks_like_one() -> None:
    tools = (offered("Monitor", command=TEXT), offered("Bash", command=TEXT))
    assert to_call(Shell("ls"), tools, "c").name == "Bash"


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        (offered("Write", file_path=TEXT, content=TEXT), {"file_path": "/w/a", "content": "t"}),
        (offered("write_file", file_path=TEXT, content=TEXT), {"file_path": "/w/a", "content": "t"}),
        (offered("write", path=TEXT, content=TEXT), {"path": "/w/a", "content": "t"}),
        (offered("write", filePath=TEXT, content=TEXT), {"filePath": "/w/a", "content": "t"}),
    ],
    ids=["claude", "gemini", "pi", "opencode"],
)
def test_an_absolute_path_is_written_by_the_clis_own_tool(tool: Tool, arguments: dict[str, Any]) -> None:
    tools = (offered("bash", command=TEXT), tool)
    call = to_call(WriteFile("/w/a", "t"), tools, "c")
    assert (call.name, call.arguments) == (tool.name, arguments)
    assert to_call(WriteFile("a", "t"), tools, "c").name == "bash"


@pytest.mark.parametrize("text", ["", "plain\n", 'it\'s "$HOME" `id` \\n %s\n\n', "ünï\tcödé 🏭"])
@pytest.mark.parametrize("path", ["a.txt", "deep/er/b c.txt", "$(id)/'q'"])
def test_files_written_by_the_shell_arrive_as_they_are(tmp_path: Path, path: str, text: str) -> None:
    call = to_call(WriteFile(path, text), (offered("bash", command=TEXT),), "c")
    subprocess.run(["bash", "-c", str(call.arguments["command"])], cwd=tmp_path, check=True)
    assert (tmp_path / path).read_text() == text


def test_a_named_tool_is_called_even_when_it_is_not_offered() -> None:
    call = to_call(ToolCall("Nonsense", {"a": [1]}), (), "c")
    assert (call.name, call.arguments) == ("Nonsense", {"a": [1]})


def test_no_tool_for_a_command() -> None:
    with pytest.raises(NoSuchTool, match="Read, Think"):
        to_call(Shell("ls"), (offered("Read"), offered("Think")), "c")
    with pytest.raises(NoSuchTool, match="no tools at all"):
        to_call(WriteFile("/a", "b"), (), "c")
