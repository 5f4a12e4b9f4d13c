"""What a script can do: one method for each verb."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import TYPE_CHECKING, Any

from . import reports
from .doing import StepFailed, arguments, encoded, joined, must, parented, start
from .script import signal_of
from .telling import put, tell, used

if TYPE_CHECKING:
    from .script import Step, Text

LINE = 65536  # bytes of a flood's line, newline included
BLOCK = 1 << 20
POLL = 0.02  # seconds between two looks for a file


class Player:
    """One method for each verb: its value first, then the whole step for its modifiers."""

    def __init__(self, prompt: str) -> None:
        step = os.environ.get("FABRIK_STEP", "")
        parts = step.split("/")
        self.names = {
            "{{step}}": step,
            "{{task}}": parts[1] if parts[0] == "task" and len(parts) > 2 else "",
            "{{role}}": os.environ.get("FABRIK_ROLE", ""),
            "{{run}}": os.environ.get("FABRIK_RUN", ""),
            "{{home}}": os.environ.get("HOME", ""),
            "{{reviewer}}": os.environ.get("FABRIK_REVIEWER", ""),
            "{{commit}}": os.environ.get("FABRIK_COMMIT", ""),
            "{{base}}": os.environ.get("FABRIK_BASE", ""),
            "{{prompt}}": prompt,  # last: what is in it stays as it is
        }
        self.prompt = prompt
        self.usage = {"input_tokens": 0, "output_tokens": 0, "calls": 0}

    def fill(self, value: Any) -> Any:
        """Put the names into every text of a value."""
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

    def review(self, said: Step, _: Step) -> None:
        self.report(reports.review(said), {})

    def verify(self, said: Step, _: Step) -> None:
        self.report(reports.verification(said, self.prompt), {})

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
        from .models import post  # slow to load

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
