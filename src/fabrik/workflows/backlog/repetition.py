"""Notices that attempts fail in the same way again and again: more of them would only cost. Pure.

The number of attempts is a bound. What comes back word for word will not change with the next one, such as a
command that can never pass.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

MOST = 3  # identical failures in a row that end a spec

# What differs between two runs of the same failure; other numbers may be progress.
_CHANCE = re.compile(
    r"0x[0-9a-fA-F]+|\b[0-9a-f]{7,64}\b|\b\d+(?:\.\d+)?\s?(?:ms|s|secs?|seconds?)\b|\b\d{1,2}:\d\d(?::\d\d)?\b"
)


@dataclass(frozen=True, kw_only=True)
class Failure:
    """How an attempt failed."""

    kind: str  # what failed: checks with how they ended, the verifier, or what the claim lacks
    output: str = ""  # what it said; "": only the files tell whether it is the same
    tree: str  # the files that it was about

    @property
    def digest(self) -> str:
        """Of the output, without times and ids."""
        return _digest(self.output) if self.output else ""

    def same_as(self, other: Failure) -> bool:
        """Whether nothing has changed: the same failed, with the same words or for the same files."""
        said = self.digest != "" and self.digest == other.digest
        return _digest(self.kind) == _digest(other.kind) and (said or self.tree == other.tree)


@dataclass(kw_only=True)
class Repetition:
    """The failures of one spec, one after the other."""

    last: Failure | None = None
    times: int = 0

    def met(self, failure: Failure) -> bool:
        """Take a failure in; True when it came MOST times in a row. The count begins again then."""
        self.times = self.times + 1 if self.last is not None and failure.same_as(self.last) else 1
        self.last = failure
        if self.times < MOST:
            return False
        self.last, self.times = None, 0
        return True


def checks_failure(failed: Sequence[tuple[str, str]], tree: str) -> Failure:
    """failed: for each check how it failed, and the end of its output."""
    return Failure(
        kind="\n".join(how for how, _ in failed),
        output="\n\n".join(output for _, output in failed),
        tree=tree,
    )


def _digest(text: str) -> str:
    return hashlib.sha256(" ".join(_CHANCE.sub("#", text).split()).encode("utf-8", "replace")).hexdigest()
