"""What a person types in an interview, as a reply. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fabrik.workflows.interview.model import Asked, Question, Reply

if TYPE_CHECKING:
    from fabrik.workflows.interview.model import ReplyKind

WORDS: dict[str, ReplyKind] = {"skip": "skip", "back": "back", "done": "done"}
YES = frozenset({"y", "yes", "write", "ok"})
NO = frozenset({"n", "no"})
ONE = re.compile(r"[1-9]")
SEVERAL = re.compile(r"[1-9](?:(?:\s*(?:,|\+|&|and)\s*|\s+)[1-9])+")


def read_reply(typed: str, asked: Asked, *, first: bool) -> Reply | str | None:
    """The reply; or what is wrong with it, as a text; None when the person says that they leave.

    first: there is no answer that could be taken back.
    """
    text = typed.strip()
    word = text.casefold()
    if word == "back" and first:
        return "There is no answer yet that could be taken back."
    if isinstance(asked, Question):
        return _to_question(text, word, asked)
    if word in YES:
        return Reply(kind="write")
    if word in NO:
        return None
    if word in ("skip", "done"):
        return "The questions are over. Type yes to write it, or say what is to be changed."
    if word == "back":
        return Reply(kind="back")
    return Reply(kind="answer", text=text) if text else "Type yes or no, or say what is to be changed."


def _to_question(text: str, word: str, question: Question) -> Reply | str:
    count = len(question.options)
    if not text:
        return "Type an answer, or skip."
    if (kind := WORDS.get(word)) is not None:
        return Reply(kind=kind)
    if count and (ONE.fullmatch(text) or SEVERAL.fullmatch(text)):
        chosen = [int(number) for number in re.findall(r"\d", text)]
        if max(chosen) > count:
            which = {1: "only 1", 2: "1 and 2"}.get(count, f"1 to {count}")
            return f"The options are {which}. Choose among them, or write your own answer."
        return Reply(kind="answer", text="; ".join(question.options[number - 1] for number in chosen))
    return Reply(kind="answer", text=text)
