"""Files that steer agent CLIs: whoever reviews the candidate with such a CLI may read them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence

from pathspec import GitIgnoreSpec

from fabrik.tampering.model import ChangedFile
from fabrik.tampering.notes import Found
from fabrik.tampering.text import MAX_LINE, added_lines, named, quoted, text_of

# What people write for agents to read.
_DOCUMENTS = named(
    "claude.md claude.local.md agents.md agents.override.md agent.md gemini.md qwen.md codex.md crush.md"
    " .cursorrules .windsurfrules .clinerules .goosehints .rules copilot-instructions.md"
)
# Settings, hooks, commands and servers.
_SETTINGS = GitIgnoreSpec.from_lines(
    [
        ".claude/",
        ".codex/",
        ".gemini/",
        ".cursor/",
        ".opencode/",
        "opencode.json",
        "opencode.jsonc",
        ".pi/",
        ".agents/",
        ".amp/",
        ".qwen/",
        ".kiro/",
        ".amazonq/",
        ".junie/",
        ".continue/",
        ".roo/",
        ".roomodes",
        ".clinerules/",
        ".windsurf/",
        ".aider*",
        ".mcp.json",
        "mcp.json",
        ".vscode/mcp.json",
        ".github/instructions/",
        ".github/prompts/",
        ".github/chatmodes/",
        ".github/agents/",
    ]
)
# In a file that agents obey, a sentence about reviews is an order to the reviewer.
_ORDERS = re.compile(
    r"\b(?:review|verif|audit|verdict)\w{0,8}\b.{0,80}"
    r"\b(?:always|must|should|please|just|automatically|immediately|unconditionally|to)"
    r" (?:approve|accept|pass)\b"
    r"(?!.{0,60}\b(?:before|if|when|once|only|prior|unless|until)\b)"
    r"|\b(?:always|please|just|automatically|immediately|unconditionally) (?:approve|accept|pass)\b.{0,40}"
    r"\b(?:changes?|reviews?|candidates?|commits?|diffs?|everything|work|patch(?:es)?)\b"
    r"|(?<!not )(?<!n't )(?<!never )"
    r"\b(?:ignore|skip|(?:do not|don't|never) (?:report|flag|mention|raise))\b.{0,60}"
    r"\b(?:findings?|reviews?|reviewing|security|verdicts?|problems|vulnerabilit\w{1,4})\b"
    r"|\b(?:do not|don't|never|no need to) (?:run|execute) (?:the |any )?(?:tests?|checks?|linters?)\b"
    r"(?! (?:in|on|with|against|from|manually|concurrently|twice|as)\b)",
    re.I,
)


def steering(changes: Sequence[ChangedFile]) -> Iterator[Found]:
    """Changed steering files. Documents with honest edits are told, settings hold."""
    for change in changes:
        name = posixpath.basename(change.path).lower()
        if _SETTINGS.match_file(change.path):
            what = "it sets up agent CLIs, those of reviewers, too"
            gone = change.after is None
            yield Found(
                kind="steering",
                path=change.path,
                line=None,
                what=what + (" (it is gone)" if gone else ""),
                holds=True,
            )
        elif name in _DOCUMENTS:
            yield from _document(change)


def _document(change: ChangedFile) -> Iterator[Found]:
    if change.after is not None and not change.after.mode.startswith("100"):
        what = "the instructions for agents are a link now"
        yield Found(kind="steering", path=change.path, line=None, what=what, holds=True)
        return
    found = False
    for number, line in added_lines(text_of(change.before), text_of(change.after)):
        if _ORDERS.search(line[:MAX_LINE]):
            what = f"the instructions for agents speak of reviews and checks: {quoted(line)}"
            yield Found(kind="steering", path=change.path, line=number, what=what, holds=True)
            found = True
    if not found:
        what = (
            "the instructions for agents were changed"
            if change.before
            else "the instructions for agents are new"
        )
        yield Found(kind="steering", path=change.path, line=None, what=what, holds=False)
