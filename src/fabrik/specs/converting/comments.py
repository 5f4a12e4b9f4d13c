"""The comments of a Markdown file, in its text and in its front matter, so that none is lost. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import yaml

_MARK = re.compile(r"(?:^|(?<=\s))#[^\n]*")


@dataclass(frozen=True, kw_only=True)
class Comment:
    """One HTML comment."""

    first: int  # its first line
    last: int
    text: str  # between the marks


def in_text(raw: list[str], clean: list[str]) -> list[Comment]:
    """The comments that the reader took out. `raw` and `clean`: the lines before and after that."""
    found: list[Comment] = []
    open_at: int | None = None
    parts: list[str] = []
    for number, (line, kept) in enumerate(zip(raw, clean, strict=True)):
        if line == kept and open_at is None:
            continue
        rest = line
        if open_at is not None:
            inside, closing, rest = rest.partition("-->")
            parts.append(inside)
            if not closing:
                continue
            found.append(Comment(first=open_at, last=number, text="\n".join(parts)))
            open_at, parts = None, []
            continue  # the reader takes what follows on this line as it is
        while "<!--" in rest:
            inside, closing, after = rest.partition("<!--")[2].partition("-->")
            if not closing:
                open_at, parts = number, [inside]
                break
            found.append(Comment(first=number, last=number, text=inside))
            rest = after
    if open_at is not None:
        found.append(Comment(first=open_at, last=len(raw) - 1, text="\n".join(parts)))
    return found


def in_yaml(source: str) -> list[str]:
    """The comments of YAML, in their order, each with its `#`."""
    taken = [False] * len(source)
    for token in yaml.scan(source, Loader=yaml.BaseLoader):
        start, end = token.start_mark.index, token.end_mark.index
        if isinstance(token, yaml.ScalarToken) and token.style in ("|", ">"):
            header = source.find("\n", start)
            start = header if header >= 0 else end  # a comment may stand behind the sign of the block
        for at in range(start, min(end, len(source))):
            taken[at] = True
    return [match[0].rstrip() for match in _MARK.finditer(source) if not taken[match.start()]]


def as_lines(comments: Iterable[Comment]) -> list[str]:
    """Comments as lines of a document."""
    return [line for comment in comments for line in f"<!--{comment.text}-->".split("\n")]
