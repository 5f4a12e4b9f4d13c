"""How a logical action becomes a call of one of the tools that the request offers."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from fabrik.testing.model_server.conversation import Tool
from fabrik.testing.model_server.script import Action, Shell, ToolCall, WriteFile

# Tool → the argument that takes the command: Claude Code, Codex (three tools), pi, opencode, Gemini CLI.
SHELLS: Mapping[str, str] = {
    "Bash": "command",
    "exec_command": "cmd",
    "shell_command": "command",
    "shell": "command",
    "bash": "command",
    "run_shell_command": "command",
}

# Tool → the arguments that take the path and the text. Claude Code, Gemini CLI, opencode and pi.
WRITERS: Mapping[str, tuple[Sequence[str], str]] = {
    "Write": (("file_path",), "content"),
    "write_file": (("file_path",), "content"),
    "write": (("filePath", "path"), "content"),
}


class NoSuchTool(Exception):
    """The request offers no tool that could do what the script wants."""


@dataclass(frozen=True, kw_only=True)
class NamedCall:
    """A tool call as the request's own tools need it."""

    id: str
    name: str
    arguments: Mapping[str, Any]


def to_call(action: Action, tools: Sequence[Tool], call_id: str) -> NamedCall:
    """The tool call that does this action. Raises NoSuchTool."""
    match action:
        case ToolCall(name, arguments):
            return NamedCall(id=call_id, name=name, arguments=arguments)
        case WriteFile(path, text):
            return _write(path, text, tools, call_id)
        case Shell(command):
            return _shell(command, tools, call_id)


def _shell(command: str, tools: Sequence[Tool], call_id: str) -> NamedCall:
    offered = {tool.name: tool for tool in tools}
    for name, key in SHELLS.items():
        if (tool := offered.get(name)) is not None:
            return NamedCall(id=call_id, name=name, arguments=_shell_arguments(tool, key, command))
    for tool in tools:  # a CLI that nobody has told us about
        for key in ("command", "cmd"):
            if key in tool.properties:
                return NamedCall(id=call_id, name=tool.name, arguments=_shell_arguments(tool, key, command))
    raise NoSuchTool(f"no tool for a shell command among: {', '.join(offered) or 'no tools at all'}")


def _shell_arguments(tool: Tool, key: str, command: str) -> dict[str, Any]:
    schema = tool.properties.get(key)
    as_list = isinstance(schema, Mapping) and schema.get("type") == "array"
    arguments: dict[str, Any] = {key: ["bash", "-lc", command] if as_list else command}
    if "description" in tool.required:
        arguments["description"] = "Run a command"
    return arguments


def _write(path: str, text: str, tools: Sequence[Tool], call_id: str) -> NamedCall:
    # The CLIs' own tools want absolute paths, and the server does not know where a session works.
    if PurePosixPath(path).is_absolute():
        for tool in tools:
            if tool.name in WRITERS:
                path_keys, text_key = WRITERS[tool.name]
                path_key = next((key for key in path_keys if key in tool.properties), path_keys[0])
                return NamedCall(id=call_id, name=tool.name, arguments={path_key: path, text_key: text})
    folder = shlex.quote(str(PurePosixPath(path).parent))
    command = f"mkdir -p {folder} && printf %s {shlex.quote(text)} > {shlex.quote(path)}"
    return _shell(command, tools, call_id)
