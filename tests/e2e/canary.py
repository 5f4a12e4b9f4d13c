"""A key that can be recognised, and where it could have gone: files, databases, git objects, processes."""

from __future__ import annotations

import base64
import os
import secrets
import sqlite3
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from urllib.parse import quote


class Canary:
    """A random key, and all the forms in which it could be written down.

    Its random part is looked for on its own, so that half of the key is found as well.
    """

    def __init__(self) -> None:
        self.token = secrets.token_hex(20)
        self.key = f"sk-canary/{self.token}+="
        self._forms = [form for text in (self.key, self.token) for form in _forms(text)]

    def __repr__(self) -> str:
        return "Canary()"  # a failing test prints its variables; the key itself may go into no log

    def within(self, data: bytes) -> bool:
        """Whether any form of it is in the data."""
        return any(form in data for form in self._forms)

    def in_files(self, *places: Path) -> list[str]:
        """The files below these places with the key in their name or content, git objects and rows included.

        A file that does not exist is no place; a file that cannot be read fails.
        """
        found = []
        for path in (path for place in places for path in _walk(place)):
            if self.within(os.fsencode(path)) or self.within(_content(path)):
                found.append(str(path))
            if path.name == "HEAD" and (path.parent / "objects").is_dir() and self._in_git(path.parent):
                found.append(f"objects of {path.parent}")
            if path.suffix == ".db" and self._in_database(path):
                found.append(f"rows of {path}")
        return found

    def in_processes(self) -> list[int]:
        """The processes of this machine that have it in their environment or arguments, but for this one."""
        found = []
        for process in Path("/proc").iterdir():
            if not process.name.isdigit() or int(process.name) == os.getpid():
                continue
            try:
                seen = (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
            except OSError:
                continue  # it has ended
            if self.within(seen):
                found.append(int(process.name))
        return found

    def _in_git(self, repository: Path) -> bool:
        every = ["git", "cat-file", "--batch-all-objects", "--batch", "--unordered"]
        done = subprocess.run(
            every, env={**os.environ, "GIT_DIR": str(repository)}, capture_output=True, check=True
        )
        return self.within(done.stdout)

    def _in_database(self, path: Path) -> bool:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            return any(self.within(line.encode("utf-8", "surrogatepass")) for line in database.iterdump())


def _forms(text: str) -> Iterator[bytes]:
    raw = text.encode()
    for form in (raw, raw[::-1]):
        yield form
        yield form.hex().encode()
        yield form.hex().upper().encode()
        yield from _in_base64(form)
    yield quote(text, safe="").encode()
    yield quote(text, safe="").lower().encode()
    yield text.replace("/", "\\/").encode()
    yield text.replace("+", "\\u002b").encode()
    yield text.encode("utf-16-le")
    yield text.encode("utf-16-be")


def _in_base64(raw: bytes) -> Iterator[bytes]:
    """What base64 makes of it wherever it begins in a text, without the ends, which its neighbours change."""
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + raw)
        core = encoded[4 if before else 0 : len(encoded) - 4]
        yield core
        yield core.translate(bytes.maketrans(b"+/", b"-_"))


def _walk(place: Path) -> Iterator[Path]:
    for folder, _, names in os.walk(place):
        yield from (Path(folder, name) for name in names)


def _content(path: Path) -> bytes:
    if path.is_symlink():
        return os.fsencode(path.readlink())
    return path.read_bytes() if path.is_file() else b""


def commands(processes: Sequence[int]) -> list[str]:
    """The command lines of processes that live."""
    return [Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ") for pid in processes]
