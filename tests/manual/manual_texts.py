"""The texts that speak of fabrik's commands, and the code blocks in them with what their comments say."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

from markdown_it.tree import SyntaxTreeNode

from fabrik.manual.markdown import tree

ROOT = Path(__file__).parents[2]
PAGES = Path(str(resources.files("fabrik.manual"))) / "pages"

_DIRECTIVE = re.compile(r"<!--\s*(?P<key>[a-z ]+):\s*(?P<value>.*?)\s*-->", re.DOTALL)
SHELL = ("console", "sh", "bash", "shell")


@dataclass(frozen=True, kw_only=True)
class Block:
    """A code block at the top of a page."""

    line: int  # of its first line of code, from 1
    language: str
    text: str
    said: dict[str, str] = field(default_factory=dict)  # what the comments before it say: see manual_runner

    @property
    def commands(self) -> bool:
        return self.language in SHELL


def texts() -> list[Path]:
    """Every text of the project that may name a command, but for the changelog of what once was."""
    found = [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "examples").rglob("*.md"),
        *(ROOT / "src").rglob("*.md"),
    ]
    return sorted(path for path in found if path.name != "CHANGELOG.md")


def blocks(path: Path) -> Iterator[Block]:
    """The code blocks of a page, in order."""
    said: dict[str, str] = {}
    for node in tree(path.read_text("utf-8")).children:
        if node.type == "html_block":
            said |= {found["key"]: found["value"] for found in _DIRECTIVE.finditer(node.content)}
        elif node.type == "fence":
            language = node.info.split()[0] if node.info else ""
            line = node.map[0] + 2 if node.map else 0
            yield Block(line=line, language=language, text=node.content, said=said)
            said = {}


def directives(path: Path) -> Iterator[tuple[str, str]]:
    """What all the comments of a page say."""
    for found in _DIRECTIVE.finditer(path.read_text("utf-8")):
        yield found["key"], found["value"]


def command_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Every command line of fabrik in a text: in code blocks, nested ones too, and in running text."""
    for node in tree(path.read_text("utf-8")).walk(include_self=False):
        line = node.map[0] + 1 if node.map else 0
        if node.type in ("fence", "code_block"):
            joined = node.content.replace("\\\n", "  ")
            for offset, text in enumerate(joined.splitlines(), 1):
                if found := re.match(r"(?:\$ )?(?:[A-Z_]+=\S+ )*(fabrik(?: .*)?)$", text.strip()):
                    yield line + offset, found[1]
        elif node.type == "inline":
            for code in _code(node):
                if re.match(r"fabrik [a-z-]", code):
                    yield line, code


def _code(node: SyntaxTreeNode) -> Iterator[str]:
    for part in node.walk():
        if part.type == "code_inline":
            yield part.content


def messages(path: Path) -> Iterator[tuple[int, str]]:
    """Every command line of fabrik that a text in the source names in backticks; X is what is filled in."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        match node:
            case ast.JoinedStr():
                text = "".join(
                    str(part.value) if isinstance(part, ast.Constant) else "X" for part in node.values
                )
            case ast.Constant(value=str() as text):
                pass
            case _:
                continue
        for command in re.findall(r"`(fabrik [a-z-][^`]*)`", text.replace("\n", " ")):
            yield node.lineno, command
