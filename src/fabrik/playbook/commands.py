"""What a shell command does: tests, lints, builds, or starts and changes things. Pure; nothing is run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from fabrik.playbook.tools import LINTERS, PACKAGE_MANAGERS, RUNNERS, WRAPPERS, WRITERS, tools

Kind = Literal["test", "typecheck", "lint", "build", "check", "unknown", "never"]

_INTERPRETERS = frozenset({"sh", "bash", "zsh", "python", "python3", "node", "ruby", "perl"})
_OWN_SCRIPT = re.compile(r"^(?:\./|bin/|scripts?/|tools/|ci/|\.ci/|hack/)|\.(?:sh|bash)$")
_INSTALLED = re.compile(r"(?:^|/)(?:\.?venv|env|vendor|node_modules|usr|opt)/(?:.*/)?\.?bin/([^/]+)$")
_SPLIT = re.compile(r"(&&|\|\||;|\|&?)")
_ASSIGNMENT = re.compile(r"^\w+=")
_WORDS = re.compile(r"[A-Za-z][a-z]*|[A-Z]+")
_FILE = re.compile(r"(?:^|[/_.-])(?:test|spec)s?(?:[_.-]|$)|(?:test|spec)s?\.\w+$", re.IGNORECASE)
_SOURCE = re.compile(r"\.(?:py|[cm]?[jt]sx?|go|rs|rb|php|exs?|java|kt|dart|feature|bats)(?::\d+)?$")

_WAITS = frozenset({"--watch", "--watchAll", "-w", "--ui", "--headed", "watch"})
_EXPECTS_ANEW = frozenset({"-u", "--updateSnapshot", "--update-snapshots", "--snapshot-update", "--update"})
_SCRIPT_NEVER: Final = {
    **dict.fromkeys(("dev", "start", "serve", "server", "preview", "open", "debug", "up", "runserver"),
                    "it starts something"),
    **dict.fromkeys(("watch", "ui", "headed"), "it waits for changes"),
    **dict.fromkeys(("install", "setup", "bootstrap", "deps", "prepare", "init"), "it installs"),
    **dict.fromkeys(("deploy", "publish", "release", "push", "login", "migrate", "seed", "reset", "down"),
                    "it changes something outside"),
    **dict.fromkeys(("fix", "clean", "update", "upgrade", "generate", "gen", "codegen", "write"),
                    "it changes files"),
    **dict.fromkeys(("bench", "benchmark", "profile", "logs", "report"), "it measures or shows"),
}  # fmt: skip
_SCRIPT_KINDS: Final[tuple[tuple[frozenset[str], Kind], ...]] = (
    (frozenset({"typecheck", "typechecks", "types", "tsc", "mypy", "pyright", "typing"}), "typecheck"),
    (frozenset({"test", "tests", "testing", "spec", "specs", "e2e", "unit", "integration", "smoke"}), "test"),
    (frozenset({"lint", "linter", "linters", "vet", "clippy", "eslint", "ruff", "stylelint"}), "lint"),
    (frozenset({"check", "checks", "verify", "validate", "validation", "ci", "qa", "quality"}), "check"),
    (frozenset({"build", "compile"}), "build"),
)


@dataclass(frozen=True, kw_only=True)
class Command:
    """What is known of a command line."""

    kind: Kind
    why: str = ""  # of "never": why it is no check
    told: bool = False  # of "never": it looks like a check, so a human should know that it is none
    targeted: str = ""  # it runs a part of the tests, and which
    file: bool = False  # it names single test files


def inspect(run: str) -> Command:
    """What a command line does. A chain is what its parts are: no check when one of them is none."""
    if why := _hides_status(run):
        return Command(kind="never", why=why, told=True)
    pieces = _SPLIT.split(run.strip())
    parts = [_part(piece) for piece in pieces[::2] if piece.strip()]
    if not parts:
        return Command(kind="unknown")
    useful = [part for part in parts if part.kind not in ("never", "unknown")]
    for part in parts:
        if part.kind == "never":
            told = part.told or bool(useful)
            why = f"{part.why}, besides what it checks" if useful else part.why
            return Command(kind="never", why=why, told=told)
    chosen = useful[0] if useful else parts[0]
    kinds = {part.kind for part in useful}
    return Command(
        kind="check" if len(kinds) > 1 else chosen.kind,
        targeted=next((part.targeted for part in parts if part.targeted), ""),
        file=any(part.file for part in parts),
    )


def _hides_status(run: str) -> str:
    bare = re.sub(r"'[^']*'|\"[^\"]*\"", "Q", run)
    if re.search(r"\|\|\s*(?:true|:|echo|exit\s+0)\b", bare) or re.search(r";\s*(?:true|exit\s+0)\s*$", bare):
        return "it passes whatever happens"
    if re.search(r"(?<!\|)\|(?!\|)", bare) and not re.search(r"\|\s*(?:grep|diff|xargs|jq\s+-e)\b", bare):
        return "the pipe hides its exit status"
    if re.search(r"(?<![&>])&\s*$", bare):
        return "it goes on in the background"
    return ""


def _part(text: str) -> Command:
    """One command of a chain."""
    try:
        words = shlex.split(text, comments=True)
    except ValueError:
        return Command(kind="unknown")
    words = _unwrapped(words)
    if not words:
        return Command(kind="unknown")
    tool, rest = words[0], words[1:]
    if tool in ("cd", "export", "set", "source", ".", "mkdir"):
        return Command(kind="unknown")
    if tool in ("test", "[", "[["):
        return Command(kind="check")
    if tool in PACKAGE_MANAGERS:
        return _package_manager(tool, rest)
    if tool in RUNNERS or (tool == "deno" and rest[:1] == ["task"]):
        return _targets(tool, rest)
    if tool == "node" and "--test" in rest:
        return Command(kind="test", file=any(_is_test_file(word) for word in rest))
    if (found := _known(tool, rest)) is not None:
        return found
    if tool in _INTERPRETERS or _OWN_SCRIPT.search(tool):
        return _file_run(tool, rest)
    return Command(kind="unknown")


def _targets(tool: str, rest: Sequence[str]) -> Command:
    """Targets by name. Cleaning before a build is part of how Maven and Gradle are called."""
    words = [word for word in rest if not word.startswith("-") and "=" not in word]
    names = [word for word in words if word not in ("run", "exec", "task", "clean")]
    if not names:
        return _scripts(words) if words else Command(kind="unknown")
    told = _scripts(["build" if name in ("assemble", "package", "compileJava") else name for name in names])
    return replace(told, targeted=_target(tool, rest))


def _unwrapped(words: list[str]) -> list[str]:
    """The words without variables before them and without what only starts another command."""
    while words:
        if installed := _INSTALLED.search(words[0]):
            words = [installed[1], *words[1:]]
        if _ASSIGNMENT.match(words[0]) or words[0] in ("time", "exec", "command", "env", "nice", "CI=1"):
            words = words[1:]
        elif words[0] == "timeout" and len(words) > 2:
            words = words[2:]
        elif length := next((len(each) for each in WRAPPERS if tuple(words[: len(each)]) == each), 0):
            words = words[length:]
            while words and words[0].startswith("-") and len(words) > 1:
                takes_value = words[0] in (
                    "-n",
                    "--with",
                    "--group",
                    "--extra",
                    "--package",
                    "-p",
                    "--python",
                    "--env",
                )
                words = words[2:] if takes_value else words[1:]
        else:
            return words
    return words


def _known(tool: str, rest: Sequence[str]) -> Command | None:
    """A tool by its name, or by its name and the first word after it."""
    plain = [word for word in rest if not word.startswith("-") and not word.startswith("+")]
    autocorrects = tool == "rubocop" and {"-a", "-A"} & set(rest)
    if autocorrects or (tool in LINTERS and any(word in WRITERS for word in rest)):
        return Command(kind="never", why="it changes files", told=True)
    known = tools()
    found = (known.get(f"{tool} {plain[0]}") if plain else None) or known.get(tool)
    if found is None:
        return None
    if found.kind == "never":
        return Command(kind="never", why=found.why)
    if found.options and not any(word.split("=")[0] in found.options for word in rest):
        return Command(kind="never", why="it changes files", told=True)
    if found.kind != "build" and _WAITS & set(rest):
        return Command(kind="never", why="it waits for changes")
    if found.kind == "test" and _EXPECTS_ANEW & set(rest):
        return Command(kind="never", why="it changes what the tests expect", told=True)
    if found.kind == "test":
        return Command(kind="test", targeted=_target(tool, rest), file=any(map(_is_test_file, rest)))
    return Command(kind=found.kind)


def _package_manager(tool: str, rest: Sequence[str]) -> Command:
    """npm, pnpm, yarn, bun: scripts of package.json, and what they do themselves."""
    flags_with_value = ("--prefix", "-C", "--filter", "-F", "--workspace", "-w", "--cwd", "--dir")
    words: list[str] = []
    skip = False
    for word in rest:
        if skip or word in flags_with_value:
            skip = not skip and word in flags_with_value
        elif word == "--":
            break
        elif not word.startswith("-"):
            words.append(word)
    passed = list(rest[list(rest).index("--") + 1 :]) if "--" in rest else []
    if not words:
        return Command(kind="never", why="it installs")
    verb = words[0]
    if verb in ("install", "i", "ci", "add", "remove", "update", "upgrade", "link", "dedupe", "rebuild"):
        return Command(kind="never", why="it installs")
    if verb in (
        "publish",
        "version",
        "login",
        "init",
        "create",
        "audit",
        "outdated",
        "info",
        "config",
        "pack",
    ):
        return Command(kind="never", why="it is no check")
    if verb in ("workspace",):
        words = words[2:]
    elif verb in ("run", "run-script", "workspaces", "foreach"):
        words = words[1:]
    if verb == "t":
        words = ["test"]
    if tool == "bun" and verb == "test":
        return Command(
            kind="test", targeted=_target("bun", rest), file=any(_is_test_file(word) for word in rest)
        )
    if not words:
        return Command(kind="unknown")
    if (
        tool in ("yarn", "pnpm", "bun")
        and verb not in ("run", "workspace")
        and (found := _known(verb, words[1:]))
    ):
        return found
    if any(word in ("--watch", "--watchAll", "--ui") for word in passed):
        return Command(kind="never", why="it waits for changes")
    told = _scripts(words[:1])
    if WRITERS & set(passed) or (told.kind == "lint" and WRITERS & set(rest)):
        return Command(kind="never", why="it changes files", told=True)
    arguments = [*words[1:], *passed]
    return replace(told, targeted=_target("", arguments), file=any(map(_is_test_file, arguments)))


def _scripts(names: Sequence[str]) -> Command:
    """Scripts and targets by their names: `test:unit`, `lint`, `check-types`."""
    kinds = [_script(name) for name in names]
    for kind in kinds:
        if kind.kind == "never":
            return kind
    known = [kind for kind in kinds if kind.kind != "unknown"]
    if not known:
        return Command(kind="unknown")
    return known[0] if len({kind.kind for kind in known}) == 1 else Command(kind="check")


def _script(name: str) -> Command:
    words = [word.lower() for word in re.findall(r"[A-Za-z0-9]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", name))]
    for word in words:
        if word in _SCRIPT_NEVER:
            return Command(kind="never", why=_SCRIPT_NEVER[word])
    if {"format", "fmt", "prettier", "formatting"} & set(words):
        if {"check", "lint", "verify", "ci"} & set(words):
            return Command(kind="lint")
        return Command(kind="never", why="it changes files", told=True)
    if "type" in words and {"check", "checks", "checking"} & set(words):
        return Command(kind="typecheck")
    for known, kind in _SCRIPT_KINDS:
        if known & set(words):
            return Command(kind=kind)
    return Command(kind="unknown")


def _file_run(tool: str, rest: Sequence[str]) -> Command:
    """A script that is run by its path: known by its name when that says `test`, `lint`, `check`."""
    plain = [word for word in rest if not word.startswith("-")]
    path = (plain[0] if plain else "") if tool in _INTERPRETERS else tool
    if path.endswith("manage.py"):  # Django's
        return _script(next((word for word in plain if word != path), "start"))
    found = _script(path.rsplit("/", 1)[-1].rsplit(".", 1)[0]) if path else Command(kind="unknown")
    if found.kind == "unknown" and re.search(r"\b(?:app|main|server|manage|index|cli)\.\w+$", path):
        return Command(kind="never", why="it starts something")
    return found


def _target(tool: str, rest: Sequence[str]) -> str:
    """What limits a test command to a part of the tests, as it is written."""
    for at, word in enumerate(rest):
        name, equals, _ = word.partition("=")
        if "::" in word and not word.startswith("-"):
            return word
        if name in (
            "-k",
            "--grep",
            "-g",
            "--testNamePattern",
            "--tests",
            "--exact",
            "-only-testing",
            "-Dtest",
            "--lf",
        ):
            return word
        if name == "-t" and tool in ("jest", "vitest", "bun", "deno", "") and len(rest) > at + 1:
            return word
        if name in ("-run", "--run") and tool in ("go", "gotestsum") and (equals or len(rest) > at + 1):
            return word
        if name == "--filter" and tool in ("dotnet", "swift", "phpunit", "pest", "deno"):
            return word
    return ""


def _is_test_file(word: str) -> bool:
    path = word.partition("::")[0]
    return bool(_SOURCE.search(path)) and bool(_FILE.search(path))
