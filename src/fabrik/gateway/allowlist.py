"""Which places the proxy door leads to: the project's own list, closed where it says nothing. Pure.

    registry.npmjs.org      this name, ports 80 and 443
    *.pythonhosted.org      every name below it (not itself), ports 80 and 443
    registry.corp:4873      this name and port
    *.corp:8443             every name below, this port
    10.1.2.3, [fd00::1]:80  an address, named exactly
    10.1.0.0/16:8080        a range of addresses; [fd00::/8]:443

Only what is named as an address or within a range is ever reached by its number. A name leads to the public
network; to this machine or a private one only where its address is on the list, too. `localhost:port` names
the loopback address. What is never reached, whoever names it: metadata services of clouds, multicast, and
addresses that belong to no host.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fabrik.errors import UsageError
from fabrik.gateway.addresses import IPAddress, IPNetwork, kind
from fabrik.gateway.places import NotAPlace, Place, place, port_number

_USUAL_PORTS = frozenset((80, 443))
_WIDEST = {4: 8, 6: 7}  # the shortest prefix of a range: 10.0.0.0/8, fc00::/7

# Names under which clouds offer their metadata, beside the addresses in addresses.py.
_METADATA_NAMES = frozenset(
    (
        "metadata",
        "metadata.google.internal",
        "metadata.goog",
        "instance-data",
        "instance-data.ec2.internal",
        "metadata.tencentyun.com",
        "metadata.packet.net",
        "metadata.platformequinix.com",
        "api.metadata.cloud.ibm.com",
        "rancher-metadata",
    )
)
_NEVER = "leads to a metadata service of a cloud"
_NOWHERE = "leads to an address that belongs to no host"


@dataclass(frozen=True, kw_only=True)
class Pattern:
    """One line of the list."""

    text: str  # as it was written
    host: str = ""  # of a name
    below: bool = False  # *.host
    port: int | None = None  # None: 80 and 443
    network: IPNetwork | None = None  # of an address or a range

    def covers(self, wanted: Place, port: int) -> bool:
        """Whether a request for this place is meant."""
        if wanted.address is not None:
            return self.holds(wanted.address, port)
        if self.network is not None or not self._port(port):
            return False
        return wanted.host.endswith("." + self.host) if self.below else wanted.host == self.host

    def holds(self, address: IPAddress, port: int) -> bool:
        """Whether this address is named."""
        return self.network is not None and self._port(port) and address in self.network

    @property
    def means_loopback(self) -> bool:
        """`localhost:port` (RFC 6761: it is this machine, and nothing else)."""
        return self.port is not None and (self.host == "localhost" or self.host.endswith(".localhost"))

    def _port(self, port: int) -> bool:
        return port == self.port or (self.port is None and port in _USUAL_PORTS)


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
                todo="write host, *.host, host:port, an address or a range, without https:// and path",
            )
        return cls(patterns=tuple(patterns))

    def rule(self, wanted: Place, port: int) -> Ruling:
        """Judge a place by its name."""
        if wanted.host in _METADATA_NAMES:
            return Ruling(allowed=False, why=_NEVER)
        if wanted.address is not None and (never := _never(wanted.address)):
            return Ruling(allowed=False, why=never)
        covering = [pattern for pattern in self.patterns if pattern.covers(wanted, port)]
        if not covering:
            return Ruling(allowed=False, why=self._why_not(wanted, port))
        # The one that names the port tells most about what is meant.
        pattern = next((pattern for pattern in covering if pattern.port is not None), covering[0])
        return Ruling(allowed=True, why=f"allowed by {pattern.text}", pattern=pattern)

    def rule_addresses(self, pattern: Pattern, addresses: Iterable[IPAddress], port: int) -> Ruling:
        """Judge what an allowed name resolved to. One bad address spoils all: no name mixes them honestly."""
        for address in addresses:
            if never := _never(address):
                return Ruling(allowed=False, why=f"its name {never}")
            where = kind(address)
            if where == "public" or any(known.holds(address, port) for known in self.patterns):
                continue
            if where == "loopback" and pattern.means_loopback:
                continue
            return Ruling(
                allowed=False,
                why=f"its name leads to the {where} address {address}, which is not on the list itself",
            )
        return Ruling(allowed=True, why=f"allowed by {pattern.text}", pattern=pattern)

    def _why_not(self, wanted: Place, port: int) -> str:
        if any(pattern.covers(wanted, usual) for pattern in self.patterns for usual in _USUAL_PORTS):
            return f"port {port} is not on the project's list of allowed hosts"
        what = "an address that is not" if wanted.address else "not"
        return f"{what} on the project's list of allowed hosts"


def _never(address: IPAddress) -> str | None:
    """What no list opens."""
    found = kind(address)
    return _NEVER if found == "metadata" else _NOWHERE if found == "unusable" else None


def _pattern(text: str) -> Pattern:
    if "/" in text:
        return _range(text)
    below = text.startswith("*.")
    found = place(text[2:] if below else text)
    if below and found.address is not None:
        raise NotAPlace("an address has nothing below it")
    if found.host in _METADATA_NAMES or (found.address and _never(found.address)):
        raise NotAPlace("this is never allowed: a metadata service, or an address of no host")
    if found.address is not None:
        return Pattern(text=text, port=found.port, network=ipaddress.ip_network(found.address))
    return Pattern(text=text, host=found.host, below=below, port=found.port)


def _range(text: str) -> Pattern:
    """`10.0.0.0/8`, `10.0.0.0/8:443`, `[fd00::/8]`, `[fd00::/8]:443`."""
    if text.startswith("["):
        inside, _, rest = text[1:].partition("]")
        colon, port = rest[:1], rest[1:]
    elif text.count(":") > 1:
        inside, colon, port = text, "", ""
    else:
        inside, colon, port = text.partition(":")
    base, _, bits = inside.partition("/")
    if colon not in ("", ":") or not (bits.isascii() and bits.isdigit()) or "%" in base:
        raise NotAPlace("not a host name")
    number = port_number(port) if colon else None
    try:
        network = ipaddress.ip_network((base, int(bits)))
    except ValueError:
        raise NotAPlace("not a range of addresses, such as 10.1.0.0/16") from None
    if network.prefixlen < _WIDEST[network.version]:
        raise NotAPlace(f"a range this wide is no list: /{_WIDEST[network.version]} at the widest")
    if _never(network.network_address) and _never(network.broadcast_address):
        raise NotAPlace("this is never allowed: metadata services, or addresses of no host")
    return Pattern(text=text, port=number, network=network)
