"""The secrets that this process knows, in memory: whatever leaves a sandbox is redacted with them.

They are gathered once, when a worker starts, and written nowhere, the sealed context of a run included.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from fabrik import paths
from fabrik.credentials.known import host_secrets, secret_values, with_ralph_env
from fabrik.redaction import Redactor

_LINE = 64 << 10  # characters of a line of stderr that wait for its end


class _Known:
    redactor: Redactor | None = None


def redactor() -> Redactor:
    """The redactor of this process. What `gather` was not told of is not in it."""
    return _Known.redactor if _Known.redactor is not None else gather({})


def gather(context: Mapping[str, Any]) -> Redactor:
    """Gather the secrets of this host, and those that a run's context names; the redactor from now on."""
    env = host_environment()
    named = [env.get(said.get("key_env") or "") for said in (context.get("upstreams") or {}).values()]
    given = secret_values(context.get("env") or {})
    copies = paths.home().directory / "credentials"
    _Known.redactor = Redactor([*host_secrets(os.environ, Path.home(), copies), *named, *given])
    return _Known.redactor


def host_environment() -> dict[str, str]:
    """Where keys are looked up: the environment, and below it ralph.env."""
    return with_ralph_env(os.environ, Path.home())


def redact_stderr() -> None:
    """From now on what this process (not one that it starts) writes to stderr is redacted, by lines."""
    if sys.stderr is not None and not isinstance(sys.stderr, _Redacted):
        sys.stderr = _Redacted(sys.stderr)


class _Redacted:
    """A stream for texts in front of another one."""

    def __init__(self, to: TextIO) -> None:
        self._to = to
        self._waiting = ""

    def write(self, text: str) -> int:
        self._waiting += text
        whole, newline, rest = self._waiting.rpartition("\n")
        if newline or len(rest) > _LINE:
            ready, self._waiting = (whole + newline, rest) if newline else (rest, "")
            self._to.write(redactor().text(ready))
        return len(text)

    def flush(self) -> None:
        self._to.flush()

    def fileno(self) -> int:
        return self._to.fileno()

    def isatty(self) -> bool:
        return False

    @property
    def encoding(self) -> str:
        return self._to.encoding
