"""What `fabrik doctor` says of the sandboxes: the real thing is run once, and each protection looked at."""

from __future__ import annotations

import asyncio
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path
from uuid import uuid4

from fabrik.errors import FabrikError
from fabrik.sandboxes import cgroups, gaps, seccomp, unprivileged
from fabrik.sandboxes.sandbox import Command, Limits, Preflight, Probe, SandboxSpec

_LOOK = """
echo "uid $(id -u)"
echo "caps $(sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status)"
echo "net $(sed '1,2d; s/:.*//; s/ //g' /proc/net/dev | tr '\\n' ' ')"
if unshare --user true 2>/dev/null; then echo "nested yes"; else echo "nested no"; fi
if (: > "$PWD/probe") 2>/dev/null; then echo "shared open"; else echo "shared closed"; fi
if (: > /proc/sys/kernel/core_pattern) 2>/dev/null; then echo "kernel open"; else echo "kernel closed"; fi
"""

_cached: Preflight | None = None


async def bubblewrap() -> Preflight:
    """Run bwrap once, with the options that are used for real. The answer is kept for this process."""
    global _cached
    if _cached is None:
        _cached = await _bubblewrap()
    return _cached


async def _bubblewrap() -> Preflight:
    from fabrik.sandboxes.bubblewrap import Bubblewrap

    if shutil.which("bwrap") is None:
        return Preflight(
            ready=False, why="bwrap is not installed", todo="install it: apt-get install bubblewrap"
        )
    root = Path(tempfile.mkdtemp(prefix="fabrik-doctor-"))
    provider = Bubblewrap()
    try:
        name = f"doctor/{uuid4().hex}"
        await provider.create(SandboxSpec(name=f"{name}/shared", root=root / "shared"))
        box = await provider.create(SandboxSpec(name=name, root=root / "box", reads=root / "shared"))
        log = root / "log"
        end = await box.exec(
            Command(argv=["/bin/sh", "-c", _LOOK], stdout=log, stderr=log, limits=Limits(seconds=30.0))
        )
        said = log.read_text(errors="replace")
        if not end.ok:
            return _refused(said)
        seen = dict(line.split(" ", 1) for line in said.splitlines() if " " in line)
        return Preflight(ready=True, why=await asyncio.to_thread(_version), probes=_protections(seen))
    except FabrikError as problem:
        return _refused(problem.what)
    except OSError as problem:
        return Preflight(ready=False, why=f"the test sandbox cannot be made: {problem}")
    finally:
        await asyncio.to_thread(shutil.rmtree, root, ignore_errors=True)


def _version() -> str:
    done = subprocess.run(["bwrap", "--version"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "bwrap of an unknown version"


def _refused(words: str) -> Preflight:
    return Preflight(
        ready=False,
        why=f"bwrap does not work here: {words.strip() or 'no reason given'}",
        todo=namespaces_todo(),
    )


def namespaces_todo(proc: Path = Path("/proc")) -> str:
    """The one command that most likely allows user namespaces on this machine."""
    if _setting(proc / "sys/kernel/apparmor_restrict_unprivileged_userns") == "1":
        return (
            "AppArmor keeps ordinary users from making namespaces (Ubuntu 23.10 and newer): add a profile for"
            " /usr/bin/bwrap with `userns,` in /etc/apparmor.d/bwrap, or:"
            " sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
        )
    if _setting(proc / "sys/kernel/unprivileged_userns_clone") == "0":
        return "sudo sysctl -w kernel.unprivileged_userns_clone=1"
    if _setting(proc / "sys/user/max_user_namespaces") == "0":
        return "sudo sysctl -w user.max_user_namespaces=10000"
    return (
        "user namespaces must be allowed; in a container: docker run --security-opt seccomp=unconfined"
        " --security-opt apparmor=unconfined --security-opt systempaths=unconfined"
    )


def _setting(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _protections(seen: dict[str, str]) -> list[Probe]:
    network = seen.get("net", "").split()
    return [
        Probe(
            what="user namespace",
            holds=seen.get("uid") == "1000",
            how="uid 1000 inside" + _behind(),
            todo="run fabrik as an ordinary user" if unprivileged.why_not() else "",
        ),
        Probe(what="network closed", holds=network == ["lo"], how=f"interfaces inside: {' '.join(network)}"),
        Probe(
            what="no capabilities",
            holds=set(seen.get("caps", "x")) == {"0"},
            how=f"effective inside: {seen.get('caps', 'unknown')}",
        ),
        Probe(
            what="nested namespaces refused",
            holds=seen.get("nested") == "no",
            how="unshare --user inside " + ("fails" if seen.get("nested") == "no" else "works"),
            todo="" if seen.get("nested") == "no" else "install bubblewrap 0.8 or newer",
        ),
        Probe(
            what="kernel settings closed",
            holds=seen.get("kernel") == "closed",
            how="/proc is read-only inside",
        ),
        Probe(
            what="shared workspace read-only",
            holds=seen.get("shared") == "closed",
            how="a reviewer sees the checkout through a read-only mount",
        ),
        Probe(
            what="system calls filtered",
            holds=seccomp.program(platform.machine()) is not None,
            how=f"seccomp on {platform.machine()}: no vsock, keyrings, io_uring, mounts, namespaces, bpf",
        ),
        *_limits(),
        Probe(
            what="leftovers ended", holds=True, how="a pid namespace per command ends with its first process"
        ),
        gaps.probe("bubblewrap"),
    ]


def _behind() -> str:
    """Who that is for the kernel."""
    if why := unprivileged.why_not():
        return f", but root behind it, since {why}: only what is bound is safe"
    if owner := unprivileged.owner():
        return f", and behind it not root but the user {owner.uid}, whom nothing else belongs to"
    return ""


def _limits() -> list[Probe]:
    where = cgroups.bases()
    works = _group_works(where)
    watched = "watched every second or slower, so a quick burst can pass it"
    memory = bool(works and where.memory)
    count = bool(works and where.pids)
    todo = "run as root, or in a systemd user session with delegated memory and pids controllers"
    return [
        Probe(what="time limit", holds=True, how="timed by the worker"),
        Probe(
            what="memory limit",
            holds=True,
            how=f"cgroup v{where.version}" if memory else watched,
            todo="" if memory else todo,
        ),
        Probe(
            what="process limit",
            holds=True,
            how=f"cgroup v{where.version}" if count else watched,
            todo="" if count else todo,
        ),
        Probe(what="output limit", holds=True, how="the size of the logs is watched"),
        Probe(
            what="disk limit",
            holds=True,
            how="added up every second or slower, and the largest file is bounded; no quota, so a quick"
            " burst can pass it",
        ),
    ]


def _group_works(where: cgroups.Bases) -> bool:
    if not where.directories():
        return False
    try:
        group = cgroups.Group("doctor", where)
    except OSError:
        return False
    try:
        group.limit(Limits(memory_bytes=1 << 30, processes=1000), 0)
    except OSError:
        return False
    finally:
        group.discard()
    return True


async def unprotected() -> Preflight:
    """The plain process always works, and protects nothing."""
    no = [
        Probe(what=what, holds=False, how=how, todo="use the sandbox `bubblewrap`")
        for what, how in (
            ("files", "a command can read and write all that you can"),
            ("shared workspace read-only", "a reviewer can write to the checkout that all reviewers read"),
            ("network closed", "a command reaches every network that you reach"),
            ("keys", "a command can read your keys from files and from other processes' environments"),
            ("other processes", "a command can signal your other processes"),
        )
    ]
    return Preflight(
        ready=True,
        why=f"plain processes on {platform.system()}: NOTHING is protected",
        probes=[
            *no,
            *_limits(),
            Probe(
                what="leftovers ended", holds=True, how="a shim that adopts them, control groups, and a mark"
            ),
        ],
    )
