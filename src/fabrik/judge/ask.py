"""`judge` and `ajudge`, for Python code."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from fabrik.judge.places import ask_all
from fabrik.judge.reading import Given, handed_over
from fabrik.judging.model import Intelligence, Judgement, NoVerdict, Question


async def ajudge(
    criteria: str,
    artifact: Given | Sequence[Given],
    *,
    intelligence: Intelligence = "fast",
    votes: int = 1,
    model: str | None = None,
    budget_usd: float | None = None,
) -> Judgement:
    """Whether an artifact meets the criteria; true only if it passes.

    artifact: a text, the path of a file, or bytes; several of them are judged together, as one piece of work.
    intelligence: "fast" or "smart", the models that `[judge]` in the config names. votes: from 1 to 15; more
    than half must be passes. model: another model, such as "openai/gpt-5.5". budget_usd: of this question.

    Raises NoVerdict when there is no verdict, which is never a pass; UsageError for what cannot be judged;
    EnvironmentProblem when no judge can be asked here (no key, or a check that is closed to models).
    """
    question = Question(criteria=criteria, artifacts=handed_over(artifact), votes=votes)
    report = await ask_all((question,), intelligence=intelligence, model=model, budget_usd=budget_usd)
    (answer,) = report.answers
    if isinstance(answer, NoVerdict):
        raise answer
    return answer


def judge(
    criteria: str,
    artifact: Given | Sequence[Given],
    *,
    intelligence: Intelligence = "fast",
    votes: int = 1,
    model: str | None = None,
    budget_usd: float | None = None,
) -> Judgement:
    """`ajudge` for code that is not asynchronous. Raises as it does."""

    asking = ajudge(
        criteria, artifact, intelligence=intelligence, votes=votes, model=model, budget_usd=budget_usd
    )
    if (
        not _in_loop()
    ):  # asked outside of the `except`: errors of the judge would show "no running event loop"
        return asyncio.run(asking)
    # Browser libraries run tests that look synchronous inside a loop of theirs, and screenshots are judged.
    return _in_thread(asking)


def _in_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _in_thread(asking: Coroutine[Any, Any, Judgement]) -> Judgement:
    """Wait for it beside the loop that runs here. Ctrl-C ends it, as it does without a loop."""
    begun: Future[Callable[[], object]] = Future()

    async def held() -> Judgement:
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        assert task is not None  # noqa: S101 - asyncio.run makes one
        begun.set_result(lambda: loop.call_soon_threadsafe(task.cancel))
        return await asking

    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="judge") as thread:
        asked = thread.submit(lambda: asyncio.run(held()))
        try:
            return asked.result()
        except KeyboardInterrupt:
            with contextlib.suppress(RuntimeError):  # it has just ended by itself
                begun.result()()
            raise
