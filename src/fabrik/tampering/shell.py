"""Reads the shell text of a check far enough to say which programs it starts, where, and with what.

It is no shell: what it cannot read is split at spaces. Texts come from the spec, so a mistake only makes a
list of names longer or shorter.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

MAX_DEPTH = 6  # of commands within commands
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\+?=")
_CONTROL = frozenset(";&|()<>\n")
_WORDS = frozenset({"if", "then", "else", "elif", "fi", "while", "until", "do", "done", "for", "!", "{", "}"})
_LOOKS_ON = frozenset({"tee", "cat", "tail", "head", "ts", "less", "sed"})  # a pipe that judges nothing
_SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ksh", "ash", "fish"})
# Programs that start the one that follows: how many of their own words stand before it.
_BEFORE = {
    "time": 0,
    "nice": 0,
    "nohup": 0,
    "exec": 0,
    "command": 0,
    "env": 0,
    "sudo": 0,
    "xargs": 0,
    "stdbuf": 0,
    "setsid": 0,
    "xvfb-run": 0,
    "timeout": 1,
    "flock": 1,
    "npx": 0,
    "bunx": 0,
    "uvx": 0,
    "pipx run": 0,
    "uv run": 0,
    "poetry run": 0,
    "pdm run": 0,
    "pipenv run": 0,
    "hatch run": 0,
    "rye run": 0,
    "conda run": 0,
    "bundle exec": 0,
    "pnpm exec": 0,
    "npm exec": 0,
    "yarn exec": 0,
    "coverage run": 0,
    "dotenv run": 0,
}
# Options whose value is a word of its own.
_VALUED = {"nice": "-n", "env": "-u", "sudo": "-u", "timeout": "-ks", "uv run": "-p", "xargs": "-nPI"}


@dataclass(frozen=True, kw_only=True)
class Started:
    """One program that a check starts."""

    words: tuple[str, ...]  # the program first; never empty
    places: tuple[str, ...]  # directories it may be started in, relative to the root; "" is the root
    used: bool  # its output is looked at by another program, or it is fed: it may be the product
    paths: tuple[str, ...] = ()  # of its PYTHONPATH


def programs(text: str) -> list[Started]:
    """Every program that the shell text starts, in order, also within `$( )` and `sh -c`."""
    return list(_programs(text, ("",), used=False, depth=0))


def resolve(place: str, word: str) -> str:
    """The path, relative to the root, of a word in a directory; may lead out with `..`."""
    return posixpath.normpath(posixpath.join(place, word)) if word else place


def _programs(text: str, places: tuple[str, ...], *, used: bool, depth: int) -> Iterator[Started]:
    if depth > MAX_DEPTH:
        return
    outer, inner = _without_substitutions(text.replace("\\\n", " "))
    for part in inner:
        yield from _programs(part, places, used=True, depth=depth + 1)
    for words, fed in _commands(outer):
        found = _start(words, places, used=used or fed)
        if found is None:
            continue
        if found.words[0] == "cd" and len(found.words) > 1:
            places = tuple(dict.fromkeys([*(resolve(p, found.words[-1]) for p in places), *places]))[:8]
            continue
        script = _inline(found.words)
        if script is not None:
            yield from _programs(script, places, used=found.used, depth=depth + 1)
        else:
            yield found


def _start(words: list[str], places: tuple[str, ...], *, used: bool) -> Started | None:
    paths: list[str] = []
    rest = list(words)
    while rest:
        head = rest[0]
        if _ASSIGNMENT.match(head):
            name, _, value = head.partition("=")
            if name.rstrip("+") == "PYTHONPATH":
                paths += [part for part in value.split(":") if part and "$" not in part]
            rest.pop(0)
        elif head in _WORDS:
            rest.pop(0)
        elif (key := _wrapper(rest)) is not None:
            rest = _after_wrapper(rest, key)
        else:
            return Started(words=tuple(rest), places=places, used=used, paths=tuple(paths))
    return None


def _wrapper(words: list[str]) -> str | None:
    two = " ".join(words[:2])
    return two if two in _BEFORE else words[0] if words[0] in _BEFORE else None


def _after_wrapper(words: list[str], key: str) -> list[str]:
    rest = words[len(key.split()) :]
    valued = _VALUED.get(key, "")
    while rest and rest[0].startswith("-"):
        option = rest.pop(0)
        if len(option) == 2 and valued and option[1] in valued and rest:
            rest.pop(0)
    return rest[_BEFORE[key] :]


def _inline(words: tuple[str, ...]) -> str | None:
    if posixpath.basename(words[0]) not in _SHELLS:
        return None
    for number, word in enumerate(words[1:], 1):
        if not word.startswith("-"):
            return None
        if not word.startswith("--") and word.endswith("c"):
            return words[number + 1] if number + 1 < len(words) else None
    return None


def _commands(text: str) -> Iterator[tuple[list[str], bool]]:
    """The simple commands of a text, and whether what they print (or are fed) is looked at."""
    words: list[str] = []
    fed = False
    tokens = _tokens(text)
    position = 0
    while position < len(tokens):
        token = tokens[position]
        position += 1
        if not token or not set(token) <= _CONTROL:
            words.append(token)
            continue
        if "<" in token or ">" in token:
            fed = fed or "<" in token
            if words and words[-1].isdigit():
                words.pop()  # the number of a file descriptor
            position += 1
            continue
        piped = token in ("|", "|&") and position < len(tokens) and tokens[position] not in _LOOKS_ON
        if words:
            yield words, fed or piped
        words, fed = [], token in ("|", "|&")
    if words:
        yield words, fed


def _tokens(text: str) -> list[str]:
    lexer = shlex.shlex(text, posix=True, punctuation_chars=";&|()<>\n")
    lexer.whitespace = " \t\r"
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        return list(lexer)
    except ValueError:  # a quote that nobody closed
        return text.split()


def _without_substitutions(text: str) -> tuple[str, list[str]]:
    """Take the commands out of `$( )`, `<( )` and backticks; a neutral word stands for them."""
    out: list[str] = []
    inner: list[str] = []
    position = 0
    while position < len(text):
        if text[position] in "$<>" and text[position + 1 : position + 2] == "(":
            end = _closing(text, position + 1)
            if text[position + 1 : position + 3] != "((":
                inner.append(text[position + 2 : end])
            out.append("SUBSTITUTED")
            position = end + 1
        elif text[position] == "`" and (end := text.find("`", position + 1)) > 0:
            inner.append(text[position + 1 : end])
            out.append("SUBSTITUTED")
            position = end + 1
        else:
            out.append(text[position])
            position += 1
    return "".join(out), inner


def _closing(text: str, start: int) -> int:
    depth = 0
    for position in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[position], 0)
        if depth == 0:
            return position
    return len(text)
