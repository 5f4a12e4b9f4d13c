"""A script from a JSON file, for model servers that are started from a command line.

    {"v": 1,
     "sessions": [
       {"match": "task 1", "turns": [
         {"fail": {"kind": "http-error", "status": 529, "times": 2}},
         {"shell": "echo one > one.txt && git add -A && git commit -qm one"},
         {"do": [{"say": "Now the docs."}, {"write": {"path": "docs/one.md", "text": "# One\\n"}}],
          "usage": {"input_tokens": 900, "output_tokens": 50}},
         {"say": "Task 1 is finished."}]}],
     "default": [{"say": "Nothing is scripted for this prompt."}],
     "failures": [{"kind": "refused", "times": 1}],
     "models": ["gpt-5.5"]}

A turn is one of `shell`, `write`, `call` (a tool by its name), `say`, `do` (several of them in one answer) or
`fail`; an answer may carry `usage`, where a count that is left out is 0.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, NonNegativeInt, TypeAdapter, ValidationError, model_validator

from fabrik.errors import UsageError
from fabrik.testing.model_server.failures import (
    Cut,
    Empty,
    Failure,
    Hang,
    HttpError,
    JunkBody,
    JunkStream,
    Refused,
    StreamError,
)
from fabrik.testing.model_server.script import (
    TYPICAL,
    Answer,
    Part,
    Script,
    Session,
    Shell,
    Text,
    ToolCall,
    Turn,
    WriteFile,
)
from fabrik.usage import Usage

FAILURES: Mapping[str, type[Failure]] = MappingProxyType(
    {
        "http-error": HttpError,
        "refused": Refused,
        "cut": Cut,
        "stream-error": StreamError,
        "junk-stream": JunkStream,
        "junk-body": JunkBody,
        "empty": Empty,
        "hang": Hang,
    }
)


def load_script(path: Path) -> Script:
    """The script in a file. Raises UsageError with every mistake in it."""
    try:
        text = path.read_bytes()
    except OSError as error:
        raise UsageError(f"the script cannot be read: {error.strerror}", where=str(path)) from error
    try:
        return _File.model_validate_json(text).script()
    except UsageError as error:
        raise UsageError(f"{error.where}: {error.what}", where=str(path), todo=error.todo) from error
    except ValidationError as error:
        mistakes = "; ".join(
            f"{'.'.join(map(str, mistake['loc'])) or 'the file'}: {mistake['msg']}"
            for mistake in error.errors()
        )
        raise UsageError(mistakes, where=str(path), todo="correct the script and start again") from error


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Write(_Strict):
    path: str
    text: str


class _Call(_Strict):
    name: str
    arguments: dict[str, Any] = {}


class _Usage(_Strict):
    input_tokens: NonNegativeInt = 0
    cache_read_tokens: NonNegativeInt = 0
    cache_write_tokens: NonNegativeInt = 0
    output_tokens: NonNegativeInt = 0
    reasoning_tokens: NonNegativeInt = 0


class _Failure(BaseModel):
    model_config = ConfigDict(extra="allow")
    kind: Literal["http-error", "refused", "cut", "stream-error", "junk-stream", "junk-body", "empty", "hang"]

    @model_validator(mode="after")
    def _has_its_fields(self) -> _Failure:
        self.failure()
        return self

    def failure(self) -> Failure:
        """The failure, or ValueError for fields that it does not have or that do not fit."""
        kind, given = FAILURES[self.kind], self.model_extra or {}
        if unknown := given.keys() - {field.name for field in dataclasses.fields(kind)}:
            raise ValueError(f"{self.kind} has no field {', '.join(sorted(unknown))}")
        try:
            return TypeAdapter(kind).validate_python(given)
        except ValidationError as error:
            told = "; ".join(f"{mistake['loc'][-1]}: {mistake['msg']}" for mistake in error.errors())
            raise ValueError(f"{self.kind}: {told}") from error


class _Part(_Strict):
    shell: str | None = None
    write: _Write | None = None
    call: _Call | None = None
    say: str | None = None

    @model_validator(mode="after")
    def _is_one_thing(self) -> _Part:
        if len(self.model_fields_set - {"usage"}) != 1:
            choices = ", ".join(name for name in type(self).model_fields if name != "usage")
            raise ValueError(f"must have exactly one of {choices}")
        return self

    def part(self) -> Part:
        """What it says or does."""
        if self.shell is not None:
            return Shell(self.shell)
        if self.write is not None:
            return WriteFile(self.write.path, self.write.text)
        if self.call is not None:
            return ToolCall(self.call.name, self.call.arguments)
        return Text(self.say or "")


class _Turn(_Part):
    do: list[_Part] | None = None
    fail: _Failure | None = None
    usage: _Usage | None = None

    def turn(self) -> Turn:
        """The answer or the failure."""
        if self.fail is not None:
            return self.fail.failure()
        parts = tuple(part.part() for part in self.do) if self.do is not None else (self.part(),)
        return Answer(parts, TYPICAL if self.usage is None else Usage(**self.usage.model_dump()))


class _Session(_Strict):
    match: str = ""
    turns: list[_Turn]


class _File(_Strict):
    v: Literal[1]
    sessions: list[_Session] = []
    default: list[_Turn] | None = None
    failures: list[_Failure] = []
    models: list[str] | None = None

    def script(self) -> Script:
        """The script that the file describes."""
        plain = Script()
        return Script(
            sessions=tuple(
                Session(match=session.match, turns=tuple(turn.turn() for turn in session.turns))
                for session in self.sessions
            ),
            default=plain.default
            if self.default is None
            else Session(turns=tuple(turn.turn() for turn in self.default)),
            failures=tuple(failure.failure() for failure in self.failures),
            models=plain.models if self.models is None else tuple(self.models),
        )
