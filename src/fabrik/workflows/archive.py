"""A tar file of a few files, made on the host to be unpacked inside a sandbox."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path


def pack(files: Mapping[str, bytes], archive: Path) -> None:
    """Write a tar file with these files (relative path → content), readable by everyone, not executable."""
    with tarfile.open(archive, "w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            entry.mode = 0o644
            tar.addfile(entry, io.BytesIO(content))
