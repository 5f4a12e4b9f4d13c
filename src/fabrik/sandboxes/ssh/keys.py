"""What a sandbox is called on the other machine: written on this one before it is made there."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from pathlib import Path

_KEY = "remote.json"  # beside labels.json


def key_of(root: Path) -> str:
    """The key of the sandbox with this root; written here at the first time. Raises OSError.

    The same root of the same machine gives the same key, so that one made anew is found by who reads it.
    """
    if known := known_key(root):
        return known
    key = hashlib.sha256(f"{_machine()}\0{os.getuid()}\0{root}".encode()).hexdigest()[:32]
    fresh = root / f".{_KEY}.new"
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(json.dumps({"v": 1, "key": key}))
    fresh.replace(root / _KEY)
    return key


def known_key(root: Path) -> str | None:
    """The key that is written there; None where no sandbox was ever made."""
    try:
        key = json.loads((root / _KEY).read_text())["key"]
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return key if isinstance(key, str) and key.isalnum() else None


def _machine() -> str:
    try:
        return Path("/etc/machine-id").read_text().strip()
    except OSError:
        return platform.node()
