"""The encodings in which agents and tools print a secret, each as a function of the text that it is in."""

from __future__ import annotations

import base64
import html
import json
import quopri
from collections.abc import Callable, Mapping
from urllib.parse import quote, quote_plus


def _wrapped(text: str, width: int) -> str:
    encoded = base64.b64encode(text.encode()).decode()
    return "\n".join(encoded[at : at + width] for at in range(0, len(encoded), width))


def _each(template: Callable[[int], str]) -> Callable[[str], str]:
    return lambda text: "".join(template(byte) for byte in text.encode())


ENCODINGS: Mapping[str, Callable[[str], str]] = {
    "plain": lambda text: text,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64-url": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "base64-lines-64": lambda text: _wrapped(text, 64),
    "base64-lines-76": lambda text: _wrapped(text, 76),
    "base64-lines-in-json": lambda text: json.dumps(json.dumps(_wrapped(text, 76))),
    "url": lambda text: quote(text, safe=""),
    "url-plus": quote_plus,
    "url-all-lower": _each(lambda byte: f"%{byte:02x}"),
    "url-all-upper": _each(lambda byte: f"%{byte:02X}"),
    "url-twice": lambda text: quote(quote(text, safe=""), safe=""),
    "json": json.dumps,
    "json-slashes": lambda text: json.dumps(text).replace("/", "\\/"),
    "json-all-escaped": lambda text: json.dumps("".join(f"\\u{ord(char):04x}" for char in text)),
    "hex-lower": lambda text: text.encode().hex(),
    "hex-upper": lambda text: text.encode().hex().upper(),
    "hex-spaced": lambda text: text.encode().hex(" "),
    "hex-escapes": _each(lambda byte: f"\\x{byte:02x}"),
    "octal-escapes": _each(lambda byte: f"\\{byte:03o}"),
    "html": html.escape,
    "html-decimal": _each(lambda byte: f"&#{byte};"),
    "html-hex": _each(lambda byte: f"&#x{byte:X};"),
    "quoted-printable": lambda text: quopri.encodestring(text.encode(), quotetabs=True).decode(),
    "shell-backslashes": lambda text: "".join(c if c.isalnum() else f"\\{c}" for c in text),
    "utf-16": lambda text: text.encode("utf-16-le").decode("latin-1"),
    "base64-of-utf-16": lambda text: base64.b64encode(text.encode("utf-16-le")).decode(),
    "base64-of-json": lambda text: base64.b64encode(json.dumps({"key": text}).encode()).decode(),
    "url-of-base64": lambda text: quote(base64.b64encode(text.encode()).decode(), safe=""),
    "reversed": lambda text: text[::-1],
}
# These need the secret alone: what is around it in the inner encoding would be a part of it.
OF_THE_SECRET: Mapping[str, Callable[[str], str]] = {
    "base64-of-base64": lambda text: base64.b64encode(base64.b64encode(text.encode())).decode(),
    "base64-of-url": lambda text: base64.b64encode(quote(text, safe="").encode()).decode(),
}
