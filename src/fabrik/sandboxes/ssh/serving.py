"""The helper's side of each request: making sandboxes, and keeping copies of read-only paths."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fabrik.errors import SandboxBroken
from fabrik.sandboxes import watch
from fabrik.sandboxes.bubblewrap import Bubblewrap
from fabrik.sandboxes.host import HostSandbox
from fabrik.sandboxes.none import Unprotected
from fabrik.sandboxes.remove import remove_tree
from fabrik.sandboxes.sandbox import Probe, SandboxRef, SandboxSpec
from fabrik.sandboxes.ssh.helper import Answer, found
from fabrik.sandboxes.ssh.link import Channel, Json, Link
from fabrik.sandboxes.ssh.places import lay_links
from fabrik.sandboxes.ssh.remote_exec import Executing, spooled
from fabrik.sandboxes.ssh.tree import Entry, Store

if TYPE_CHECKING:
    from fabrik.sandboxes.provider import HostProvider


class Boxes:
    """The sandboxes that one worker asked for."""

    link: Link

    def __init__(self, base: Path) -> None:
        self.base = base
        self._made: dict[str, HostSandbox] = {}
        self._have = found()
        self._provider: HostProvider[Any] = Bubblewrap() if self._have["bwrap"] else Unprotected()
        for name in ("boxes", "doors"):
            (base / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        self._store = Store(base / "trees", for_all=self._have["root"])

    def answers(self) -> dict[str, Answer]:
        """What can be asked for."""
        return {
            "hello": self._hello,
            "preflight": self._preflight,
            "trees": self._trees,
            "tree": self._tree,
            "create": self._create,
            "exec": self._exec,
            "tar_in": self._tar_in,
            "tar_out": self._tar_out,
            "read": self._read,
            "close": self._close,
            "end": self._end,
            "destroy": self._destroy,
        }

    async def close(self) -> None:
        """End everything."""
        await asyncio.gather(*(box.close() for box in self._made.values()), return_exceptions=True)

    def tidy(self) -> None:
        """Remove copies and helpers that were long not used, and sockets of helpers that are gone."""
        for place in [*self._store.unused(), *Store(self.base / "helpers", for_all=False).unused()]:
            with contextlib.suppress(OSError):
                remove_tree(place)
        for place in (self.base / "doors").iterdir():
            if not Path("/proc", place.name.split("-")[0]).exists():
                shutil.rmtree(place, ignore_errors=True)

    def _place(self, key: str) -> Path:
        if not key.isalnum():
            raise ValueError("a sandbox's key is letters and digits")
        return self.base / "boxes" / key

    def root(self, key: str) -> Path:
        """Where the sandbox with this key lies."""
        return self._place(key) / "box"

    async def _hello(self, _: Channel, __: Any) -> Json:
        return self._have

    async def _preflight(self, _: Channel, __: Any) -> Json:
        report = await self._provider.preflight()
        free = watch.free(self.base)
        more = [
            Probe(
                what="space on that machine",
                holds=free > watch.reserve(self.base) + (1 << 30),
                how=f"{free >> 20} MiB are free",
                todo="free some disk space there",
            )
        ]
        if not self._have["bwrap"]:
            more.append(
                Probe(
                    what="bubblewrap on that machine",
                    holds=False,
                    how="not installed: commands run as plain processes of that user, with its network",
                    todo="install it there: apt-get install bubblewrap",
                )
            )
        changed = dataclasses.replace(report, probes=[*report.probes, *more])
        return dataclasses.asdict(changed)

    async def _trees(self, _: Channel, asked: Any) -> Json:
        return {"missing": [digest for digest in asked if not self._store.has(_digest(digest))]}

    async def _tree(self, channel: Channel, asked: Any) -> Json:
        entries: list[Entry] = [(e[0], e[1], int(e[2]), int(e[3]), int(e[4]), e[5]) for e in asked["entries"]]
        digest, of = _digest(asked["digest"]), str(asked["of"])
        making = await asyncio.to_thread(self._store.begin, of, entries)
        try:
            await channel.put(making.needed)
            come = _Content(channel)
            for number in making.needed:
                entry = entries[number]
                handle = os.open(making.target(entry[0]), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                try:
                    await come.into(handle, entry[3])
                    making.finish_file(entry, handle)
                finally:
                    os.close(handle)
            await asyncio.to_thread(self._store.keep, making, digest, of, entries)
        finally:
            await asyncio.to_thread(remove_tree, making.place)  # gone already, when it was kept
        return {}

    async def _create(self, _: Channel, asked: Any) -> Json:
        key = str(asked["key"])
        spec = SandboxSpec(
            name=asked["name"],
            root=self.root(key),
            labels=asked["labels"],
            read_only=[Path(path) for path in asked["read_only"]],
            sources=self.sources(asked["sources"]),
            path=asked["path"],
            env=asked["env"],
            reads=self.root(asked["reads"]) if asked["reads"] else None,
        )
        self._place(key).mkdir(mode=0o700, exist_ok=True)
        io = self._place(key) / "io"
        box = await self._provider.create(spec)
        await asyncio.to_thread(remove_tree, io)
        io.mkdir(mode=0o700)
        self._made[key] = box
        self._show(box)
        ends = box.endpoints
        return {
            "workspace": box.workspace,
            "home": box.home,
            "models": ends.models,
            "proxy": ends.proxy,
            "root": str(spec.root),
            "reads": str(spec.reads or ""),
        }

    def sources(self, digests: Json) -> dict[Path, Path]:
        """Where the copies of read-only paths are."""
        return {Path(path): self._store.path(_digest(digest)) for path, digest in digests.items()}

    def _show(self, box: HostSandbox) -> None:
        if not self._provider.isolates:
            lay_links(box.spec.sources)

    def box(self, asked: Any) -> HostSandbox:
        """The sandbox that a request is about, with the copies that it is to see by now."""
        box = self._made[asked["key"]]
        if "sources" in asked:
            sources = self.sources(asked["sources"])
            if sources != box.spec.sources:
                box.spec = dataclasses.replace(box.spec, sources=sources)
                self._show(box)
        return box

    def io(self, key: str) -> Path:
        """Where what goes in and out of a sandbox lies on its way."""
        return self._place(key) / "io" / os.urandom(8).hex()

    async def _exec(self, channel: Channel, asked: Any) -> Json:
        doors = self.base / "doors" / f"{os.getpid()}-{channel.number}"
        executing = Executing(self.box(asked), self.link, self.io(asked["key"]), doors)
        return await executing.run(channel, asked)

    async def _tar_in(self, channel: Channel, asked: Any) -> Json:
        spool = self.io(asked["key"])
        try:
            await spooled(channel, spool)
            await self.box(asked).tar_in(spool, asked["directory"])
        finally:
            spool.unlink(missing_ok=True)
        return {}

    async def _tar_out(self, channel: Channel, asked: Any) -> Json:
        spool = self.io(asked["key"])
        try:
            await self.box(asked).tar_out(asked["directory"], spool, int(asked["most"]))
            with spool.open("rb") as file:
                while block := file.read(1 << 18):
                    await channel.send(block)
        finally:
            spool.unlink(missing_ok=True)
        return {}

    async def _read(self, channel: Channel, asked: Any) -> Json:
        content = await self.box(asked).read_file(asked["path"], int(asked["most"]))
        await channel.send(content or b"")
        return {"there": content is not None}

    async def _close(self, _: Channel, asked: Any) -> Json:
        if asked["key"] in self._made:
            await self._made[asked["key"]].close()
        return {}

    async def _end(self, _: Channel, asked: Any) -> Json:
        await self._provider.end(self._ref(asked))
        return {}

    async def _destroy(self, _: Channel, asked: Any) -> Json:
        ref = self._ref(asked)
        place = self._place(asked["key"])
        if not place.exists():
            return {}
        try:
            await self._provider.destroy(ref)
        except SandboxBroken as problem:
            if ref.root.exists():
                raise SandboxBroken(problem.what, where=problem.where, todo=f"rm -rf {place}") from problem
        await asyncio.to_thread(remove_tree, place)
        self._made.pop(asked["key"], None)
        return {}

    def _ref(self, asked: Any) -> SandboxRef:
        return SandboxRef(name=asked["name"], root=self.root(asked["key"]), labels={})


class _Content:
    """The contents of files, one after the other, in pieces of any size."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._left = b""

    async def into(self, handle: int, size: int) -> None:
        while size:
            if not self._left:
                _, self._left = await self._channel.receive()
            block, self._left = self._left[:size], self._left[size:]
            os.write(handle, block)
            size -= len(block)


def _digest(word: Any) -> str:
    if not (isinstance(word, str) and len(word) == 64 and word.isalnum()):
        raise ValueError("that is no digest")
    return word
