"""The helper that runs on the other machine, packed: this room and the ground below it, as they are here."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_PACKAGE = Path(__file__).parents[2]
_LOADER = Path(__file__).with_name("loader.py")


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """An archive, and the name that its content gives it."""

    data: bytes
    digest: str
    loader: str  # a program for `python3 -c`


@lru_cache(maxsize=1)
def bundle() -> Bundle:
    """Pack the helper; the same files give the same name, whenever and wherever they are packed."""
    raw = io.BytesIO()
    room = _PACKAGE / "sandboxes"
    files = [*_PACKAGE.glob("*.py"), *room.rglob("*.py"), *room.glob("etc/*")]
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for file in sorted(files):
            content = file.read_bytes()
            entry = tarfile.TarInfo(f"fabrik/{file.relative_to(_PACKAGE)}")
            entry.size, entry.mode = len(content), 0o644
            archive.addfile(entry, io.BytesIO(content))
    data = gzip.compress(raw.getvalue(), mtime=0)
    return Bundle(data=data, digest=hashlib.sha256(data).hexdigest(), loader=_LOADER.read_text())
