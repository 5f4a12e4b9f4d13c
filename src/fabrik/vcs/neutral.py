"""A commit that says nothing about itself, made without git. Pure.

Its form is that of git's own objects (Pro Git, "Git Objects"): the kind and the size, a NUL, the content; the
id is the hash of it all, and the file of a loose object holds it compressed.
"""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass

from fabrik.vcs.store import object_format_of

# Who made a change, and when, is nothing that reviewers are to see.
_WHO = "fabrik <fabrik@localhost> 946684800 +0000"
_MESSAGE = "The change under review\n"


@dataclass(frozen=True, kw_only=True)
class Neutral:
    """A neutral commit, ready to be put into a repository."""

    id: str
    tree: str
    loose: bytes  # what its file among the loose objects holds


def neutral_commit(base: str, tree: str) -> Neutral:
    """The commit with these files and the one parent `base`; the same input gives the same commit."""
    content = f"tree {tree}\nparent {base}\nauthor {_WHO}\ncommitter {_WHO}\n\n{_MESSAGE}".encode()
    whole = b"commit %d\0" % len(content) + content
    id = hashlib.new(object_format_of(base), whole).hexdigest()
    return Neutral(id=id, tree=tree, loose=zlib.compress(whole, 1))
