"""Files that people cannot read: compiled programs, and names that are not what they look like."""

from __future__ import annotations

import fnmatch
import posixpath
import unicodedata
from collections.abc import Iterator, Sequence

from fabrik.tampering.model import ChangedFile
from fabrik.tampering.notes import Found
from fabrik.tampering.protected import Protection
from fabrik.tampering.text import gone_lines, is_regular, quoted, text_of

# The first bytes of ELF, Mach-O (both byte orders, both sizes), wasm and `ar` archives of objects.
_MAGIC = (
    b"\x7fELF",
    b"\xfe\xed\xfa\xce",
    b"\xfe\xed\xfa\xcf",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",  # a class of Java, and a Mach-O for several machines
    b"\0asm",
    b"!<arch>\n",
)
_BLANK = frozenset(
    "\u3164\u115f\u1160\uffa0\u2800\u2028\u2029"
)  # seen as nothing, of other categories than Cf
_JOINERS = frozenset("\u200c\u200d")  # within words of some scripts, and within emoji
_COMPILED = "a compiled program was committed; what it does cannot be seen in the change"


def foreign_files(changes: Sequence[ChangedFile], protection: Protection) -> Iterator[Found]:
    """Remarks on new and changed files, by their first bytes and their names."""
    known = {each.before.content for each in changes if each.before is not None}
    ignored = _no_longer_ignored(changes)
    for change in changes:
        after, path = change.after, change.path
        if after is None:
            continue
        if change.before is None and _is_odd(path):
            what = f"its name holds characters that cannot be seen: {quoted(path)}"
            yield Found(kind="addresses", path=path, line=None, what=what, holds=True)
        if is_regular(after) and after.content not in known and _is_compiled(after.content):
            if protection.why(path) != "test":
                yield Found(kind="shadow", path=path, line=None, what=_COMPILED, holds=True)
        elif change.before is None and any(_matches(path, each) for each in ignored):
            what = "it was committed although the project leaves such files to the build (.gitignore)"
            yield Found(kind="shadow", path=path, line=None, what=what, holds=True)


def _is_compiled(content: bytes) -> bool:
    if content.startswith(b"MZ"):
        at = int.from_bytes(content[60:64], "little")
        return content[at : at + 4] == b"PE\0\0"
    return content.startswith(_MAGIC)


def _is_odd(path: str) -> bool:
    """Invisible and control characters; a line break only in names of code (data may have any name)."""
    for number, char in enumerate(path):
        if char.isascii() and char.isprintable():
            continue
        around = path[max(number - 1, 0) : number] + path[number + 1 : number + 2]
        if char in _JOINERS and around and not around.isascii():
            continue
        category = unicodedata.category(char)
        if category == "Cc" and char in "\t\n":
            if posixpath.splitext(path)[1] in (".py", ".js", ".ts", ".sh", ".c", ".go", ".rb", ".rs"):
                return True
        elif category in ("Cf", "Cc") or char in _BLANK:
            return True
    return False


def _no_longer_ignored(changes: Sequence[ChangedFile]) -> list[str]:
    """Patterns that the change took out of the project's .gitignore."""
    for change in changes:
        if change.path == ".gitignore" and change.before is not None:
            gone = gone_lines(text_of(change.before), text_of(change.after))
            patterns = [line.strip() for _, line in gone]
            return [each for each in patterns if not each.startswith(("#", "!"))][:200]
    return []


def _matches(path: str, pattern: str) -> bool:
    whole, bare = path.split("/"), pattern.strip("/")
    if "/" in bare or pattern.startswith("/"):
        return any(fnmatch.fnmatchcase("/".join(whole[:end]), bare) for end in range(1, len(whole) + 1))
    return any(fnmatch.fnmatchcase(each, bare) for each in whole)
