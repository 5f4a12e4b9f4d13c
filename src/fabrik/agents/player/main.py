"""Plays a script instead of asking a model: the program behind the agent `scripted`.

This package runs inside the sandbox, out of one zip file, with nothing but the standard library of Python 3.8
or newer. The page scripted-agent has the format:

    {"v": 1, "sessions": {"task/1/implement#1": [{"write": "a.txt", "text": "hello"}, {"commit": "Add a"}],
                          "role:review": [{"review": {"status": "approved"}}], "*": []}}

What the player does is told in JSON lines on stdout: session, say, tool, result, error, end. Exit status: 0
at the end of the section, 1 when a step failed, 2 when the script cannot be played, or what the script says.
"""

from __future__ import annotations

import os
import signal
import sys
import time

from .doing import StepFailed
from .script import BadScript, choose, load, verbs_of
from .telling import tell
from .verbs import Player


def main(argv: list[str]) -> int:
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, other programs do not
    prompt = sys.stdin.buffer.read().decode("utf-8", "replace")
    tell(type="session", id="scripted-" + os.environ.get("FABRIK_STEP", "session"))
    try:
        if len(argv) != 2:
            raise BadScript("usage: player.pyz SCRIPT < prompt")
        steps = choose(load(argv[1]))
    except BadScript as problem:
        sys.stderr.write(f"{problem}\n")
        tell(type="error", message=str(problem), not_started=True)
        return 2
    player = Player(prompt)
    for number, step in enumerate(steps, 1):
        verb = verbs_of(step)[0]
        filled = player.fill(step)
        try:
            getattr(player, verb)(filled[verb], filled)
        except (StepFailed, OSError, ValueError, KeyError) as problem:
            message = f"step {number} ({verb}): {problem}"
            tell(type="error", message=message, at=time.time(), **getattr(problem, "details", {}))
            return 1
    tell(type="end", usage=player.usage)
    return 0
