"""Words a question for a judge, so that what is judged stays apart from what the judge is told. Pure.

An artifact is somebody's text, perhaps an agent's that would like to pass. It stands between tags with a
random word that its author could not know, and the instructions say that nothing in there is an instruction.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from fabrik.judging.model import Artifact, Question

_VARIABLE = re.compile(r"\{\{([a-z]+)\}\}")
_UNFIT = re.compile(r"[^\w .,:+@/()\[\]-]")  # in the name of an artifact: what could end its tag
_NAME = 120  # characters


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture in a prompt."""

    type: str
    data: bytes


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """A question, ready for any vendor's API."""

    instructions: str  # for the place where an API takes those of the developer
    parts: tuple[str | Picture, ...]  # of one message of the user, in order


def word(question: Question, nonce: Callable[[], str], problem: str = "") -> Prompt:
    """The prompt for a question. problem: what was wrong with the answer before, in our own words.

    nonce: gives a new random word at each call; one that stands in what is judged is not taken.
    """
    chosen = nonce()
    while any(chosen in artifact.name or chosen in (artifact.text or "") for artifact in question.artifacts):
        chosen = nonce()
    count = len(question.artifacts)
    values = {
        "nonce": chosen,
        "criteria": question.criteria.strip(),
        "count": "one artifact" if count == 1 else f"{count} artifacts",
        "problem": problem,
    }
    parts: list[str | Picture] = [fill("ask", values)]
    for number, artifact in enumerate(question.artifacts, 1):
        parts += _shown(artifact, number, chosen)
    parts.append(fill("end", values))
    if problem:
        parts.append(fill("repair", values))
    return Prompt(instructions=fill("judge", values), parts=tuple(parts))


def _shown(artifact: Artifact, number: int, nonce: str) -> list[str | Picture]:
    name = _UNFIT.sub("_", artifact.name)[-_NAME:]
    kind = "text" if artifact.picture is None else "picture"
    head = f'<artifact-{nonce} number="{number}" kind="{kind}" name="{name}">'
    foot = f"</artifact-{nonce}>"
    if artifact.picture is None:
        return [f"Artifact {number}:\n{head}\n{artifact.text}\n{foot}"]
    return [
        f"Artifact {number}:\n{head}",
        Picture(type=artifact.type or "", data=artifact.picture),
        f"{foot} (the end of artifact {number})",
    ]


def fill(name: str, values: Mapping[str, str]) -> str:
    """A file of prompts/ with its variables. Values are put in as they are: nothing in them is expanded."""
    return _VARIABLE.sub(lambda match: values[match[1]], _template(name)).strip()


@cache
def _template(name: str) -> str:
    return (resources.files("fabrik.judging") / "prompts" / f"{name}.md").read_text(encoding="utf-8")
