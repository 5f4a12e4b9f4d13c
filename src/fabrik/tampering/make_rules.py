"""Makefiles and justfiles by targets: what do the targets that judge do, and did that change?"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field

from fabrik.tampering.checked import JUDGING_WORDS

MAX_LINES = 20_000
_RULE = re.compile(r"(?P<targets>[^\s:=#@][^:=#]{0,500})::?(?!=)(?P<rest>[^=].*|)$")
_VARIABLE = re.compile(r"(?:export\s+|override\s+)*(?P<name>[\w.\-]{1,200})\s*(?:[:+?!]|::)?=(?P<value>.*)$")
_USED = re.compile(r"\$[({](?P<name>[\w.\-]{1,200})|\{\{\s*(?P<just>\w{1,200})")
# Names that change every recipe.
_GLOBAL = frozenset({"SHELL", ".SHELLFLAGS", "MAKEFLAGS", "PATH", ".ONESHELL", ".IGNORE", "BASH_ENV", "ENV"})


@dataclass(kw_only=True)
class Makefile:
    """A Makefile or justfile, taken apart."""

    rules: dict[str, list[str]] = field(default_factory=dict)  # target: prerequisites and recipe lines
    needs: dict[str, set[str]] = field(default_factory=dict)  # target: prerequisites
    variables: dict[str, str] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)  # include, conditionals, pattern rules, …
    first: str = ""


def read_makefile(text: str) -> Makefile:
    made = Makefile()
    current: list[str] = []
    for raw in text.replace("\\\n", " ").split("\n")[:MAX_LINES]:
        line = raw[:4000]
        if line[:1] in ("\t", " ") and current:
            if line.strip():
                for target in current:
                    made.rules[target].append(line.strip())
            continue
        bare = line.strip()
        if not bare or bare.startswith("#"):
            continue
        rule, variable = _RULE.match(line), _VARIABLE.match(line)
        if variable and not (rule and rule.start("rest") < variable.start("value")):
            current = []
            name = variable["name"]
            made.variables[name] = made.variables.get(name, "") + "\n" + bare
        elif rule and "%" not in rule["targets"]:
            current = _rule(made, rule)
        else:
            current = []
            made.others.append(bare)
    return made


def judging_changes(before: str, after: str, targets: Collection[str]) -> list[str]:
    """What changed of that which judges, one text for each; empty: nothing.

    targets: those that the checks use; "" is the first one.
    """
    base, candidate = read_makefile(before), read_makefile(after)
    judging = judging_targets(base, targets)
    found = [
        f"the target `{target[:80]}`"
        for target in sorted(judging)
        if base.rules.get(target) != candidate.rules.get(target)
    ]
    used = used_variables(base, judging) | _GLOBAL
    found += [
        f"the variable `{name[:80]}`"
        for name in sorted(used)
        if base.variables.get(name) != candidate.variables.get(name)
    ]
    if "" in targets and base.first != candidate.first:
        found.append("the target that runs by default")
    if base.others != candidate.others:
        found.append("includes, conditions or pattern rules")
    for name in (".IGNORE", ".SILENT", ".ONESHELL", ".DEFAULT"):
        if base.rules.get(name) != candidate.rules.get(name) and f"the target `{name}`" not in found:
            found.append(f"the target `{name}`")
    return found


def _rule(made: Makefile, rule: re.Match[str]) -> list[str]:
    names = rule["targets"].split()
    needs = rule["rest"].split("#")[0].strip()
    if names == [".PHONY"]:
        return []
    for name in names:
        made.rules.setdefault(name, []).append(needs)
        made.needs.setdefault(name, set()).update(needs.replace(";", " ").split())
        if not made.first and not name.startswith("."):
            made.first = name
    return names


def judging_targets(made: Makefile, targets: Collection[str]) -> set[str]:
    """The targets that the checks use or whose names say that they judge, with all they need."""
    waiting = [target or made.first for target in targets]
    waiting += [target for target in made.rules if set(re.split(r"[^A-Za-z0-9]+", target)) & JUDGING_WORDS]
    found: set[str] = set()
    while waiting:
        target = waiting.pop()
        if target in made.rules and target not in found:
            found.add(target)
            waiting.extend(made.needs.get(target, ()))
            for line in made.rules[target]:
                waiting.extend(word for word in line.split() if word in made.rules)
    return found


def used_variables(made: Makefile, targets: Collection[str]) -> set[str]:
    """The variables that the recipes of the targets use."""
    waiting = [line for target in targets for line in made.rules.get(target, ())]
    found: set[str] = set()
    while waiting:
        for match in _USED.finditer(waiting.pop()):
            name = match["name"] or match["just"]
            if name not in found:
                found.add(name)
                waiting.append(made.variables.get(name, ""))
    return found
