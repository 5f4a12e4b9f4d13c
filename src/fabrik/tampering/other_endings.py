"""Product code in JavaScript, TypeScript, Ruby and Rust that ends the process in which it is tested.

As in Python: what may end it with status 0 where a library is loaded or called holds; programs, handlers of
signals and failing statuses do not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fabrik.tampering.model import ChangedFile
from fabrik.tampering.notes import Found
from fabrik.tampering.protected import Protection
from fabrik.tampering.source_lines import curly_lines
from fabrik.tampering.text import effort, named, quoted, text_of

BUDGET = 3_000_000  # effort for sources that are read
_SCRIPT = re.compile(r".*\.[cm]?[jt]sx?")
_LOOK = re.compile(rb"\bprocess\b|exitCode|exit")
_PROGRAM_PATH = re.compile(
    r"(?:.*/)?(?:bin|scripts?|tools|examples?|benchmarks?|docs)/.*|(?:.*/)?cli\.\w+|[\w.]+\.config\.\w+"
)
_PROGRAM_TEXT = re.compile(r"\brequire\.main\b|\bimport\.meta\.main\b|\bprocess\.argv\b|\A#!")
_GUARD = re.compile(r"require \. main|import \. meta|process \. argv")
_SIGNAL = re.compile(r"process \. (?:on|once|addListener) \( [\"`]SIG")
_NAMED = re.compile(
    r"(?:function \*? ?(?P<a>[\w$]+) \($)|(?P<b>[\w$]+) (?:: [\w$]+ )?= (?:async )?(?:function )?\(?$"
    r"|(?P<c>[\w$]+) \($"
)
_MAY = re.compile(r".*(?:main|cli|run|usage|help|shutdown|stop|close|quit|exit|terminate|die|bail).*", re.I)
_CONTROL = named("if for while switch catch with")
_KILLS = ("process . reallyExit", "process . abort (", "process . kill ( process . pid")
_FAILS = re.compile(r"process \. exit \( ?-?(?!0\b)\d+|\bthrow\b|process \. exitCode = -?(?!0\b)\d+")
_SWALLOWED = re.compile(
    r"process \. (?:on|once|addListener|prependListener) \( [\"`](uncaughtException|unhandledRejection)"
)
_AT_EXIT = re.compile(r"process \. (?:on|once|addListener|prependListener) \( [\"`](?:exit|beforeExit)")
_RUBY = re.compile(r"^\s*(?!#).*(?:\bexit!(?!\s*\(?\s*(?:false|[1-9]))|\bat_exit\b.*\bexit\b)")
_RUST = re.compile(r"process : : (?:exit \( 0 \)|abort)")
_RUST_PROGRAM = re.compile(r"(?:.*/)?(?:main|build)\.rs|(?:.*/)?(?:bin|examples)/.*")


@dataclass(frozen=True, kw_only=True)
class _Open:
    """A bracket that is not closed yet."""

    at: int  # of its token
    function: str | None  # the body of a function: its name, "" when it has none
    free: bool  # a guard for programs, or a handler of a signal


def other_endings(changes: Sequence[ChangedFile], protection: Protection) -> Iterator[Found]:
    """Remarks on new and changed sources; what the base says already is left alone."""
    left = BUDGET
    for change in changes:
        after = change.after
        if after is None or protection.why(change.path) not in (None, "project"):
            continue
        if not change.path.endswith((".rb", ".rs")) and not _SCRIPT.fullmatch(change.path):
            continue
        if not _LOOK.search(after.content[:600_000]):
            continue
        left -= effort(after.content)
        if left < 0:
            return
        had = {what for _, what in _in(change.path, text_of(change.before) or "")}
        for line, what in _in(change.path, text_of(after) or ""):
            if what not in had:
                yield Found(kind="hook", path=change.path, line=line, what=what, holds=True)


def _in(path: str, text: str) -> Iterator[tuple[int, str]]:
    if path.endswith(".rb"):
        for number, line in enumerate(text.split("\n"), 1):
            if _RUBY.match(line[:1000]) and "fork" not in text:
                yield number, f"it ends the whole process, tests and all: {quoted(line)}"
    elif path.endswith(".rs"):
        if _RUST_PROGRAM.fullmatch(path) or "fn main(" in text:
            return
        for each in curly_lines(text[:600_000], rust=True):
            if _RUST.search(each.text):
                yield each.number, f"it ends the whole process, tests and all: {quoted(each.text)}"
    else:
        yield from _in_script(path, text[:600_000])


def _in_script(path: str, text: str) -> Iterator[tuple[int, str]]:
    tokens: list[str] = []
    numbers: list[int] = []
    for line in curly_lines(text):
        tokens += line.tokens
        numbers += [line.number] * len(line.tokens)
    plain = list(_plain(tokens, numbers))
    tokens, numbers = [each for each, _ in plain], [number for _, number in plain]
    started = bool(_PROGRAM_PATH.fullmatch(path))
    program = started or bool(_PROGRAM_TEXT.search(text))
    fails = bool(_FAILS.search(" ".join(tokens)))
    opened: list[_Open] = []
    closed: dict[int, int] = {}  # where the bracket that ends at a token began
    for at, word in enumerate(tokens):
        if word in ("(", "[", "{"):
            opened.append(_opening(tokens, at, closed))
        elif word in (")", "]", "}") and opened:
            closed[at] = opened.pop().at
        elif word == "process" and (at == 0 or tokens[at - 1] != "."):
            what = _ends(tokens, at, opened, program=program, started=started, fails=fails)
            if what:
                yield numbers[at], what


def _ends(
    tokens: list[str], at: int, opened: list[_Open], *, program: bool, started: bool, fails: bool
) -> str:
    said = " ".join(tokens[at : at + 12])
    if any(each.free for each in opened):
        return ""
    inside = [each.function for each in opened if each.function is not None]
    arrow = at > 0 and tokens[at - 1] in (">", "=>")
    if _SWALLOWED.match(said):
        body = " ".join(_call(tokens, at))
        inline = "=" in body or "function" in body
        if not _FAILS.search(body) and (inline or not fails):
            return f"errors that nobody catches no longer end the process: {quoted(said)}"
    elif _AT_EXIT.match(said):
        body = " ".join(_call(tokens, at))
        if re.search(r"exitCode =|\. exit \(|reallyExit", body) and not _FAILS.search(body):
            return f"it decides how the process ends: {quoted(said)}"
    elif said.startswith(_KILLS):
        if not any(_MAY.fullmatch(each) for each in inside):
            return f"it ends the whole process, tests and all: {quoted(said)}"
    elif re.match(r"process \. exit \(", said):
        if _FAILS.match(said) and "?" not in _call(tokens, at):
            return ""
        called = program or any(_MAY.fullmatch(each) for each in inside)
        may = called if inside or arrow else started
        if not may:
            return f"it ends the whole process, tests and all: {quoted(said)}"
    elif re.match(r"process \. exitCode = (?:0|undefined|null)\b", said) and not program:
        return f"it decides how the process ends: {quoted(said)}"
    return ""


def _opening(tokens: list[str], at: int, closed: dict[int, int]) -> _Open:
    """What a bracket begins."""
    before = " ".join(tokens[max(at - 12, 0) : at])
    if tokens[at] != "{":
        signal = _SIGNAL.match(" ".join(tokens[max(at - 3, 0) : at + 3]))
        return _Open(at=at, function=None, free=bool(signal) and tokens[at] == "(")
    if before.endswith((") = >", ") =>", "= >", "=>")):
        start = closed.get(at - 3 if tokens[at - 1] == ">" else at - 2, at - 3)
        return _Open(at=at, function=_name(tokens, start), free=False)
    end = _before_type(tokens, at)
    if tokens[end : end + 1] == [")"]:
        start = closed.get(end, end)
        word = tokens[start - 1] if start > 0 else ""
        if word in _CONTROL:
            guard = word == "if" and _GUARD.search(" ".join(tokens[start:at]))
            return _Open(at=at, function=None, free=bool(guard))
        return _Open(at=at, function=_name(tokens, start), free=False)
    return _Open(at=at, function=None, free=False)


def _before_type(tokens: list[str], at: int) -> int:
    """Of `f(): Promise<void> {` the closing bracket; else the token before."""
    for end in range(at - 2, max(at - 10, 0), -1):
        if tokens[end] in ("{", "}", ";", ","):
            break
        if tokens[end] == ":" and tokens[end - 1] == ")":
            return end - 1
    return at - 1


def _name(tokens: list[str], start: int) -> str:
    match = _NAMED.search(" ".join(tokens[max(start - 6, 0) : start + 1]))
    return next((each for each in match.groups() if each), "") if match else ""


def _call(tokens: list[str], at: int) -> list[str]:
    """The tokens of the call that begins here, up to its closing bracket."""
    depth = 0
    for end in range(at, min(at + 2000, len(tokens))):
        depth += (tokens[end] in ("(", "[", "{")) - (tokens[end] in (")", "]", "}"))
        if depth == 0 and tokens[end] == ")":
            return tokens[at : end + 1]
    return tokens[at : at + 2000]


def _plain(tokens: list[str], numbers: list[int]) -> Iterator[tuple[str, int]]:
    """With their lines: `process["exit"]` as `process.exit`, `globalThis.process` as `process`."""
    at = 0
    while at < len(tokens):
        here = tokens[at : at + 4]
        if here[:2] == ["globalThis", "."] and here[2:3] == ["process"]:
            at += 2
            continue
        yield tokens[at], numbers[at]
        if here[:2] == ["process", "["] and here[3:] == ["]"] and here[2][:1] in ("'", '"', "`"):
            yield ".", numbers[at]
            yield here[2].strip("\"'`"), numbers[at]
            at += 3
        at += 1
