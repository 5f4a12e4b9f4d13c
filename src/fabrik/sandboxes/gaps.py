"""What each kind of sandbox does not protect: one table for `fabrik doctor`, the manual, the escape suite."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fabrik.sandboxes.sandbox import Probe

HOST_KINDS = ("bubblewrap", "podman", "docker")  # those that share this machine's kernel and disk


@dataclass(frozen=True, kw_only=True)
class Gap:
    """One thing that some kinds do not hold."""

    what: str
    how: str  # what can happen
    todo: str  # what to do where it matters
    kinds: tuple[str, ...]
    attacks: tuple[str, ...] = ()  # names in tests/escape that are a success for this reason


GAPS: tuple[Gap, ...] = (
    Gap(
        what="faults of the kernel",
        how="it is shared with the host: a fault in it that needs no privileges is a way out",
        todo="keep the kernel up to date; for strangers' code use a virtual machine (fabrik docs sandboxes)",
        kinds=HOST_KINDS,
    ),
    Gap(
        what="disk in one burst",
        how="what is written is added up every second or slower, there is no quota; files are not counted",
        todo="put FABRIK_HOME on a file system of its own",
        kinds=(*HOST_KINDS, "none"),
    ),
    Gap(
        what="use of the processors",
        how="sandboxes may keep all of them busy until their time is over",
        todo="run fabrik under nice, or in a group with a limit: systemd-run --user -p CPUQuota=200%",
        kinds=(*HOST_KINDS, "none"),
    ),
    Gap(
        what="the file a command reads as its input (root's is)",
        how="it belongs to the user who runs the command, who can open it to write: a prompt, an archive",
        todo="run fabrik as root, whose sandboxes have a user of their own",
        kinds=("bubblewrap", "none"),
    ),
    Gap(
        what="what is allowed",
        how="whatever a session may read it can send to a host that `allow` names",
        todo="allow no host that takes uploads from strangers",
        kinds=HOST_KINDS,
    ),
)


def of(kind: str) -> Sequence[Gap]:
    """What a kind of sandbox does not protect; `kind` without what stands behind a colon."""
    return [gap for gap in GAPS if kind in gap.kinds]


def allowing(kind: str, attack: str) -> Gap | None:
    """The reason why an attack is a success there, if it is a known one."""
    return next((gap for gap in of(kind) if attack in gap.attacks), None)


def probe(kind: str) -> Probe:
    """The line of `fabrik doctor` that names them."""
    named = "; ".join(gap.what for gap in of(kind))
    return Probe(what="not protected", holds=False, how=f"{named} (fabrik docs sandboxes says more)")
