"""Any executable as an agent: the page command-agent describes the interface, which is public."""

from __future__ import annotations

from collections.abc import Sequence

from fabrik.agents.agent import Conclusion, Ending, Invocation, SessionRequest
from fabrik.agents.conclusions import last_line, signal_name
from fabrik.agents.environment import models_env, session_env
from fabrik.errors import UsageError
from fabrik.events import SessionEvent
from fabrik.outcome import Cause
from fabrik.usage import Vendor

NOT_STARTED = (126, 127)  # as in a shell: not executable, not found


class Command:
    """A program that the user names: prompt on stdin, work in the workspace, exit status 0 at the end."""

    name = "command"
    programs: Sequence[str] = ()
    protocol: Vendor | None = None
    install_hint = "name the program with --agent-command PATH"

    def invocation(self, request: SessionRequest) -> Invocation:
        command = request.options.get("command")
        if not command:
            raise UsageError(
                "the agent 'command' needs the program to run",
                where="--agent-command",
                todo="add --agent-command PATH",
            )
        env = session_env(request) | models_env(request)
        if request.model:
            env["FABRIK_MODEL"] = request.model
        return Invocation(argv=[command], env=env, stdin=request.prompt.encode("utf-8", "replace"))

    def parse(self, line: bytes) -> Sequence[SessionEvent]:
        """Nothing that it prints counts."""
        del line
        return ()

    def conclude(self, ending: Ending, events: Sequence[SessionEvent]) -> Conclusion:
        del events
        if ending.signal is not None:
            return Conclusion(cause=Cause.CRASHED, detail=f"ended by {signal_name(ending.signal)}")
        if ending.status == 0:
            return Conclusion(cause=Cause.ENDED)
        detail = f"exit status {ending.status}"
        if last := last_line(ending.stderr_tail):
            detail = f"{detail}: {last}"
        return Conclusion(
            cause=Cause.NOT_STARTED if ending.status in NOT_STARTED else Cause.CRASHED, detail=detail
        )
