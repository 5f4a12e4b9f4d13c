"""An agent without a model: plays a script of steps. The page scripted-agent describes it.

The demo and most tests work with it. The player, the package `player` beside this module, is put into the
session's HOME as one zip file and started with the system's Python, so it runs in any sandbox that has one.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

from fabrik.agents import lines
from fabrik.agents.agent import Conclusion, Ending, Invocation, SessionRequest
from fabrik.agents.conclusions import cause_of_http, conclude
from fabrik.agents.environment import models_env, session_env
from fabrik.errors import UsageError
from fabrik.events import Failed, Said, SessionEnded, SessionEvent, SessionStarted, ToolCalled
from fabrik.outcome import Cause
from fabrik.usage import Usage, Vendor

PYTHON = "/usr/bin/python3"  # the system's own: it is visible in every sandbox
PLAYER = ".fabrik/player.pyz"  # below HOME
MAIN = "import sys\n\nfrom player.main import main\n\nsys.exit(main(sys.argv))\n"


class Scripted:
    """Plays options["script"], a path inside the sandbox."""

    name = "scripted"
    programs: Sequence[str] = (PYTHON,)
    protocol: Vendor | None = None
    install_hint = "apt-get install python3"

    def invocation(self, request: SessionRequest) -> Invocation:
        script = request.options.get("script")
        if not script:
            raise UsageError(
                "the agent 'scripted' needs a script to play",
                where="--agent-script",
                todo="add --agent-script PATH; fabrik docs scripted-agent shows how to write one",
            )
        env = session_env(request) | models_env(request)
        if request.model:
            env["FABRIK_MODEL"] = request.model
        return Invocation(
            # -I: neither the workspace nor the environment can put modules of their own in the way.
            argv=[PYTHON, "-I", f"{request.home}/{PLAYER}", script],
            env=env,
            files={PLAYER: player()},
            stdin=request.prompt.encode("utf-8", "replace"),
        )

    def parse(self, line: bytes) -> Sequence[SessionEvent]:
        event = lines.read(line)
        match event.get("type"):
            case "session":
                return [SessionStarted(session_id=lines.one_line(event.get("id")) or self.name)]
            case "say":
                said = lines.text(event.get("text"))
                return [Said(text=said)] if said else ()
            case "tool":
                name = lines.one_line(event.get("name")) or "tool"
                return [ToolCalled(name=name, summary=lines.one_line(event.get("summary")))]
            case "error":
                return [_failure(event)]
            case "end":
                return [SessionEnded(ok=True, usage=_usage(lines.mapping(event.get("usage"))))]
            case _:
                return ()

    def conclude(self, ending: Ending, events: Sequence[SessionEvent]) -> Conclusion:
        return conclude(ending, events)


@cache
def player() -> bytes:
    """The player as a program: a zip file that Python runs. The same sources give the same bytes."""
    package = resources.files("fabrik.agents.player")
    sources = {
        f"player/{file.name}": file.read_bytes() for file in package.iterdir() if file.name.endswith(".py")
    }
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:  # stored: not every Python has zlib
        for name, content in sorted({"__main__.py": MAIN.encode(), **sources}.items()):
            archive.writestr(zipfile.ZipInfo(name), content)
    return made.getvalue()


def _failure(event: Mapping[str, Any]) -> Failed:
    detail = lines.one_line(event.get("message"))
    if event.get("not_started") is True:
        return Failed(cause=Cause.NOT_STARTED, detail=detail)
    status = lines.count(event.get("status"))
    if status is None:
        return Failed(cause=Cause.CRASHED, detail=detail)
    if status == 0:
        return Failed(cause=Cause.UNREACHABLE, detail=detail)
    at, after = lines.number(event.get("at")), lines.number(event.get("retry_after"))
    known = at is not None and after is not None and status == 429
    resets_at = at + after if known and at is not None and after is not None else None
    return Failed(cause=cause_of_http(status), detail=detail, resets_at=resets_at)


def _usage(usage: Mapping[str, Any]) -> Usage | None:
    if not usage:
        return None
    return Usage(
        input_tokens=lines.count(usage.get("input_tokens")),
        output_tokens=lines.count(usage.get("output_tokens")),
        calls=lines.count(usage.get("calls")) or 0,
    )
