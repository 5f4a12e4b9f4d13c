"""Which places the proxy door leads to: the project's own list, closed where it says nothing. Pure.

    registry.npmjs.org      this name, ports 80 and 443
    *.pythonhosted.org      every name below it (not itself), ports 80 and 443
    registry.corp:4873      this name and port; it may also be a private or loopback address
    *.corp:8443             every name below, this port
    10.1.2.3, [fd00::1]:80  an address, named exactly; the only way to a literal or link-local address

A plain name or a wildcard never leads to a private address, whatever its DNS says.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fabrik.errors import UsageError
from fabrik.gateway.places import IPAddress, NotAPlace, Place, never, place, private

_USUAL_PORTS = frozenset((80, 443))


@dataclass(frozen=True, kw_only=True)
class Pattern:
    """One line of the list."""

    text: str  # as it was written
    below: bool  # *.host
    place: Place

    def covers(self, wanted: Place, port: int) -> bool:
        if port != self.place.port and (self.place.port is not None or port not in _USUAL_PORTS):
            return False
        if self.below:
            return wanted.address is None and wanted.host.endswith("." + self.place.host)
        return wanted.host == self.place.host

    @property
    def vouched(self) -> bool:
        """Whether the project's owner means this very place, so that it may be private."""
        return not self.below and self.place.port is not None


@dataclass(frozen=True, kw_only=True)
class Ruling:
    """Whether a request may go on, and why."""

    allowed: bool
    why: str
    pattern: Pattern | None = None


@dataclass(frozen=True, kw_only=True)
class Allowlist:
    """All lines."""

    patterns: tuple[Pattern, ...]

    @classmethod
    def parse(cls, texts: Sequence[str]) -> Allowlist:
        """Read the lines.

        Raises UsageError with all that are wrong.
        """
        patterns: list[Pattern] = []
        wrong: list[str] = []
        for text in texts:
            try:
                patterns.append(_pattern(text.strip()))
            except NotAPlace as problem:
                wrong.append(f"{text!r}: {problem}")
        if wrong:
            raise UsageError(
                "; ".join(wrong),
                where="allowed hosts",
                todo="write host, *.host, host:port or an exact address, without https:// and path",
            )
        return cls(patterns=tuple(patterns))

    def rule(self, wanted: Place, port: int) -> Ruling:
        """Judge a place by its name."""
        covering = [pattern for pattern in self.patterns if pattern.covers(wanted, port)]
        if not covering:
            kind = "an address that is not" if wanted.address else "not"
            return Ruling(allowed=False, why=f"{kind} on the project's list of allowed hosts")
        pattern = next((pattern for pattern in covering if pattern.vouched), covering[0])
        return Ruling(allowed=True, why=f"allowed by {pattern.text}", pattern=pattern)


def rule_addresses(pattern: Pattern, addresses: Iterable[IPAddress]) -> Ruling:
    """Judge what an allowed name resolved to. One bad address spoils all: no name mixes them honestly."""
    if pattern.place.address is not None:
        return Ruling(allowed=True, why=f"allowed by {pattern.text}", pattern=pattern)
    for address in addresses:
        if never(address):
            return Ruling(allowed=False, why="its name leads to a link-local, metadata or multicast address")
        if private(address) and not pattern.vouched:
            return Ruling(allowed=False, why="its name leads to a private address (allow it as host:port)")
    return Ruling(allowed=True, why=f"allowed by {pattern.text}", pattern=pattern)


def _pattern(text: str) -> Pattern:
    below = text.startswith("*.")
    found = place(text[2:] if below else text)
    if below and found.address is not None:
        raise NotAPlace("an address has nothing below it")
    return Pattern(text=text, below=below, place=found)
