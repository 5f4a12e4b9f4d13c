"""ralph.log: what the runner did, a line each: for people, or as JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from fabrik.backlog.files import unwritable

LogFormat = Literal["text", "json"]
# A pipe that nobody reads is an error, not something to wait for.
FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK


class RunnerLog:
    """Appends to ralph.log. Each line is written at once, so that several processes do not mix theirs."""

    def __init__(self, path: Path, form: LogFormat) -> None:
        self._path = path
        self._form = form

    def tell(self, event: str, spec: str | None = None, **details: object) -> None:
        """Write one event. event: a word such as `spec_started`. Raises EnvironmentProblem."""
        line = render(datetime.now(UTC), self._form, event, spec, details)
        try:
            descriptor = os.open(self._path, FLAGS, 0o666)
            try:
                os.write(descriptor, line.encode("utf-8", "backslashreplace"))
            finally:
                os.close(descriptor)
        except OSError as error:
            raise unwritable(error, self._path.parent) from error


def render(at: datetime, form: LogFormat, event: str, spec: str | None, details: Mapping[str, object]) -> str:
    """One line with its newline; nothing in it can begin another."""
    when = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    told = {name: value for name, value in details.items() if value is not None}
    if form == "json":
        named = {"spec": spec} if spec is not None else {}
        return json.dumps({"ts": when, "event": event, **named, **told}, default=str) + "\n"
    words = " ".join(f"{name}={_shown(value)}" for name, value in told.items())
    return " ".join(filter(None, (when, event, _shown(spec) if spec else "", words))) + "\n"


def _shown(value: object) -> str:
    text = str(value)
    plain = text.isprintable() and text and not set(text) & set(" \"'=")
    return text if plain else json.dumps(text, ensure_ascii=False)
