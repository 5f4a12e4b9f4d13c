"""What `fabrik doctor` says of containers: one is run for real, and each protection looked at from inside."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from fabrik.errors import FabrikError
from fabrik.sandboxes.containers.arguments import user
from fabrik.sandboxes.probes import _limits
from fabrik.sandboxes.sandbox import Command, Limits, Preflight, Probe, SandboxSpec

if TYPE_CHECKING:
    from fabrik.sandboxes.containers.provider import Containers

NEEDED = "the image needs sh, tar, git, and python3 (3.9 or newer) with its whole standard library"
_LOOK = """
echo "uid $(id -u)"
echo "caps $(sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status)"
echo "net $(sed '1,2d; s/:.*//; s/ //g' /proc/net/dev | tr '\\n' ' ')"
echo "kernel $(uname -r)"
echo "filter $(sed -n 's/^Seccomp:[[:space:]]*//p' /proc/self/status)"
if unshare --user true 2>/dev/null; then echo "nested yes"; else echo "nested no"; fi
if (: > "$PWD/probe") 2>/dev/null; then echo "shared open"; else echo "shared closed"; fi
if (: > /proc/sys/kernel/core_pattern) 2>/dev/null; then echo "settings open"; else echo "settings closed"; fi
ls -d / >/dev/null || echo "broken ls"
for program in sh tar git python3; do command -v $program >/dev/null || echo "lacks $program"; done
"""

_cached: dict[tuple[str, str, str], Preflight] = {}


async def probe(provider: Containers) -> Preflight:
    """Run a container once, with the options that are used for real. The answer is kept for this process."""
    key = (provider.name, provider.options.image, provider.options.runtime)
    if key not in _cached:
        _cached[key] = await _probe(provider)
    return _cached[key]


async def _probe(provider: Containers) -> Preflight:
    root = Path(tempfile.mkdtemp(prefix="fabrik-doctor-"))
    try:
        engine = provider.engine()
        version = await engine.ask("version", "--format", "{{.Client.Version}}")
        if version.status != 0:
            return Preflight(ready=False, why=version.words, todo=engine.get)
        name = f"doctor/{uuid4().hex}"
        await provider.create(SandboxSpec(name=f"{name}/shared", root=root / "shared"))
        box = await provider.create(SandboxSpec(name=name, root=root / "box", reads=root / "shared"))
        log = root / "log"
        end = await box.exec(
            Command(argv=["/bin/sh", "-c", _LOOK], stdout=log, stderr=log, limits=Limits(seconds=60.0))
        )
        said = log.read_text(errors="replace")
        if not end.ok:
            return Preflight(ready=False, why=f"a container does not work here: {said.strip() or end}")
        seen = dict(line.split(" ", 1) for line in said.splitlines() if " " in line)
        if lacks := seen.get("lacks"):
            return Preflight(
                ready=False,
                why=f"the image {provider.options.image} has no {lacks}",
                todo=NEEDED,
            )
        if "broken" in seen:
            return Preflight(
                ready=False,
                why=f"`ls` and `stat` fail under {provider.options.runtime or provider.name}: gVisor of 2022"
                " and earlier refuses how coreutils 9 asks",
                todo="install a newer one, https://gvisor.dev/docs/user_guide/install, or use another image",
            )
        return Preflight(
            ready=True, why=_why(provider, version.out.strip()), probes=_protections(provider, seen)
        )
    except FabrikError as problem:
        return Preflight(ready=False, why=problem.what, todo=_todo(problem))
    except OSError as problem:
        return Preflight(ready=False, why=f"the test sandbox cannot be made: {problem}")
    finally:
        await asyncio.to_thread(shutil.rmtree, root, ignore_errors=True)


def _todo(problem: FabrikError) -> str:
    if "/etc/subuid" in problem.what:
        ranges = "--add-subuids 100000-165535 --add-subgids 100000-165535"
        return (
            f"as root: usermod {ranges} {os.environ.get('USER') or os.getuid()}; then podman system migrate"
        )
    if "ModuleNotFoundError" in problem.what:
        return NEEDED
    return "" if "fabrik doctor" in problem.todo else problem.todo


def _why(provider: Containers, version: str) -> str:
    options = provider.options
    system = f"image {options.image}" if options.image else "the host's system, read-only"
    runtime = f", {options.runtime}" if options.runtime else ""
    return f"{provider.name} {version}{runtime}; {system}"


def _protections(provider: Containers, seen: dict[str, str]) -> list[Probe]:
    uid, _ = user()
    network = seen.get("net", "").split()
    nested = seen.get("nested") == "yes"
    gvisor = provider.engine().gvisor
    return [
        Probe(
            what="unprivileged user",
            holds=seen.get("uid") == str(uid) and uid != 0,
            how=f"user {seen.get('uid', 'unknown')}, on the host as well",
            todo="run fabrik as an ordinary user" if uid == 0 else "",
        ),
        Probe(what="network closed", holds=network == ["lo"], how=f"interfaces inside: {' '.join(network)}"),
        Probe(
            what="no capabilities",
            holds=set(seen.get("caps", "x")) == {"0"},
            how=f"effective inside: {seen.get('caps', 'unknown')}",
        ),
        Probe(
            what="nested namespaces refused",
            holds=not nested or gvisor,
            how="they would be gVisor's own, not the host's"
            if gvisor
            else "unshare --user inside " + ("works" if nested else "fails"),
        ),
        Probe(
            what="kernel settings closed",
            holds=seen.get("settings") == "closed",
            how="/proc/sys is read-only inside",
        ),
        Probe(
            what="shared workspace read-only",
            holds=seen.get("shared") == "closed",
            how="a reviewer sees the checkout through a read-only mount",
        ),
        Probe(
            what="system calls filtered",
            holds=gvisor or seen.get("filter") == "2",
            how=f"gVisor's kernel answers them ({seen.get('kernel', '')})"
            if gvisor
            else f"seccomp: {provider.name}'s own list, and no vsock, no keyrings, no io_uring",
        ),
        *(_unlimited() if gvisor else _limits()),
        Probe(
            what="leftovers ended",
            holds=True,
            how="a container ends with its first process, and that with fabrik's worker; what an engine left"
            " is found by its label",
        ),
    ]


def _unlimited() -> list[Probe]:
    """With gVisor, the processes of a command are not processes of the host, which is what is counted."""
    missing = ("memory limit", "process limit")
    todo = "use the engine's own runtime where a command may use up the machine"
    return [
        *(probe for probe in _limits() if probe.what not in missing),
        *(Probe(what=what, holds=False, how="not counted in gVisor", todo=todo) for what in missing),
    ]
