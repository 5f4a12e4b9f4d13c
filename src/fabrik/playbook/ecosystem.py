"""Which checks a project has already, by the files in its root. Reads files; runs nothing.

Only what is really there is named: a script of package.json, a target of the Makefile, a tool that the
configuration speaks of.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fabrik.playbook import python_project
from fabrik.playbook.python_project import Check

MOST = 1 << 20  # bytes that are read of a file

_NO_TEST = re.compile(r"no test specified")  # what `npm init` writes
_TARGET = re.compile(r"^(?P<names>[A-Za-z0-9_.-]+(?:[ \t]+[A-Za-z0-9_.-]+)*)[ \t]*:(?![=:])", re.MULTILINE)
# What a script or target of these names does, in the order in which checks are listed.
_SCRIPTS = (
    ("Tests", ("test", "tests", "test:unit", "unit-test")),
    ("Typecheck", ("typecheck", "type-check", "check-types", "types", "tsc", "mypy")),
    ("Lint", ("lint", "eslint", "ruff")),
    ("Format check", ("format:check", "format-check", "fmt-check", "check-format")),
    ("Checks", ("check", "verify", "validate")),
    ("Build", ("build",)),
)
_LOCKS = (("pnpm-lock.yaml", "pnpm"), ("yarn.lock", "yarn"), ("bun.lockb", "bun"), ("bun.lock", "bun"))


@dataclass(frozen=True, kw_only=True)
class Ecosystem:
    """What is known of a project's tools."""

    files: tuple[str, ...]  # what told: "pyproject.toml", "package.json"
    setup: tuple[str, ...]  # what installs what the checks need
    checks: tuple[Check, ...]


def detect(root: Path) -> Ecosystem:
    """The checks of a project. A file that cannot be read or parsed tells nothing."""
    files: list[str] = []
    setup: list[str] = []
    checks: list[Check] = []
    for name, look in _LOOKS:
        if (text := _read(root / name)) is None:
            continue
        found = list(look(root, text))
        if found:
            files.append(name)
        checks += [entry for entry in found if isinstance(entry, Check)]
        setup += [entry for entry in found if isinstance(entry, str)]
    for name, fixed in _FIXED.items():
        if (root / name).is_file():
            files.append(name)
            checks += [Check(label=label, run=run) for label, run in fixed]
    if not any(check.label == "Tests" for check in checks) and (bare := python_project.bare(root)):
        file, check = bare
        files.append(file)
        checks.append(check)
    return Ecosystem(files=tuple(files), setup=tuple(dict.fromkeys(setup)), checks=tuple(_unique(checks)))


def _make(_: Path, text: str) -> Iterator[Check | str]:
    targets = {name for match in _TARGET.finditer(text) for name in match["names"].split()}
    yield from _named(targets, "make {}")


def _just(_: Path, text: str) -> Iterator[Check | str]:
    yield from _named(
        set(re.findall(r"^@?([a-z][\w-]*)(?:[ \t]+[^:\n]*)?:(?!=)", text, re.MULTILINE)), "just {}"
    )


def _node(root: Path, text: str) -> Iterator[Check | str]:
    try:
        data = json.loads(text)
    except ValueError:
        return
    scripts = data.get("scripts") if isinstance(data, dict) else None
    if not isinstance(scripts, dict):
        scripts = {}
    manager = next((name for lock, name in _LOCKS if (root / lock).is_file()), "npm")
    if any(isinstance(data, dict) and data.get(key) for key in ("dependencies", "devDependencies")):
        locked = manager == "npm" and (root / "package-lock.json").is_file()
        yield f"{manager} {'ci' if locked else 'install'}"
    there = {
        name for name, run in scripts.items() if isinstance(run, str) and run and not _NO_TEST.search(run)
    }
    for check in _named(there, f"{manager} run {{}}"):
        yield Check(label=check.label, run=f"{manager} test") if check.run.endswith(" run test") else check
    if (
        not there & {"typecheck", "type-check", "check-types", "types", "tsc"}
        and (root / "tsconfig.json").is_file()
    ):
        yield Check(label="Typecheck", run="npx tsc --noEmit")


def _gradle(root: Path, _: str) -> Iterator[Check | str]:
    yield Check(label="Checks", run="./gradlew check" if (root / "gradlew").is_file() else "gradle check")


def _maven(root: Path, _: str) -> Iterator[Check | str]:
    yield Check(label="Checks", run="./mvnw -q verify" if (root / "mvnw").is_file() else "mvn -q verify")


def _ruby(_: Path, text: str) -> Iterator[Check | str]:
    yield "bundle install"
    if re.search(r"['\"]rspec", text):
        yield Check(label="Tests", run="bundle exec rspec")
    if re.search(r"['\"]rubocop", text):
        yield Check(label="Lint", run="bundle exec rubocop")


# What there is to say of a project by the file alone.
_FIXED: Final = {
    "Cargo.toml": (("Build", "cargo build"), ("Tests", "cargo test")),
    "go.mod": (("Build", "go build ./..."), ("Vet", "go vet ./..."), ("Tests", "go test ./...")),
    "mix.exs": (("Tests", "mix test"),),
}
_LOOKS: Final = (
    ("Makefile", _make),
    ("justfile", _just),
    ("package.json", _node),
    ("pyproject.toml", python_project.pyproject),
    ("requirements.txt", python_project.requirements),
    ("build.gradle", _gradle),
    ("build.gradle.kts", _gradle),
    ("pom.xml", _maven),
    ("Gemfile", _ruby),
)


def _named(there: set[str], command: str) -> Iterator[Check]:
    for label, names in _SCRIPTS:
        if name := next((name for name in names if name in there), None):
            yield Check(label=label, run=command.format(name))


def _unique(checks: list[Check]) -> Iterator[Check]:
    """One check for each label; the first file that has one decides (a Makefile wraps the rest)."""
    seen: set[str] = set()
    order = [label for label, _ in _SCRIPTS]
    for check in sorted(
        checks, key=lambda check: order.index(check.label) if check.label in order else len(order)
    ):
        if check.label not in seen:
            seen.add(check.label)
            yield check


def _read(path: Path) -> str | None:
    try:
        with path.open(encoding="utf-8", errors="replace") as stream:
            return stream.read(MOST)
    except OSError:
        return None
