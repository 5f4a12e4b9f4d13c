"""The format of a script: its sections, its steps, and all that can be wrong with them."""

from __future__ import annotations

import fnmatch
import json
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

FORMAT = 1

if TYPE_CHECKING:  # as values, these need a newer Python
    Step = dict[str, Any]
    Text = str | list[str]

# Each step has one of these verbs, and beside it only the modifiers named here. The values are their types.
TEXT = (str, list)
VERBS: dict[str, tuple[Any, dict[str, Any]]] = {
    "say": (TEXT, {}),
    "write": (str, {"text": TEXT, "base64": str, "executable": bool}),
    "append": (str, {"text": TEXT}),
    "delete": (str, {}),
    "run": (TEXT, {"may_fail": bool}),
    "commit": (str, {"empty": bool}),
    "report": ((dict, str), {}),
    "review": (dict, {}),
    "verify": (dict, {}),
    "print": (TEXT, {"to": str, "base64": bool}),
    "flood": (int, {"to": str, "line": int}),
    "daemon": (TEXT, {"keep_output": bool}),
    "model": (TEXT, {"name": str, "max_tokens": int, "may_fail": bool, "save": str}),
    "wait_for": (str, {"seconds": (int, float)}),
    "hang": (bool, {"ignore": list}),
    "exit": (int, {}),
    "die": ((str, int), {}),
}


class BadScript(Exception):
    """All that is wrong with the script."""


def load(path: str) -> dict[str, list[Step]]:
    """The sections of a script, checked as a whole: a mistake in a later section shows at once.

    Raises BadScript.
    """

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if double := [name for number, (name, _) in enumerate(pairs) if name in dict(pairs[:number])]:
            raise ValueError(f"{double[0]!r} is there twice")
        return dict(pairs)

    try:
        script = json.loads(Path(path).read_text(encoding="utf-8"), object_pairs_hook=once)
    except (OSError, ValueError, RecursionError) as problem:
        raise BadScript(f"{path}: {problem}") from problem
    sections = script.get("sessions") if isinstance(script, dict) else None
    if not isinstance(sections, dict) or script.get("v") != FORMAT:
        raise BadScript(path + ': a script is {"v": 1, "sessions": {"<step>": [...]}}')
    problems = []
    for key, steps in sections.items():
        if not isinstance(steps, list):
            problems.append(f"{path}: {key}: a section is a list of steps")
            continue
        for number, step in enumerate(steps, 1):
            problems += [f"{path}: {key}: step {number}: {wrong}" for wrong in mistakes(step)]
    if problems:
        raise BadScript("\n".join(problems))
    return sections


def choose(sections: dict[str, list[Step]]) -> list[Step]:
    """The first section that is for this session: by role, by reviewer, or by the step's key as a glob.

    Raises BadScript when there is none.
    """
    names = {"role:": os.environ.get("FABRIK_ROLE"), "reviewer:": os.environ.get("FABRIK_REVIEWER")}
    mine = {kind + name for kind, name in names.items() if name}
    step = os.environ.get("FABRIK_STEP", "")
    for key, steps in sections.items():
        if key in mine if key.startswith(tuple(names)) else fnmatch.fnmatchcase(step, key):
            return steps
    raise BadScript(f"the script has no section for the step {step!r} (role {names['role:']!r})")


def verbs_of(step: Step) -> list[str]:
    """The verbs in a step: one, when it is sound."""
    return [name for name in step if name in VERBS]


def mistakes(step: Any) -> list[str]:
    """What is wrong with one step, as sentences."""
    if not isinstance(step, dict):
        return ['a step is an object such as {"say": "hello"}']
    verbs = verbs_of(step)
    if len(verbs) != 1:
        return [f"one of {', '.join(VERBS)} is needed, found {' and '.join(verbs) or 'none'}"]
    verb = verbs[0]
    kind, modifiers = VERBS[verb]
    found = []
    for name, value in step.items():
        wanted = kind if name == verb else modifiers.get(name)
        if wanted is None:
            found.append(f"{name!r} does not go with {verb!r}")
        elif not fits(value, wanted):
            found.append(f"{name!r} has the wrong type")
    if found:
        return found
    if step.get("to", "stdout") not in ("stdout", "stderr"):
        found.append("'to' is stdout or stderr")
    if verb == "exit" and not 0 <= step["exit"] <= 255:
        found.append("an exit status is between 0 and 255")
    if verb == "review" and "status" not in step["review"]:
        found.append("a review has a status: approved or changes_requested")
    if verb == "verify":
        found += _mistakes_of_verify(step["verify"])
    signals = [step["die"]] if verb == "die" else step.get("ignore", [])
    return found + [f"there is no signal {name!r}" for name in signals if signal_of(name) is None]


def _mistakes_of_verify(said: Step) -> list[str]:
    criteria = said.get("criteria")
    if criteria == "all":
        return (
            [] if isinstance(said.get("where"), str) else ["all criteria need 'where', the name of a check"]
        )
    if isinstance(criteria, list) and all(isinstance(entry, dict) for entry in criteria):
        return []
    return ["'criteria' is \"all\" or a list of objects, one for each criterion"]


def fits(value: Any, wanted: Any) -> bool:
    """Whether a value has the type that its verb or modifier wants."""
    kinds = wanted if isinstance(wanted, tuple) else (wanted,)
    if isinstance(value, bool):
        return bool in kinds
    if isinstance(value, list):
        return list in kinds and all(isinstance(item, str) for item in value)
    return isinstance(value, kinds)


def signal_of(name: str | int) -> int | None:
    """The number of a signal, by its name with or without SIG, or by its number; None: there is none."""
    if isinstance(name, int):
        return name if 1 <= name < signal.NSIG else None
    found = getattr(signal, "SIG" + name.upper().replace("SIG", "", 1), None)
    return found if isinstance(found, signal.Signals) else None
