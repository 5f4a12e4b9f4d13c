"""The tools that projects test, lint and build with, and those that never check (tools.toml)."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final, Literal

ToolKind = Literal["test", "typecheck", "lint", "build", "never"]


@dataclass(frozen=True, kw_only=True)
class Tool:
    """What a tool does."""

    kind: ToolKind
    options: tuple[str, ...] = ()  # with one of these it checks; without, it changes files
    why: str = ""  # of "never": why it is no check


@cache
def tools() -> dict[str, Tool]:
    """All tools, by "tool" and by "tool word"."""
    text = (resources.files("fabrik.playbook") / "tools.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)
    known: dict[str, Tool] = {}
    kinds: tuple[ToolKind, ...] = ("test", "typecheck", "lint", "build")
    for kind in kinds:
        known |= dict.fromkeys(_names(data[kind]["names"]), Tool(kind=kind))
    for group in data["with_option"]:
        known |= dict.fromkeys(_names(group["names"]), Tool(kind="lint", options=tuple(group["options"])))
    for group in data["never"]:
        known |= dict.fromkeys(_names(group["names"]), Tool(kind="never", why=group["why"]))
    return known


def _names(text: str) -> Iterator[str]:
    return (" ".join(name.split()) for name in text.split(",") if name.strip())


# What only starts another command: dropped, with the options that follow it.
WRAPPERS: Final = (
    ("uv", "run"),
    ("poetry", "run"),
    ("pipenv", "run"),
    ("rye", "run"),
    ("pixi", "run"),
    ("conda", "run"),
    ("npx",),
    ("bunx",),
    ("uvx",),
    ("pnpm", "exec"),
    ("pnpm", "dlx"),
    ("npm", "exec"),
    ("yarn", "dlx"),
    ("yarn", "exec"),
    ("bundle", "exec"),
    ("python", "-m"),
    ("python3", "-m"),
    ("py", "-m"),
    ("nix", "develop", "-c"),
    ("nix", "develop", "--command"),
    ("mise", "exec"),
    ("xvfb-run",),
    ("php",),
)

PACKAGE_MANAGERS: Final = frozenset({"npm", "pnpm", "yarn", "bun"})

# What runs targets or scripts by name.
RUNNERS: Final = frozenset(
    {"make", "gmake", "just", "task", "rake", "composer", "mise", "hatch", "pdm", "invoke", "inv", "nx"}
    | {"turbo", "lerna", "gradle", "gradlew", "./gradlew", "mvn", "mvnw", "./mvnw", "ninja", "poe", "taskipy"}
    | {"lein", "sbt", "ant", "rails", "bin/rails", "moon", "earthly", "cmake-presets", "scons"}
)

# What makes tools that report also change files. Of these tools only: elsewhere the words mean other things.
LINTERS: Final = frozenset(
    {
        "ruff",
        "eslint",
        "biome",
        "stylelint",
        "oxlint",
        "xo",
        "standard",
        "rubocop",
        "standardrb",
        "cargo",
        "phpcs",
    }
    | {
        "golangci-lint",
        "swiftlint",
        "ktlint",
        "markdownlint",
        "markdownlint-cli2",
        "prettier",
        "typos",
        "codespell",
    }
    | {"black", "isort", "djlint", "sqlfluff", "knip", "gofmt", "next", "dprint"}
)
WRITERS: Final = frozenset(
    {"--fix", "--write", "--apply", "--fix-only", "--unsafe-fixes", "--autocorrect", "--autocorrect-all"}
    | {"--auto-correct", "--fix-dry-run", "--write-changes", "--apply-unsafe", "--correct", "--fix=true"}
)
