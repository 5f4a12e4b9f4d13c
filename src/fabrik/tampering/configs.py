"""New settings of judges: of test runners, linters, type checkers, coverage, CI."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence

from fabrik.tampering.mixed import mixed_changes
from fabrik.tampering.model import ChangedFile
from fabrik.tampering.notes import Found
from fabrik.tampering.protected import Protection
from fabrik.tampering.text import quoted

# Programs that read a new file of this name. The first match counts.
_READERS: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = (
    (re.compile(r"\.?pytest\.(?:ini|toml)"), ("pytest", "py.test")),
    (re.compile(r"tox\.(?:ini|toml)"), ("tox", "pytest", "flake8", "coverage")),
    (re.compile(r"setup\.cfg"), ("pytest", "flake8", "mypy", "coverage", "isort", "pylint")),
    (
        re.compile(r"pyproject\.toml"),
        ("pytest", "ruff", "mypy", "black", "coverage", "pyright", "pylint", "isort"),
    ),
    (re.compile(r"\.?ruff\.toml"), ("ruff",)),
    (re.compile(r"\.?mypy\.ini"), ("mypy",)),
    (re.compile(r"\.flake8"), ("flake8",)),
    (re.compile(r"\.?pylintrc"), ("pylint",)),
    (re.compile(r"pyrightconfig\.json"), ("pyright", "basedpyright")),
    (re.compile(r"\.coveragerc"), ("coverage", "pytest")),
    (re.compile(r"\.isort\.cfg"), ("isort",)),
    (re.compile(r"\.bandit"), ("bandit",)),
    (re.compile(r"\.importlinter"), ("lint-imports",)),
    (re.compile(r"\.?eslint.*"), ("eslint",)),
    (re.compile(r"\.?prettier.*"), ("prettier",)),
    (re.compile(r"\.?stylelint.*"), ("stylelint",)),
    (re.compile(r"biome\.jsonc?"), ("biome",)),
    (re.compile(r"tsconfig.*\.json"), ("tsc", "tsx", "ts-node")),
    (re.compile(r"jest\..*"), ("jest",)),
    (re.compile(r"vitest\..*"), ("vitest",)),
    (re.compile(r"playwright\.config\..*"), ("playwright",)),
    (re.compile(r"cypress\.config\..*"), ("cypress",)),
    (re.compile(r"\.mocharc.*"), ("mocha",)),
    (re.compile(r"ava\.config\..*"), ("ava",)),
    (re.compile(r"\.(?:nyc|c8)rc.*"), ("nyc", "c8")),
    (re.compile(r"\.babelrc.*|babel\.config\..*"), ("jest", "babel")),
    (re.compile(r"bunfig\.toml"), ("bun",)),
    (re.compile(r"\.golangci\..*"), ("golangci-lint",)),
    (re.compile(r"\.?clippy\.toml"), ("cargo",)),
    (re.compile(r"\.?rustfmt\.toml"), ("cargo", "rustfmt")),
    (re.compile(r"\.rubocop\.yml"), ("rubocop",)),
    (re.compile(r"\.rspec"), ("rspec",)),
    (re.compile(r"phpunit\.xml.*"), ("phpunit",)),
    (re.compile(r"phpstan\.neon.*"), ("phpstan",)),
    (re.compile(r"\.clang-tidy"), ("clang-tidy",)),
    (re.compile(r"\.shellcheckrc"), ("shellcheck",)),
    (re.compile(r"\.yamllint.*"), ("yamllint",)),
    (re.compile(r"\.hadolint\.yaml"), ("hadolint",)),
    (re.compile(r"\.npmrc|\.yarnrc.*"), ("npm", "yarn", "pnpm")),
)
_PYTEST_ONLY = frozenset({"pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml", "tox.ini"})
_CARGO = re.compile(r"(?:.*/)?\.cargo/config(?:\.toml)?")
_CODE = re.compile(r".*\.(?:py|js|jsx|ts|tsx|mjs|go|rs|java|kt|rb|php|c|cc|cpp|cs|swift|sh)")


def new_configs(changes: Sequence[ChangedFile], protection: Protection) -> Iterator[Found]:
    """New settings that judges of existing files read. Where the base has no code, they judge nothing."""
    empty = not any(_CODE.fullmatch(path) for path in protection.base_paths)
    for change in changes:
        if change.before is not None or change.after is None:
            continue
        path = change.path
        name = posixpath.basename(path)
        if _CARGO.fullmatch(path):
            readers: tuple[str, ...] | None = ("cargo",)
        else:
            readers = next((programs for pattern, programs in _READERS if pattern.fullmatch(name)), None)
        if readers is None:
            if protection.why(path) == "ci":
                what = "it is a new file of the CI configuration"
                yield Found(kind="changed", path=path, line=None, what=what, holds=False)
            continue
        parts = mixed_changes(path, None, change.after, protection)
        if parts == []:
            continue
        checks = protection.checks
        read = [each for each in readers if each in checks.programs]
        # Through `make` or a script any program may read it: then the check without it tells.
        counts = not empty and bool(read or checks.runs_others)
        about = f": {', '.join(parts[:5])}" if parts else ""
        by = f"{quoted(read[0])} reads it" if read else f"{quoted(readers[0])} would read it"
        yield Found(
            kind="changed",
            path=path,
            line=None,
            what=f"these settings of what judges are new, {by}{about}",
            holds=counts and bool(read),
            remove=counts and (parts is None or name in _PYTEST_ONLY),
        )
