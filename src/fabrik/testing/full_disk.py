"""A disk without room, for tests of what writes."""

from __future__ import annotations

import os
from pathlib import Path


def fill(file: Path) -> None:
    """Write into a file until no byte fits any more."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        for size in (1 << 20, 4096, 1):
            try:
                while os.write(descriptor, b"x" * size):
                    pass
            except OSError:
                continue
    finally:
        os.close(descriptor)
