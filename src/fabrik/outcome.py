"""How a session can end, and what follows from it: one table, one place for the decision.

A cause is read from exit statuses and from events that the agent CLI itself emits, never from model text
or tool output.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class Cause(StrEnum):
    """Why a session ended."""

    ENDED = "ended"  # the agent ended its session normally; says nothing about the work
    TURN_LIMIT = "turn_limit"  # the CLI's own bound on turns
    TIMED_OUT = "timed_out"  # ran longer than the session's time limit
    OUTPUT_LIMIT = "output_limit"  # printed more than the session's output limit
    MEMORY_LIMIT = "memory_limit"
    PROCESS_LIMIT = "process_limit"
    DISK_LIMIT = "disk_limit"
    CRASHED = "crashed"  # a signal, or an exit status that no event explains
    RATE_LIMITED = "rate_limited"  # the provider asks to wait
    OVERLOADED = "overloaded"  # the provider is overloaded or broken (5xx, 529, cut streams)
    UNREACHABLE = "unreachable"  # no connection to the provider
    AUTH = "auth"  # key missing, refused or without permission (401, 403)
    BAD_REQUEST = "bad_request"  # the provider refuses the request: unknown model, wrong parameters
    REFUSED = "refused"  # the model declined
    BUDGET = "budget"  # the run's budget was reached and the gateway cut the call
    NOT_STARTED = "not_started"  # the CLI is missing or does not start
    CANCELLED = "cancelled"  # a human cancelled the run


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What follows from a cause."""

    fault: Literal["nobody", "agent", "provider", "setup", "human"]
    keep_work: bool  # True: what was left is committed and checked. False: saved aside, the step starts clean
    counts: bool  # counts as an iteration of the task
    retries: int  # how often in a row the same session is tried again
    wait: Literal["none", "backoff", "reset"]  # before a retry; "reset": until the time the provider named
    verdict: Literal["none", "blocked", "failed", "exhausted", "cancelled"]  # when the retries are used up
    message: str  # what the user reads


def _agent(message: str) -> Policy:
    return Policy(
        fault="agent", keep_work=True, counts=True, retries=0, wait="none", verdict="none", message=message
    )


def _provider(message: str, wait: Literal["backoff", "reset"], retries: int) -> Policy:
    return Policy(
        fault="provider",
        keep_work=False,
        counts=False,
        retries=retries,
        wait=wait,
        verdict="blocked",
        message=message,
    )


def _setup(message: str, retries: int = 0) -> Policy:
    return Policy(
        fault="setup",
        keep_work=False,
        counts=False,
        retries=retries,
        wait="none",
        verdict="blocked",
        message=message,
    )


POLICIES: dict[Cause, Policy] = {
    Cause.ENDED: _agent("the session ended"),
    Cause.TURN_LIMIT: _agent("the agent reached its limit of turns"),
    Cause.TIMED_OUT: _agent("the session reached its time limit and was stopped"),
    Cause.OUTPUT_LIMIT: _agent("the session printed more than its output limit and was stopped"),
    Cause.MEMORY_LIMIT: _agent("the session used more memory than its limit and was stopped"),
    Cause.PROCESS_LIMIT: _agent("the session started more processes than its limit and was stopped"),
    Cause.DISK_LIMIT: _agent("the session used more disk than its limit and was stopped"),
    Cause.REFUSED: _agent("the model declined to do the task"),
    Cause.CRASHED: Policy(
        fault="agent",
        keep_work=False,
        counts=False,
        retries=3,
        wait="none",
        verdict="failed",
        message="the agent's process crashed",
    ),
    Cause.RATE_LIMITED: _provider("the provider's rate limit was reached", "reset", 20),
    Cause.OVERLOADED: _provider("the provider is overloaded or broken", "backoff", 8),
    Cause.UNREACHABLE: _provider("the provider cannot be reached", "backoff", 8),
    Cause.AUTH: _setup("the provider refused the key: set a valid one, then resume"),
    Cause.BAD_REQUEST: _setup("the provider refused the request: check the model's name, then resume"),
    Cause.NOT_STARTED: _setup("the agent did not start: see its log, then resume", retries=1),
    Cause.BUDGET: Policy(
        fault="nobody",
        keep_work=True,
        counts=True,
        retries=0,
        wait="none",
        verdict="exhausted",
        message="the run's budget is used up: resume it with a larger --budget-usd or --budget-tokens",
    ),
    Cause.CANCELLED: Policy(
        fault="human",
        keep_work=False,
        counts=False,
        retries=0,
        wait="none",
        verdict="cancelled",
        message="cancelled",
    ),
}


class Verdict(StrEnum):
    """How a run ended."""

    SHIPPED = "shipped"
    DONE = "done"  # it did what it was asked, and nothing was to be shipped
    REJECTED = "rejected"  # a human said no
    BLOCKED = "blocked"  # a human is needed before it can go on; resumable
    EXHAUSTED = "exhausted"  # a bound was reached: iterations, attempts, budget; resumable
    FAILED = "failed"  # something is broken that no further attempt mends
    CANCELLED = "cancelled"


class ExitStatus:
    """The documented exit statuses of the `fabrik` command."""

    OK = 0  # shipped, approved, or the command did what it was asked
    FAILED = 1  # the run failed, or the machine lacks something
    USAGE = 2  # the command line or a given file is wrong
    WAITING = 3  # the run waits for a human at the approval gate
    STOPPED = 4  # blocked, exhausted or rejected
    INTERRUPTED = 130  # Ctrl-C (the run goes on), or the run was cancelled


EXIT_OF_VERDICT: dict[Verdict, int] = {
    Verdict.SHIPPED: ExitStatus.OK,
    Verdict.DONE: ExitStatus.OK,
    Verdict.FAILED: ExitStatus.FAILED,
    Verdict.REJECTED: ExitStatus.STOPPED,
    Verdict.BLOCKED: ExitStatus.STOPPED,
    Verdict.EXHAUSTED: ExitStatus.STOPPED,
    Verdict.CANCELLED: ExitStatus.INTERRUPTED,
}
