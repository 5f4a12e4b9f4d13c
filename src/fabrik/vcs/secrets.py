"""Files whose names look like those of secrets: nothing takes them into a commit unasked. Pure."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

# Names of files and directories, in lower case. Told to people in the manual's page about the loop.
SECRET = (
    ".env*", "*.env", "*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.keystore", "*.kdbx", "id_rsa*",
    "id_dsa*", "id_ecdsa*", "id_ed25519*", "*credential*", "*secret*", ".netrc", "_netrc", ".pgpass",
    ".htpasswd", ".git-credentials", ".aws", ".ssh", ".gnupg", ".kube",
)  # fmt: skip
# What shows people which settings there are, without any.
SAMPLE = re.compile(r"[._-](?:example|sample|template|dist)(?:\.[a-z]+)?$|\.pub$", re.IGNORECASE)
WITH_TOKENS = (".npmrc", ".pypirc", ".yarnrc.yml")  # settings, and sometimes a token among them
_TOKEN = re.compile(rb"_auth|_password|npmAuth|^\s*password\s*[:=]", re.MULTILINE)


def looks_secret(path: str) -> bool:
    """Whether the file's name, or that of a directory around it, looks like one of a secret."""
    return any(
        any(fnmatchcase(part.lower(), pattern) for pattern in SECRET) and not SAMPLE.search(part)
        for part in PurePosixPath(path).parts
    )


def may_hold_token(path: str) -> bool:
    """Whether only the content tells: see `holds_token`."""
    return PurePosixPath(path).name in WITH_TOKENS


def holds_token(content: bytes) -> bool:
    """Whether settings of a package manager name a token or a password."""
    return _TOKEN.search(content) is not None
