"""The forms in which a secret turns up in what agents and tools print, and how each is recognised. Pure.

- plain, and each character of it in any of these escapes, mixed as they come: percent (also twice and
  more), JSON and other languages (\\u0041, \\x41, \\101, \\/, backslashes of a shell, any number of them),
  HTML (&#65; &#x41; &amp;), quoted-printable (=41, with its soft line breaks); in UTF-16; broken over lines
- hexadecimal, in either case, with or without spaces, colons and commas between the digits
- base64 of any text that has the secret in it (three alignments), standard and URL-safe, with or without
  padding and line breaks; the same of what JSON, a URL, UTF-16 or another base64 made of the secret; and all
  of that escaped once more as above
- reversed
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from functools import cache, cached_property, lru_cache
from urllib.parse import quote

SHORTEST = 8  # characters
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_URL_SAFE = str.maketrans("+/", "-_")
_NAMED = {"&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "(?:apos|#39)"}
_REACH = 12  # bytes that one character takes at the most, on average: `\\\\u0041`, a line break now and then

# Between two characters: a line break with what follows it, plain or escaped; the zeros of UTF-16.
_BREAK = rb"(?:=?\r?\n(?![\r\n])[ \t]{0,16}|\\{1,8}[rn]|%(?:25){0,4}0[AaDd]|\x00)"

_ESCAPE = re.compile(
    rb"%(?:25)*([0-9A-Fa-f]{2})"
    rb"|\\+(?:u\{?0*([0-9A-Fa-f]{2})\}?(?![0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|([0-7]{3}))"
    rb"|&(?:amp;)*#(?:0*([0-9]{1,5})|[xX]0*([0-9A-Fa-f]{1,4}));"
    rb"|&(?:amp;)*(amp|lt|gt|quot|apos);"
)
_PRINTABLE = re.compile(rb"=([0-9A-F]{2})")
_NAMES = {b"amp": b"&", b"lt": b"<", b"gt": b">", b"quot": b'"', b"apos": b"'"}

# What forms may differ in: case, the alphabets of base64, line breaks and what separates digits. `n` and `r`
# are dropped with the backslashes, for an escaped line break is one of these. Dropping more finds more.
_DROPPED = bytes([*range(0x21), *b"\\nrNR=:,", *range(0x7F, 0x100)])
_SAME = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ-_", b"abcdefghijklmnopqrstuvwxyz+/")

# An escape that has only begun.
UNFINISHED = re.compile(
    rb"(?:\\+(?:u\{?[0-9A-Fa-f]{0,4}|x[0-9A-Fa-f]?|[0-7]{1,2})?|%(?:25)*[0-9A-Fa-f]?"
    rb"|&(?:amp;)*(?:#[xX]?[0-9A-Fa-f]{0,5}|[a-z]{0,4})|=(?:[0-9A-F]|\r)?)\Z"
)
_GOING_ON, _GOING_ON_LOOSE = (
    re.compile(rb"(?:" + _BREAK + more + rb")*(?:" + UNFINISHED.pattern[:-2] + rb")?\Z")
    for more in (b"", b"|[ :,]")
)


class Form:
    """One form of one secret: its characters, each as a choice of ways to write it."""

    __slots__ = ("__dict__", "_exact", "_loose", "_tokens", "firsts", "head", "needle", "reach")

    def __init__(self, tokens: tuple[str, ...], *, loose: bool = False, exact: bytes = b"") -> None:
        """tokens: the characters that may stand at each place. loose: what separates digits may be between.

        exact: how it is written without any escape, for secrets that themselves look like escapes.
        """
        self._tokens = tokens
        self._exact = exact
        self._loose = loose
        self.needle = _certain(tokens)
        self.head = _certain(tokens[:4])
        self.firsts = frozenset(
            byte for char in tokens[0] for byte in b"\\%=&" + char.encode("utf-8", "replace")[:1]
        )
        self.reach = max(64, _REACH * len(tokens))

    @cached_property
    def _steps(self) -> tuple[re.Pattern[bytes], ...]:
        return tuple(_step(token, self._loose, index > 0) for index, token in enumerate(self._tokens))

    @cached_property
    def _start(self) -> re.Pattern[bytes]:
        first, second = (
            _pattern(token, self._loose, index > 0) for index, token in enumerate(self._tokens[:2])
        )
        return re.compile(rb"(?=" + first + second + rb")")

    def spans(self, data: bytes) -> Iterator[tuple[int, int]]:
        """Where this form is."""
        at = data.find(self._exact) if self._exact else -1
        while at >= 0:
            yield at, at + len(self._exact)
            at = data.find(self._exact, at + 1)
        after = 0
        for start in self._start.finditer(data):
            if start.start() >= after and (end := self._walk(data, start.start())[0]) is not None:
                yield start.start(), end
                after = end

    def begins(self, data: bytes, first: int, end: int) -> Iterator[int]:
        """Where in data[first:end] the first two characters of this form are."""
        for start in self._start.finditer(data, first):
            if start.start() >= end:
                break
            yield start.start()

    def unfinished(self, data: bytes, begin: int) -> bool:
        """Whether data, from `begin` to its end, is how this form begins."""
        if self._exact.startswith(data[begin:]):
            return len(data) - begin < len(self._exact)
        end, stopped, before = self._walk(data, begin)
        if end is not None or (stopped == begin and data[begin] in b" ,:\t\r\n\x00"):
            return False
        # The last character that fitted may be the beginning of an escape: `\\x` of `\\x41`.
        going_on = _GOING_ON_LOOSE if self._loose else _GOING_ON
        return any(going_on.match(data, at) for at in {stopped, before})

    def _walk(self, data: bytes, begin: int) -> tuple[int | None, int, int]:
        """The end of this form if it is at `begin`; where it stopped fitting; where the last one fitted."""
        at = before = begin
        for step in self._steps:
            found = step.match(data, at)
            if found is None:
                return None, at, before
            at, before = found.end(), at
        return at, at, before


def forms_of(secret: str) -> Iterator[Form]:
    """All forms of a secret that are looked for."""
    plain = secret.encode("utf-8", "surrogatepass")
    yield Form(tuple(secret), exact=plain)
    yield Form(tuple(reversed(secret)), exact=secret[::-1].encode("utf-8", "surrogatepass"))
    yield Form(tuple(digit.lower() + digit.upper() for digit in plain.hex()), loose=True)
    quoted = json.dumps(secret)[1:-1]
    inner = {
        plain: None,
        quoted.encode(): None,
        quoted.replace("/", "\\/").encode(): None,
        quote(plain, safe="").encode(): None,
        base64.b64encode(plain).rstrip(b"="): None,
        base64.urlsafe_b64encode(plain).rstrip(b"="): None,
        secret.encode("utf-16-le", "surrogatepass"): None,
    }
    for content in inner:
        for before in range(3):
            yield Form(_base64(content, before))


def _base64(content: bytes, before: int) -> tuple[str, ...]:
    """The characters of base64 for `content` after `before` bytes that nobody knows."""
    bits: list[str] = ["?"] * (8 * before) + list("".join(f"{byte:08b}" for byte in content))
    bits += ["?"] * (-len(bits) % 6)
    groups = ("".join(bits[at : at + 6]) for at in range(0, len(bits), 6))
    return tuple(_fitting(group) for group in groups if set(group) != {"?"})


@cache
def _fitting(group: str) -> str:
    found = "".join(
        char
        for number, char in enumerate(_ALPHABET)
        if all(known in ("?", bit) for known, bit in zip(group, f"{number:06b}", strict=True))
    )
    return found + "".join(char for char in found.translate(_URL_SAFE) if char not in found)


_FOLD = str.maketrans("-_", "+/")


def canonical(data: bytes) -> tuple[bytes, ...]:
    """Data as forms are looked for in it: as it is, with escapes undone, with quoted-printable undone."""
    shapes = [data.translate(_SAME, _DROPPED)]
    if b"%" in data or b"\\" in data or b"&" in data:
        undone = data
        for _ in range(3):  # what was escaped twice, differently each time
            undone, count = _ESCAPE.subn(_unescaped, undone)
            if not count:
                break
        shapes.append(undone.translate(_SAME, _DROPPED))
    if b"=" in data and _PRINTABLE.search(data):
        shapes.append(_PRINTABLE.sub(_unescaped_printable, data).translate(_SAME, _DROPPED))
    return tuple(dict.fromkeys(shapes))


def _certain(tokens: tuple[str, ...]) -> bytes:
    """The characters of a form that are the same however it is written, in the common shape.

    A place with several characters is at an end of a form, or has the two cases, or the two alphabets.
    """
    same = "".join(token[0] for token in tokens if len(set(token.lower().translate(_FOLD))) == 1)
    return same.encode("utf-8", "surrogatepass").translate(_SAME, _DROPPED)


def _unescaped(found: re.Match[bytes]) -> bytes:
    percent, short, long, byte, octal, decimal, hexadecimal, name = found.groups()
    if name:
        return _NAMES[name]
    if octal:
        number = int(octal, 8)
    elif decimal:
        number = int(decimal)
    else:
        number = int(percent or short or long or byte or hexadecimal, 16)
    return bytes([number]) if number < 0x80 else b""


def _unescaped_printable(found: re.Match[bytes]) -> bytes:
    return bytes([int(found[1], 16)])


@lru_cache(maxsize=4096)
def _step(token: str, loose: bool, inside: bool) -> re.Pattern[bytes]:
    return re.compile(_pattern(token, loose, inside))


@lru_cache(maxsize=4096)
def _pattern(token: str, loose: bool, inside: bool) -> bytes:
    """inside: what may stand between two characters may stand before this one."""
    choice = b"|".join(_written(char) for char in token)
    if not inside:
        return rb"(?:" + choice + rb")"
    between = rb"(?:" + _BREAK + rb"|[ :,])" if loose else _BREAK
    return rb"(?:(?:" + choice + rb")|" + between + rb"{1,6}(?:" + choice + rb"))"


@lru_cache(maxsize=4096)
def _written(char: str) -> bytes:
    """All ways to write one character."""
    data = char.encode("utf-8", "surrogatepass")
    units = char.encode("utf-16-be", "surrogatepass")
    code = [f"{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2)]
    ways = [  # the escapes first: `\\x41` is one of them, and not an x behind a backslash
        "".join(rf"%(?:25){{0,4}}{_either_case(f'{byte:02x}')}" for byte in data),
        "".join(rf"\\{{1,8}}u{_either_case(unit)}" for unit in code),
        rf"\\{{1,8}}u\{{0{{0,4}}{_either_case(f'{ord(char):x}')}\}}",
        "".join(rf"\\{{1,8}}x{_either_case(f'{byte:02x}')}" for byte in data),
        "".join(rf"\\{{1,8}}{byte:03o}" for byte in data),
        "".join(f"={byte:02X}" for byte in data),
        rf"&(?:amp;){{0,2}}#(?:0{{0,4}}{ord(char)}|[xX]0{{0,4}}{_either_case(f'{ord(char):x}')});",
    ]
    if char in _NAMED:
        ways.append(f"&(?:amp;){{0,2}}{_NAMED[char]};")
    ways.append(r"\\{0,8}" + re.escape(char))
    return "|".join(ways).encode("utf-8", "surrogatepass")


def _either_case(digits: str) -> str:
    return "".join(f"[{digit}{digit.upper()}]" if digit.isalpha() else digit for digit in digits)
