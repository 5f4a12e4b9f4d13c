"""What is judged, by whom, and what was said."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from fabrik.errors import FabrikError, UsageError
from fabrik.usage import Vendor

Intelligence = Literal["fast", "smart"]
PictureType = Literal["image/png", "image/jpeg", "image/gif", "image/webp"]

INTELLIGENCES: tuple[Intelligence, ...] = get_args(Intelligence)
MOST_VOTES = 15  # of one question
MOST_CRITERIA = 20_000  # characters
MOST_TOGETHER = 20  # artifacts in one question

_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@/-]{0,199}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """One thing to be judged: a text or a picture."""

    name: str  # for people and for the judge; not a path that anything is read from
    text: str | None = None
    picture: bytes | None = field(default=None, repr=False)
    type: PictureType | None = None  # set with `picture`

    @property
    def content(self) -> bytes:
        """Its bytes, for hashes and copies."""
        return self.picture if self.picture is not None else (self.text or "").encode()


@dataclass(frozen=True, kw_only=True)
class JudgeModel:
    """The model that is asked."""

    vendor: Vendor
    name: str  # as the vendor calls it

    def __post_init__(self) -> None:
        """Raises UsageError for what cannot be the name of a model."""
        if not _MODEL.fullmatch(self.name):
            raise UsageError(f"{self.name[:80]!r} is not the name of a model", where="model")

    def __str__(self) -> str:
        return f"{self.vendor}/{self.name}"


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked: whether these artifacts, seen together, meet the criteria."""

    criteria: str
    artifacts: tuple[Artifact, ...]
    votes: int = 1

    def __post_init__(self) -> None:
        """Raises UsageError for a question that cannot be asked."""
        if not self.criteria.strip():
            raise UsageError(
                "there are no criteria", where="criteria", todo='say what must hold: "the tone is warm"'
            )
        if len(self.criteria) > MOST_CRITERIA:
            raise UsageError(f"criteria have {MOST_CRITERIA:,} characters at the most", where="criteria")
        try:
            self.criteria.encode()
        except UnicodeEncodeError:
            raise UsageError("are not UTF-8", where="criteria") from None
        if not self.artifacts:
            raise UsageError("there is nothing to judge", where="artifact")
        if len(self.artifacts) > MOST_TOGETHER:
            raise UsageError(f"{MOST_TOGETHER} artifacts at the most are judged together", where="artifact")
        # The type, too: untyped callers, such as a marker of pytest.
        if type(self.votes) is not int or not 1 <= self.votes <= MOST_VOTES:
            raise UsageError(f"votes are a number from 1 to {MOST_VOTES}", where="votes")


@dataclass(frozen=True, kw_only=True)
class Vote:
    """One answer of the judge, or why there is none: a missing vote is never a pass."""

    passed: bool | None  # None: missing
    feedback: str = ""  # of a vote: what keeps it from passing, or a remark
    problem: str = ""  # why it is missing, in one line


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """A verdict. It counts as true only when it is a pass, so `assert judge(…)` does what it says."""

    passed: bool
    feedback: str  # what keeps it from passing; empty when it passes
    votes: tuple[Vote, ...]  # those that were asked for: no more than it took to decide

    def __bool__(self) -> bool:
        return self.passed


class NoVerdict(FabrikError):
    """The judge gave no verdict: no model could be reached, or what came back was no answer."""

    def __init__(self, what: str, *, votes: Sequence[Vote] = (), where: str = "", todo: str = "") -> None:
        super().__init__(what, where=where, todo=todo)
        self.votes = tuple(votes)
