"""Files that hold settings of judges beside other things: only their judging parts count.

pyproject.toml, package.json, setup.cfg, tox.ini, Cargo.toml, tsconfig.json, Makefile, justfile, deno.json,
composer.json. A dependency more is honest; another `test` script is not.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from typing import Any

from fabrik.tampering.documents import ini, jsonc, toml
from fabrik.tampering.make_rules import judging_changes
from fabrik.tampering.model import FileVersion
from fabrik.tampering.package_scripts import package_changes
from fabrik.tampering.protected import Protection
from fabrik.tampering.pytest_options import harmful_options
from fabrik.tampering.text import named, text_of

_PYTHON_TOOLS = named(
    "ruff mypy pyright basedpyright pylint flake8 black isort coverage tox bandit pydocstyle interrogate"
    " importlinter vulture pytype ty pyrefly refurb codespell deptry pytest-env taskipy poe djlint"
)
_SETUP_SECTIONS = (
    "flake8",
    "mypy",
    "coverage",
    "pylint",
    "isort",
    "pycodestyle",
    "pydocstyle",
    "pep8",
    "aliases",
)
_FREE_TOX_KEYS = named("deps description envlist env_list requires isolated_build package extras")
_TSC_FREE = named(
    "target lib module moduleResolution paths baseUrl outDir rootDir rootDirs jsx jsxImportSource types"
    " typeRoots declaration declarationMap sourceMap inlineSources resolveJsonModule esModuleInterop"
    " incremental allowSyntheticDefaultImports experimentalDecorators emitDecoratorMetadata composite"
    " tsBuildInfoFile downlevelIteration importHelpers removeComments noEmit useDefineForClassFields"
    " verbatimModuleSyntax"
)
_CARGO = (
    ("lints",),
    ("workspace", "lints"),
    ("test",),
    ("bench",),
    ("profile", "test"),
    ("package", "autotests"),
    ("package", "autobenches"),
    ("lib", "test"),
    ("lib", "doctest"),
    ("lib", "harness"),
    ("patch",),
    ("replace",),
)
Document = Mapping[str, Any]


def mixed_changes(
    path: str, before: FileVersion | None, after: FileVersion | None, protection: Protection
) -> list[str] | None:
    """What changed of the judging parts, one text for each. None: it is no mixed file.

    before=None: all that judges was added. A version that cannot be read counts as a change.
    """
    name = posixpath.basename(path)
    if name in ("Makefile", "makefile", "GNUmakefile", "justfile", "Justfile", ".justfile"):
        one, other = text_of(before) if before else "", text_of(after) if after else ""
        if one is None or other is None:
            return ["it cannot be read"]
        return judging_changes(one, other, protection.checks.targets)
    found = _reader(name)
    if found is None:
        return None
    read, compare = found
    base = read(before) if before is not None else {}
    candidate = read(after) if after is not None else {}
    if base is None or candidate is None:
        same = before is not None and after is not None and before.content == after.content
        return [] if same else ["it cannot be read"]
    return compare(base, candidate, protection)


_Compare = Callable[[Document, Document, Protection], list[str]]


def _reader(name: str) -> tuple[Callable[[FileVersion | None], Document | None], _Compare] | None:
    if name == "pyproject.toml":
        return toml, _pyproject
    if name in ("package.json", "composer.json", "deno.json", "deno.jsonc"):
        return jsonc, package_changes
    if name in ("setup.cfg", "tox.ini", "pytest.ini", ".pytest.ini"):
        return ini, _sections
    if name in ("pytest.toml", ".pytest.toml"):
        return toml, _pytest_toml
    if name == "Cargo.toml":
        return toml, _cargo
    if name.startswith("tsconfig") and name.endswith(".json"):
        return jsonc, _tsconfig
    return None


def _pyproject(before: Document, after: Document, protection: Protection) -> list[str]:
    one, other = table(before, "tool"), table(after, "tool")
    checks = protection.checks  # a table that is new changes nothing when no check reads it
    found = [
        f"[tool.{tool}]"
        for tool in sorted(_PYTHON_TOOLS & {*one, *other})
        if one.get(tool) != other.get(tool)
        and (tool in one or not before or checks.runs_others or tool in checks.programs)
        and not _is_stricter(tool, table(one, tool), table(other, tool))
    ]
    options = harmful_options(
        table(one, "pytest", "ini_options"), table(other, "pytest", "ini_options"), protection.base_paths
    )
    found += [f"{key} in [tool.pytest.ini_options]" for key in options]
    plugins = ("project", "entry-points", "pytest11")
    if table(before, *plugins) != table(after, *plugins):
        found.append("the plugins of pytest")
    hatch = ("tool", "hatch", "envs")
    if [_scripts(each) for each in table(before, *hatch).values()] and table(before, *hatch) != table(
        after, *hatch
    ):
        found.append("[tool.hatch.envs]")
    return found


def _scripts(environment: Any) -> Any:
    return environment.get("scripts") if isinstance(environment, dict) else None


def _is_stricter(tool: str, before: Document, after: Document) -> bool:
    """More rules, or an import that has no types: what honest changes of these tables do."""
    if tool == "mypy":
        rest = {key: value for key, value in before.items() if key != "overrides"}
        if rest != {key: value for key, value in after.items() if key != "overrides"} or not before:
            return False
        had, has = before.get("overrides", []), after.get("overrides", [])
        if not isinstance(had, list) or not isinstance(has, list):
            return False
        free = {"module", "ignore_missing_imports", "follow_untyped_imports"}
        new = [each for each in has if each not in had]
        return all(each in has for each in had) and all(
            isinstance(each, dict) and set(each) <= free and each.get("module") != "*" for each in new
        )
    if tool == "coverage":
        report, other = table(before, "report"), table(after, "report")
        rest_same = {**before, "report": None} == {**after, "report": None}
        fails, now = report.get("fail_under", 0), other.get("fail_under", 0)
        same = {**report, "fail_under": None} == {**other, "fail_under": None}
        numbers = isinstance(fails, (int, float)) and isinstance(now, (int, float))
        return rest_same and same and numbers and now >= fails
    return False


def _sections(before: Document, after: Document, protection: Protection) -> list[str]:
    found = []
    for section in sorted({*before, *after}):
        one, other = table(before, section), table(after, section)
        if one == other:
            continue
        if section in ("tool:pytest", "pytest"):
            found += [f"{key} in [{section}]" for key in harmful_options(one, other, protection.base_paths)]
        elif section.startswith(("testenv", "tox", "gh-actions")):
            keys = {key for key in {*one, *other} if one.get(key) != other.get(key)} - _FREE_TOX_KEYS
            if keys and one:
                found.append(f"{', '.join(sorted(keys))} in [{section}]")
        elif section.startswith(_SETUP_SECTIONS):
            found.append(f"[{section}]")
        elif section == "options.entry_points" and one.get("pytest11") != other.get("pytest11"):
            found.append("the plugins of pytest")
    return [each[:200] for each in found]


def _pytest_toml(before: Document, after: Document, protection: Protection) -> list[str]:
    one, other = table(before, "pytest"), table(after, "pytest")
    return [f"{key} in [pytest]" for key in harmful_options(one, other, protection.base_paths)]


def _cargo(before: Document, after: Document, protection: Protection) -> list[str]:
    del protection
    return [f"{'.'.join(keys)}" for keys in _CARGO if at(before, *keys) != at(after, *keys)]


def _tsconfig(before: Document, after: Document, protection: Protection) -> list[str]:
    del protection
    one, other = table(before, "compilerOptions"), table(after, "compilerOptions")
    found = [
        f"compilerOptions.{key}"
        for key in sorted({*one, *other} - _TSC_FREE)
        if one.get(key) != other.get(key)
        and not (other.get(key) is True and key.startswith(("strict", "no")))
    ]
    found += [key for key in ("extends", "exclude", "files") if before.get(key) != after.get(key)]
    had, has = before.get("include", []), after.get("include", [])
    if had != has and not (
        isinstance(had, list) and isinstance(has, list) and all(each in has for each in had)
    ):
        found.append("include")
    return found


def at(document: Any, *keys: str) -> Any:
    """The value under the keys; None: there is none."""
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    return document


def table(document: Any, *keys: str) -> Document:
    """The mapping under the keys; empty: there is none."""
    found = at(document, *keys)
    return found if isinstance(found, dict) else {}
