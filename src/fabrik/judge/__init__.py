"""Let a model judge a text or a picture: pass or fail by criteria in words.

    from fabrik.judge import judge

    def test_welcome() -> None:
        assert judge("warm and direct, for designers", welcome())

`judge` and `ajudge` ask, `Judgement` is what they give, `NoVerdict` what they raise when there is no verdict.
With pytest there is a fixture of the same name, whose failures show the feedback. All of it is loaded when it
is first used: pytest loads this package in every project that fabrik is installed in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fabrik.judge.ask import ajudge, judge
    from fabrik.judging.model import Judgement, NoVerdict, Vote

__all__ = ["Judgement", "NoVerdict", "Vote", "ajudge", "judge"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    module = "fabrik.judge.ask" if name in ("judge", "ajudge") else "fabrik.judging.model"
    return getattr(import_module(module), name)
