"""What the next attempt at a spec is told about the one before. Pure."""

from __future__ import annotations

from collections.abc import Sequence

MOST = 16_000  # characters; the beginning says what is wrong
TAIL = 3_000  # characters of one check's output, or of an answer


def contract_broken(missing: Sequence[str], phrase: str, *, commit: bool) -> str:
    """The answer did not end as agreed."""
    wanted = "the full commit id alone on a line, then " if commit else ""
    contract = f"({wanted}the line `{phrase}` as the last one)"
    return f"Your answer did not keep the exit contract {contract}:\n\n{_list(missing)}"


def commit_refused(problems: Sequence[str]) -> str:
    """The commit that was named cannot be it."""
    return f"The host looked at the commit that was named, and does not take it:\n\n{_list(problems)}"


def checks_failed(commit: str, failed: Sequence[tuple[str, str, str]]) -> str:
    """failed: for each check its command, how it failed, and the end of its output."""
    parts = [
        f"`{_one_line(command)}`: {how}\n\n{_indented(output[-TAIL:] or '(no output)')}"
        for command, how, output in failed
    ]
    told = "\n\n".join(parts)
    return bounded(f"The host ran the checks in a fresh clone of {commit[:12]}. These failed:\n\n{told}")


def verifier_refused(commit: str, issues: Sequence[str], reason: str) -> str:
    """The independent verifier did not say yes."""
    if issues:
        told = f"The independent verifier looked at {commit[:12]} and asks for this:"
        return bounded(f"{told}\n\n{_list(issues)}")
    return (
        f"The independent verifier gave no valid verdict on {commit[:12]} ({reason}). Look at the work once"
        " more; if nothing is missing, name the same commit again."
    )


def specs_refused(problems: Sequence[str]) -> str:
    """What was written is no valid addition to the backlog."""
    return bounded(f"The host looked at the specifications that were written:\n\n{_list(problems)}")


def bounded(text: str) -> str:
    """The text, not longer than a prompt should carry."""
    return text if len(text) <= MOST else f"{text[:MOST]}\n(the rest is left out)"


def _list(items: Sequence[str]) -> str:
    return "\n".join("- " + "\n  ".join(item.splitlines()) for item in items)


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())


def _one_line(text: str) -> str:
    return " ".join(text.split())[:200]
