"""What the models of a reviewed run play, and whose step each request to the model server belongs to."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cli_world import COMMIT, CliWorld, answers

from fabrik.ledger.codec import decode
from fabrik.ledger.store import Ledger
from fabrik.testing.model_server import (
    Answer,
    Call,
    Conversation,
    HttpError,
    ModelServer,
    Session,
    Shell,
    Text,
)
from fabrik.testing.model_server.script import Part, Turn
from fabrik.testing.model_server.wire import WIRES
from fabrik.usage import Usage
from fabrik.workflows.review.model import Round

STORY = "nothing-is-left-to-be-improved-here"  # what the implementer says, wherever it can say something
HELD_OUT = "zeppelin-4417"  # only in what is held out
LINGERING = f"31415.{os.getpid()}"  # seconds that a process sleeps, which a reviewer leaves behind
NOTES = "The tone is wrong: be kinder to the gardener"
CRITERIA = ("done-N.txt holds N, for each task", "the project still has its README.md")

REVIEWER = re.compile(r"\A# Review of \"A feature\" as `([a-z-]+)`")
VERIFIER = re.compile(r"\A# Does the change do what \"A feature\" asks for\?")
COMMIT_OF = re.compile(r"The commit `([0-9a-f]{40})`, as it differs from the base")
WORK = (
    (re.compile(r"\A# Task (\w+) of \d"), "task/{}/implement#1"),
    (re.compile(r"\A# (review-task-[a-z-]+-\d+): "), "task/{}/implement#1"),
    (re.compile(r"\A# \"A feature\" was rejected by (a) human"), "feedback/1/implement#1"),
)

# Every way to write where the commit under review lies.
WRITE = r"""
cd /workspace
try() { echo "$1:"; sh -c "$1" 2>&1 && echo DONE; }
try 'echo no > done-1.txt'
try 'touch new.txt'
try 'rm README.md'
try 'mkdir folder'
try 'chmod 777 .'
try 'git config user.name Mallory'
try 'git commit --allow-empty -m "Nobody asked for this"'
try 'git update-ref refs/heads/main HEAD~1'
try 'mount -o remount,rw /workspace'
echo TRIED
"""
ONLY_PLANTED = "FOUND /home/agent/planted\n0\n0\nSEARCHED"  # what a search finds where nothing else is
LINGER = f"setsid sleep {LINGERING} > /dev/null 2>&1 & kill -0 $! && echo LINGERING"


def search(word: str) -> Shell:
    """Looks for a word in all places, and finds a file of its own at least.

    The word itself is not in the command, or it would be in the next request.
    """
    hidden = f"{word[:4]}[{word[4]}]{word[5:]}"
    return Shell(rf"""
printf {word[:4]} > "$HOME/planted"; printf %s {word[4:]} >> "$HOME/planted"
command grep -rIls "{hidden}" "$HOME" /workspace /tmp /run /etc /var /dev/shm | sed 's/^/FOUND /'
GIT_NO_REPLACE_OBJECTS=1 git -C /workspace cat-file --batch-all-objects --batch --unordered 2> /dev/null |
  command grep -ac "{hidden}"
cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2> /dev/null | tr '\0' '\n' | command grep -c "{hidden}"
echo SEARCHED
rm "$HOME/planted"
""")


def playing(match: str, *turns: Part | Sequence[Part]) -> Session:
    """Sessions that play these turns, each of their answers with a usage that no other answer has."""
    parts = [(turn,) if isinstance(turn, Part) else tuple(turn) for turn in turns]

    def play(conversation: Conversation) -> Answer:
        turn = min(len(conversation.results), len(parts) - 1)
        return Answer(parts[turn], _spent(conversation))

    return Session(match=match, turns=play)


def _spent(conversation: Conversation) -> Usage:
    asked = f"{conversation.prompt}{len(conversation.results)}".encode()
    drawn = hashlib.sha256(asked).digest()
    # OpenAI's prices have none for what is written to a cache.
    writes = conversation.protocol == "anthropic"
    return Usage(
        input_tokens=1000 + int.from_bytes(drawn[:2]),
        cache_read_tokens=1 + drawn[2],
        cache_write_tokens=1 + drawn[3] if writes else 0,
        output_tokens=1 + int.from_bytes(drawn[4:6]),
        reasoning_tokens=1 + drawn[6],
    )


def implementing(*tasks: int, also: str = "true") -> list[Session]:
    """An implementer that does these tasks, a finding of `security` and what a human wants, and boasts.

    also: a command for each of the tasks.
    """

    def session(match: str, command: str, task: str, *more: Shell) -> Session:
        lists = {key: [STORY] for key in ("work", "files", "tests", "issues", "next")}
        report = {"v": 1, "taskId": task, "status": "done", **lists}
        return playing(
            match,
            (Text(STORY), Shell(f"{command} && {COMMIT} 'Do it: {STORY}'")),
            *more,
            Shell(f'printf %s {quoted(report)} > "$FABRIK_REPORT"'),
            Text(f"{STORY}. APPROVED."),
        )

    return [
        *(session(f"# Task {n} of ", f"echo {n} > done-{n}.txt && {also}", str(n)) for n in tasks),
        session("# review-task-security-1: ", "echo safe > safe.txt", "review-task-security-1"),
        session("was rejected by a human", "echo kind > tone.txt", "feedback-1", search(HELD_OUT)),
    ]


def quoted(value: object) -> str:
    """A value as JSON in one word of the shell."""
    text = json.dumps(value)
    assert "'" not in text
    return f"'{text}'"


def report(**said: object) -> Shell:
    """Writes a report about the commit that the session is asked about."""
    rest = json.dumps(said)[1:]
    head = r"{\"v\": 1, \"reviewer\": \"$FABRIK_REVIEWER\", \"commit\": \"$FABRIK_COMMIT\", "
    return Shell(f"""{{ printf %s "{head}"; printf %s '{rest}'; }} > "$FABRIK_REPORT" """)


def either(path: str, there: Shell, missing: Shell) -> Shell:
    """What a reviewer does by what is in the commit."""
    return Shell(f"if test -e /workspace/{path}; then\n{there.command}\nelse\n{missing.command}\nfi")


APPROVAL = report(status="approved", issues=[])
FINDING = report(
    status="changes_requested",
    issues=["done-1.txt:1: nobody says that this is safe; it is not used then; add safe.txt"],
)
EVIDENCE = report(
    criteria=[
        {"n": 1, "met": True, "kind": "check", "where": "task 1", "why": "it reads the file"},
        {"n": 2, "met": True, "kind": "code", "where": "README.md:1", "why": "it is there"},
    ],
    protected=[],
    issues=[],
)
UNREAL = report(
    criteria=[
        {"n": 1, "met": True, "kind": "test", "where": "tests/test_done.py:1", "why": "it asserts it"},
        {"n": 2, "met": True, "kind": "code", "where": "README.md:1", "why": "it is there"},
    ]
)


def reviewing(*, unreal: bool = False) -> list[Session]:
    """All reviewers and the verifier: `security` looks around, and misses safe.txt until it is there.

    unreal: the verifier first names a test that does not exist.
    """
    verdict = either("safe.txt", EVIDENCE, UNREAL) if unreal else EVIDENCE
    repaired = [playing("Your report could not be used", EVIDENCE, Text("Now it is real."))]
    return [
        playing(
            "as `security`",
            Shell(WRITE),
            search(HELD_OUT),
            search(STORY),
            Shell(LINGER),
            either("safe.txt", APPROVAL, FINDING),
            Text("I have looked."),
        ),
        playing("# Review of ", APPROVAL, Text("Good.")),
        *(repaired if unreal else []),
        playing("# Does the change do what ", verdict, Text("Seen.")),
    ]


def babbling(match: str) -> Session:
    """Sessions of a reviewer that says what it should write."""

    def babble(conversation: Conversation) -> Answer:
        commit, reviewer = COMMIT_OF.search(conversation.prompt), REVIEWER.match(conversation.prompt)
        assert commit and reviewer
        said: dict[str, object] = {
            "v": 1,
            "reviewer": reviewer[1],
            "commit": commit[1],
            "status": "approved",
            "issues": [],
        }
        return Answer((Text(f"APPROVED. My report:\n{json.dumps(said)}"),), _spent(conversation))

    return Session(match=match, turns=babble)


def refusing(match: str, model: str, why: str) -> Session:
    """Sessions of reviewers that approve, but for those with this model: its vendor refuses it."""
    approving = playing(match, APPROVAL, Text("Good."))
    assert callable(approving.turns)
    approve = approving.turns

    def answer(conversation: Conversation) -> Turn | Part | Sequence[Part]:
        if conversation.model == model:
            return HttpError(status=400, message=why)
        return approve(conversation)

    return Session(match=match, turns=answer)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The requests for an answer, by the step whose session made them."""

    steps: Mapping[str, Sequence[Call]]

    def of(self, *, judges: bool) -> list[Call]:
        """The requests of all who judge, or of all who work."""
        return [call for step, calls in self.steps.items() if ("review#" in step) is judges for call in calls]

    def results(self, step: str) -> str:
        """What the tools of a session answered."""
        last = self.steps[step][-1]
        assert last.protocol
        return "\n".join(WIRES[last.protocol].read(last.body, last.model or "", last.stream).results)


def asked(world: CliWorld, server: ModelServer) -> Asked:
    """What the server was asked, by what the prompts say. Fails on a request that nobody would make."""
    held: dict[tuple[str, str], str] = {
        (found.commit, found.kind): key for key, found in _rounds(world).items()
    }
    steps: defaultdict[str, list[Call]] = defaultdict(list)
    for call in answers(server):
        steps[_step(call, held)].append(call)
    return Asked(steps=steps)


def _rounds(world: CliWorld) -> Mapping[str, Round]:
    """The rounds of the last run by the keys of their steps, light ones as well."""
    with Ledger.open(world.home / "ledger.db") as ledger:
        steps = ledger.steps(ledger.find_run("last").id)
    return {
        step.key: decode(Round, step.result)
        for step in steps
        if step.result and step.key.rpartition("/")[2].startswith("review#")
    }


def _step(call: Call, held: Mapping[tuple[str, str], str]) -> str:
    for pattern, key in WORK:
        if found := pattern.match(call.prompt):
            return key.format(found[1])
    reviewer = REVIEWER.match(call.prompt)
    assert reviewer or VERIFIER.match(call.prompt), call.prompt[:200]
    commit = COMMIT_OF.search(call.prompt)
    assert commit
    kind = "light" if "This review is about one task only" in call.prompt else "full"
    repair = "/repair" if "\n## Your report could not be used\n" in call.prompt else ""
    return f"{held[commit[1], kind]}/{reviewer[1] if reviewer else 'verifier'}{repair}"


def lingering() -> list[str]:
    """The processes of this machine that a reviewer has left behind."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue  # it has ended
        if LINGERING.encode() in arguments:
            found.append(process.name)
    return found
