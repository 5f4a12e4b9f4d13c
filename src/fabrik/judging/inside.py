"""What a command in a sandbox is told about the judge it may ask: three variables. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

URL = "FABRIK_JUDGE_URL"  # the models door on the sandbox's own loopback
FAST = "FABRIK_JUDGE_FAST"  # vendor/model
SMART = "FABRIK_JUDGE_SMART"


@dataclass(frozen=True, kw_only=True)
class Inside:
    """The judge that a sandbox may ask."""

    url: str
    fast: str
    smart: str

    def variables(self) -> dict[str, str]:
        """For the environment of a command."""
        return {URL: self.url, FAST: self.fast, SMART: self.smart}


def told(environ: Mapping[str, str]) -> Inside | None:
    """What this environment tells; None where it tells of no judge."""
    found = [environ.get(name, "") for name in (URL, FAST, SMART)]
    return Inside(url=found[0], fast=found[1], smart=found[2]) if all(found) else None
