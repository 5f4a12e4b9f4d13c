#!/usr/bin/env python3
"""Plays a script instead of asking a model: the program behind the agent `scripted`.

It runs inside the sandbox: standard library only, Python 3.8 or newer. docs/scripted-agent.md has the format:

    {"v": 1, "sessions": {"task/1/implement#1": [{"write": "a.txt", "text": "hello"}, {"commit": "Add a"}],
                          "task/*/fix#*": [{"say": "I give up"}], "*": []}}

The first section whose glob fits the step's key (or `role:<role>`) is played. What the player does is told in
JSON lines on stdout: session, say, tool, result, error, end. Exit status: 0 at the end of the section, 1 when
a step failed, 2 when the script cannot be played, or what the script says.
"""

from __future__ import annotations

import base64
import fnmatch
import http.client
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

FORMAT = 1
LINE = 65536  # bytes of a flood's line, newline included
BLOCK = 1 << 20
POLL = 0.02  # seconds between two looks for a file
CUT = 599  # told as the status of a model call that was answered with junk or half an answer

if TYPE_CHECKING:  # as values, these need a newer Python
    Step = dict[str, Any]
    Text = str | list[str]

# Each step has one of these verbs, and beside it only the modifiers named here. The values are their types.
TEXT = (str, list)
VERBS: dict[str, tuple[Any, dict[str, Any]]] = {
    "say": (TEXT, {}),
    "write": (str, {"text": TEXT, "base64": str, "executable": bool}),
    "append": (str, {"text": TEXT}),
    "delete": (str, {}),
    "run": (TEXT, {"may_fail": bool}),
    "commit": (str, {"empty": bool}),
    "report": ((dict, str), {}),
    "print": (TEXT, {"to": str, "base64": bool}),
    "flood": (int, {"to": str, "line": int}),
    "daemon": (TEXT, {"keep_output": bool}),
    "model": (TEXT, {"name": str, "max_tokens": int, "may_fail": bool, "save": str}),
    "wait_for": (str, {"seconds": (int, float)}),
    "hang": (bool, {"ignore": list}),
    "exit": (int, {}),
    "die": ((str, int), {}),
}


class BadScript(Exception):
    """All that is wrong with the script."""


class StepFailed(Exception):
    """A step could not be done. `details` are for the error event."""

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.details = details


def main(argv: list[str]) -> int:
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, other programs do not
    prompt = sys.stdin.buffer.read().decode("utf-8", "replace")
    tell(type="session", id="scripted-" + os.environ.get("FABRIK_STEP", "session"))
    try:
        if len(argv) != 2:
            raise BadScript("usage: scripted_player.py SCRIPT < prompt")
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


def load(path: str) -> dict[str, list[Step]]:
    """The sections of a script, checked as a whole: a mistake in a later section shows at once."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if double := [name for number, (name, _) in enumerate(pairs) if name in dict(pairs[:number])]:
            raise ValueError(f"{double[0]!r} is there twice")
        return dict(pairs)

    try:
        script = json.loads(Path(path).read_text(encoding="utf-8"), object_pairs_hook=once)
    except (OSError, ValueError, RecursionError) as problem:
        raise BadScript(f"{path}: {problem}") from problem
    sections = script.get("sessions") if isinstance(script, dict) else None
    if not isinstance(sections, dict) or script.get("v") != FORMAT:
        raise BadScript(path + ': a script is {"v": 1, "sessions": {"<step>": [...]}}')
    problems = []
    for key, steps in sections.items():
        if not isinstance(steps, list):
            problems.append(f"{path}: {key}: a section is a list of steps")
            continue
        for number, step in enumerate(steps, 1):
            problems += [f"{path}: {key}: step {number}: {wrong}" for wrong in mistakes(step)]
    if problems:
        raise BadScript("\n".join(problems))
    return sections


def choose(sections: dict[str, list[Step]]) -> list[Step]:
    step, role = os.environ.get("FABRIK_STEP", ""), os.environ.get("FABRIK_ROLE", "")
    for key, steps in sections.items():
        if key == "role:" + role or (not key.startswith("role:") and fnmatch.fnmatchcase(step, key)):
            return steps
    raise BadScript(f"the script has no section for the step {step!r} (role {role!r})")


def verbs_of(step: Step) -> list[str]:
    return [name for name in step if name in VERBS]


def mistakes(step: Any) -> list[str]:
    """What is wrong with one step, as sentences."""
    if not isinstance(step, dict):
        return ['a step is an object such as {"say": "hello"}']
    verbs = verbs_of(step)
    if len(verbs) != 1:
        return [f"one of {', '.join(VERBS)} is needed, found {' and '.join(verbs) or 'none'}"]
    verb = verbs[0]
    kind, modifiers = VERBS[verb]
    found = []
    for name, value in step.items():
        wanted = kind if name == verb else modifiers.get(name)
        if wanted is None:
            found.append(f"{name!r} does not go with {verb!r}")
        elif not fits(value, wanted):
            found.append(f"{name!r} has the wrong type")
    if found:
        return found
    if step.get("to", "stdout") not in ("stdout", "stderr"):
        found.append("'to' is stdout or stderr")
    if verb == "exit" and not 0 <= step["exit"] <= 255:
        found.append("an exit status is between 0 and 255")
    signals = [step["die"]] if verb == "die" else step.get("ignore", [])
    return found + [f"there is no signal {name!r}" for name in signals if signal_of(name) is None]


def fits(value: Any, wanted: Any) -> bool:
    kinds = wanted if isinstance(wanted, tuple) else (wanted,)
    if isinstance(value, bool):
        return bool in kinds
    if isinstance(value, list):
        return list in kinds and all(isinstance(item, str) for item in value)
    return isinstance(value, kinds)


def signal_of(name: str | int) -> int | None:
    if isinstance(name, int):
        return name if 1 <= name < signal.NSIG else None
    found = getattr(signal, "SIG" + name.upper().replace("SIG", "", 1), None)
    return found if isinstance(found, signal.Signals) else None


at_line_start = [True]  # of stdout: an event must not be glued to what was printed before it


def tell(**event: Any) -> None:
    line = (json.dumps(event) + "\n").encode()
    put(line if at_line_start[0] else b"\n" + line)


def put(data: bytes, to: str | None = None) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(2 if to == "stderr" else 1, view) :]
    if to != "stderr" and data:
        at_line_start[0] = data.endswith(b"\n")


class Player:
    """One method for each verb: its value first, then the whole step for its modifiers."""

    def __init__(self, prompt: str) -> None:
        step = os.environ.get("FABRIK_STEP", "")
        parts = step.split("/")
        self.names = {
            "{{step}}": step,
            "{{task}}": parts[1] if len(parts) > 2 else "",
            "{{role}}": os.environ.get("FABRIK_ROLE", ""),
            "{{run}}": os.environ.get("FABRIK_RUN", ""),
            "{{prompt}}": prompt,  # last: what is in it stays as it is
        }
        self.usage = {"input_tokens": 0, "output_tokens": 0, "calls": 0}

    def fill(self, value: Any) -> Any:
        """Put {{step}}, {{task}}, {{role}}, {{run}} and {{prompt}} into every text of a value."""
        if isinstance(value, str):
            for name, text in self.names.items():
                value = value.replace(name, text)
            return value
        if isinstance(value, list):
            return [self.fill(item) for item in value]
        if isinstance(value, dict):
            return {name: self.fill(item) for name, item in value.items()}
        return value

    def say(self, text: Text, _: Step) -> None:
        tell(type="say", text=joined(text))

    def write(self, path: str, step: Step) -> None:
        used("write", path)
        name = "base64" if "base64" in step else "text"
        place = parented(path)
        place.write_bytes(encoded(step.get(name, ""), from_base64=name == "base64"))
        if step.get("executable"):
            place.chmod(0o755)

    def append(self, path: str, step: Step) -> None:
        used("append", path)
        with parented(path).open("ab") as file:
            file.write(encoded(step.get("text", "")))

    def delete(self, path: str, _: Step) -> None:
        used("delete", path)
        must(["rm", "-r", "--", path])

    def run(self, command: Text, step: Step) -> None:
        used("run", command)
        status, output = start(command)
        tell(type="result", status=status, output=output[-4000:])
        if status and not step.get("may_fail"):
            raise StepFailed(f"it ended with {status}: {output.strip()[-300:]}")

    def commit(self, message: str, step: Step) -> None:
        used("commit", message)
        must(["git", "add", "--all"])
        if not step.get("empty") and not must(["git", "status", "--porcelain"]):
            tell(type="say", text="nothing to commit")
            return
        who = ["-c", "user.name=scripted", "-c", "user.email=scripted@fabrik.invalid"]
        must(["git", *who, "commit", "--quiet", "--no-verify", "--allow-empty", "--message", message])

    def report(self, content: Step | str, _: Step) -> None:
        place = os.environ["FABRIK_REPORT"]
        used("report", place)
        parented(place).write_bytes(encoded(content if isinstance(content, str) else json.dumps(content)))

    def print(self, text: Text, step: Step) -> None:
        put(encoded(text, from_base64=step.get("base64", False)), step.get("to"))

    def flood(self, size: int, step: Step) -> None:
        line = step.get("line", LINE)
        block = b"x" * (line - 1) + b"\n" if line > 0 else b"x" * BLOCK
        block *= max(1, BLOCK // len(block))
        while size > 0:
            put(block[:size], step.get("to"))
            size -= len(block)

    def daemon(self, command: Text, step: Step) -> None:
        """Leave a process behind, in a session of its own and without a parent, as careless tools do."""
        used("daemon", command)
        child = os.fork()
        if child:
            os.waitpid(child, 0)
            return
        try:
            os.setsid()
            if os.fork() == 0:
                if not step.get("keep_output"):
                    null = os.open(os.devnull, os.O_RDWR)
                    for descriptor in (0, 1, 2):
                        os.dup2(null, descriptor)
                program = arguments(command)
                os.execvp(program[0], program)  # noqa: S606 - the script's own program
        finally:
            os._exit(0)

    def model(self, prompt: Text, step: Step) -> None:
        """One Anthropic message through the gateway, answered whole."""
        name = step.get("name") or os.environ.get("FABRIK_MODEL") or "claude-sonnet-4-5"
        used("model", name)
        messages = [{"role": "user", "content": joined(prompt)}]
        body = {"model": name, "max_tokens": step.get("max_tokens", 1024), "messages": messages}
        try:
            answer = post(os.environ.get("ANTHROPIC_BASE_URL", "").rstrip("/") + "/v1/messages", body)
        except StepFailed as problem:
            if not step.get("may_fail"):
                raise
            tell(type="say", text=f"the model call failed: {problem}")
            return
        self.usage["calls"] += 1
        for count in ("input_tokens", "output_tokens"):
            self.usage[count] += (answer.get("usage") or {}).get(count) or 0
        words = "".join(part.get("text", "") for part in answer.get("content") or [])
        tell(type="say", text=words)
        if "save" in step:
            parented(step["save"]).write_bytes(encoded(words))

    def wait_for(self, path: str, step: Step) -> None:
        used("wait_for", path)
        end = time.monotonic() + step["seconds"] if "seconds" in step else None
        while not os.path.lexists(path):
            if end is not None and time.monotonic() > end:
                raise StepFailed(f"it did not appear within {step['seconds']} s")
            time.sleep(POLL)

    def hang(self, really: bool, step: Step) -> None:
        for name in step.get("ignore", []):
            signal.signal(signal_of(name) or 0, signal.SIG_IGN)
        tell(type="say", text="hanging")
        while really:
            signal.pause()

    def exit(self, status: int, _: Step) -> None:
        if status == 0:
            tell(type="end", usage=self.usage)
        os._exit(status)

    def die(self, name: str | int, _: Step) -> None:
        os.kill(os.getpid(), signal_of(name) or 0)
        signal.pause()


def used(tool: str, what: Text) -> None:
    tell(type="tool", name=tool, summary=what if isinstance(what, str) else " ".join(what))


def joined(text: Text) -> str:
    """A text as it is; a list is its lines, each with its newline."""
    return text if isinstance(text, str) else "".join(line + "\n" for line in text)


def encoded(text: Text, from_base64: bool = False) -> bytes:
    if from_base64:
        return base64.b64decode("".join(joined(text).split()), validate=True)
    return joined(text).encode("utf-8", "surrogatepass")


def parented(path: str) -> Path:
    place = Path(path)
    place.parent.mkdir(parents=True, exist_ok=True)
    return place


def arguments(command: Text) -> list[str]:
    """A list is the program and its arguments; a text is for /bin/sh."""
    return command if isinstance(command, list) else ["/bin/sh", "-c", command]


def start(command: Text) -> tuple[int, str]:
    """The exit status and the output of a command."""
    done = subprocess.run(arguments(command), stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return done.returncode, (done.stdout + done.stderr).decode("utf-8", "replace")


def must(command: list[str]) -> str:
    status, output = start(command)
    if status:
        raise StepFailed(f"{command[0]} ended with {status}: {output.strip()[-300:]}")
    return output


def post(url: str, body: Step) -> Step:
    """POST and read the JSON answer, past any proxy: the gateway is on loopback. Raises StepFailed."""
    key = os.environ.get("ANTHROPIC_API_KEY", "")
    headers = {"content-type": "application/json", "anthropic-version": "2023-06-01", "x-api-key": key}
    try:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        request = urllib.request.Request(url, data=json.dumps(body).encode(), headers=headers)  # noqa: S310
        with opener.open(request, timeout=600) as answer:
            return dict(json.loads(answer.read().decode("utf-8", "replace")))
    except urllib.error.HTTPError as problem:
        told = problem.headers.get("retry-after", "")
        words = f"HTTP {problem.code}: {problem.read().decode('utf-8', 'replace')[:500]}"
        after = int(told) if told.isdigit() else None
        raise StepFailed(words, status=problem.code, retry_after=after) from problem
    except urllib.error.URLError as problem:
        raise StepFailed(f"{url} cannot be reached: {problem.reason}", status=0) from problem
    except (OSError, http.client.HTTPException, ValueError, TypeError) as problem:
        raise StepFailed(f"the answer was cut or is junk: {problem}", status=CUT) from problem


if __name__ == "__main__":
    sys.exit(main(sys.argv))
