"""Real CLIs whose model provider fails in every way that one can: the right verdict, at a bounded cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from canary import Canary
from cli_world import (
    CLIS,
    CliWorld,
    Require,
    answers,
    cli_world,
    do,
    installed,
    plain,
    task,
    tokens,
)
from harness import git

from fabrik.ledger.store import Ledger
from fabrik.testing.model_server import (
    Answer,
    Cut,
    Failure,
    Hang,
    HttpError,
    ModelServer,
    Script,
    Session,
    Shell,
    Text,
)
from fabrik.usage import Usage

FAST = ("claude", "codex", "pi")
TRIED = "session.started"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[CliWorld]:
    with cli_world(tmp_path) as made:
        yield made


def failing_first(failure: Failure, number: int = 1) -> Session:
    """A session of a task that meets a failure before it does anything."""
    return task(number, failure, do(number), Text("Done."))


def playing(world: CliWorld, sessions: Sequence[Session], *failures: Failure) -> ModelServer:
    """A model server for the world's canary only."""
    return ModelServer(Script(sessions=sessions, failures=failures), key=world.canary.key)


def test_a_refused_key_blocks_and_a_valid_one_goes_on(world: CliWorld, require: Require) -> None:
    """The provider repeats the key that it refuses, as careless services do."""
    cli = installed("claude", require)
    wrong = Canary()
    refusing = HttpError(status=401, echo_key=True)
    with ModelServer(Script(failures=[refusing])) as server:
        world.connect(server, key=wrong.key)
        run = world.ship(cli, status=4)
        assert run.status == "blocked"
        assert "the provider refused the key: set a valid one, then resume" in str(run.failure_reason)
        assert {call.key for call in answers(server)} == {wrong.key}
    assert len(world.events(TRIED)) == 1
    world.assert_clean(wrong)

    with playing(world, plain(1, 2)) as server:
        world.connect(server)
        world.fabrik("run", "resume", "last")
        assert {call.key for call in answers(server)} == {world.canary.key}
    assert world.last().status == "shipped"
    assert world.commits() == ["Do task 1", "Do task 2"]
    world.assert_clean(wrong)


@pytest.mark.parametrize("name", FAST)
def test_an_unknown_model_blocks(name: str, world: CliWorld, require: Require) -> None:
    cli = installed(name, require)
    with playing(world, [], HttpError(status=404)) as server:
        world.connect(server)
        run = world.ship(cli, status=4)
        assert len(answers(server)) <= 2
    assert run.status == "blocked"
    assert "check the model's name" in str(run.failure_reason)
    assert "not exist" in str(run.failure_reason)  # the provider's words, or the CLI's
    assert len(world.events(TRIED)) == 1
    world.assert_clean()


@pytest.mark.parametrize("name", FAST)
def test_a_rate_limit_is_waited_for_and_is_no_iteration(name: str, world: CliWorld, require: Require) -> None:
    """The reset is in the vendor's own headers. Two sessions are allowed, and two tasks need them both."""
    cli = installed(name, require)
    times = 1 if name == "codex" else 2  # codex does not try a 429 again
    limited = HttpError(status=429, resets_in=2, times=times)
    with playing(world, [failing_first(limited), *plain(2)]) as server:
        world.connect(server)
        run = world.ship(cli, "--iterations", "2")
        refused = [call for call in answers(server) if call.status == 429]
    assert run.status == "shipped"
    assert world.commits() == ["Do task 1", "Do task 2"]
    [waited] = world.events("wait")
    assert waited.step == "task/1/implement#1"
    assert waited.data["reason"] == "the provider's rate limit was reached"
    last = refused[-1].retry_at
    assert last is not None
    assert waited.data["until"] == pytest.approx(last, abs=3)
    assert [event.step for event in world.events(TRIED)] == [
        "task/1/implement#1",
        "task/1/implement#1/retry#1",
        "task/2/implement#1",
    ]
    ended = [event.data["cause"] for event in world.events("session.ended")]
    assert ended == ["rate_limited", "ended", "ended"]


@pytest.mark.parametrize("name", CLIS)
def test_a_limit_of_two_hours_does_not_keep_a_session_waiting(
    name: str, world: CliWorld, require: Require
) -> None:
    """With a Retry-After header, for which most CLIs would wait. The host decides: not to wait so long."""
    cli = installed(name, require)
    world.configure('[limits]\nmax_wait = "1m"\n')
    with playing(world, [], HttpError(status=429, retry_after=7200)) as server:
        world.connect(server)
        run = world.ship(cli, status=4)
        last = answers(server)[-1]
    assert run.status == "blocked"
    assert "it asks to wait 2.0 h, longer than max_wait" in str(run.failure_reason)
    assert last.retry_at is not None
    asked = [call for call in world.calls() if call.attempts]
    assert asked[-1].retry_at == pytest.approx(last.retry_at, abs=3)
    assert len(asked) <= 3  # opencode would go on for as long as it lives
    assert [event.data["cause"] for event in world.events("session.ended")] == ["rate_limited"]


@pytest.mark.parametrize("name", FAST)
def test_an_overloaded_provider_is_asked_again_by_the_gateway(
    name: str, world: CliWorld, require: Require
) -> None:
    cli = installed(name, require)
    with playing(world, [failing_first(HttpError(status=529, times=2)), *plain(2)]) as server:
        world.connect(server)
        run = world.ship(cli)
        assert [call.status for call in answers(server)] == [529, 529, 200, 200, 200, 200]
        expected = server.expected_usage()
    assert run.status == "shipped"
    assert [(call.attempts, call.outcome) for call in world.calls()] == [(3, "ok")] + [(1, "ok")] * 3
    assert tokens(world.usage()) == expected
    assert world.events("wait") == []
    assert len(world.events(TRIED)) == 2


def test_a_provider_that_stays_overloaded_is_waited_for_by_the_host(
    world: CliWorld, require: Require
) -> None:
    """Two calls of the CLI, three attempts of the gateway at each; then the session is tried again."""
    cli = installed("claude", require)
    world.configure('[limits]\nmax_wait = "1s"\n')
    with playing(world, [failing_first(HttpError(status=529, times=6)), *plain(2)]) as server:
        world.connect(server)
        run = world.ship(cli, "--iterations", "2")
    assert run.status == "shipped"
    assert [event.data["reason"] for event in world.events("wait")] == [
        "the provider is overloaded or broken"
    ]
    ended = [event.data["cause"] for event in world.events("session.ended")]
    assert ended == ["overloaded", "ended", "ended"]
    assert [call.attempts for call in world.calls()] == [3, 3, 1, 1, 1, 1]


@pytest.mark.parametrize("name", FAST)
def test_a_cut_stream_is_asked_for_again_and_what_it_used_stays_unknown(
    name: str, world: CliWorld, require: Require
) -> None:
    cli = installed(name, require)
    with playing(world, [failing_first(Cut(times=1)), *plain(2)]) as server:
        world.connect(server)
        run = world.ship(cli)
        asked = answers(server)
    assert run.status == "shipped"
    assert world.commits() == ["Do task 1", "Do task 2"]
    calls = world.calls()
    assert len(calls) == len(asked)
    [cut] = [call for call in calls if call.outcome == "cut"]
    assert cut.usage.output_tokens is None
    assert world.usage().total_tokens is None
    assert [tokens(call.usage) for call in calls if call is not cut] == [
        call.usage for call in asked if call.outcome == "answered"
    ]


@pytest.mark.parametrize(
    ("budget", "asked", "last"),
    [
        ("1000", 2, "answered"),  # used up by the second answer: the third call is refused
        ("1300", 3, "left"),  # the third is cut when it tells what its prompt used
    ],
)
def test_a_budget_cuts_the_call_that_would_exceed_it(
    budget: str, asked: int, last: str, world: CliWorld, require: Require
) -> None:
    cli = installed("claude", require)
    used = Usage(
        input_tokens=400, cache_read_tokens=0, cache_write_tokens=0, output_tokens=100, reasoning_tokens=0
    )
    turns = [Answer((Shell(f"echo {n} >> work.txt"),), used) for n in range(9)]
    begun = Hang(after_events=1)  # of the third answer only the beginning, with the prompt's tokens, is sent
    with playing(world, [task(1, *turns[:2], begun, *turns[2:], Text("Done."))]) as server:
        world.connect(server)
        run = world.ship(cli, "--budget-tokens", budget, status=4)
        world.assert_clean()
        server.wait_for(lambda calls: calls[-1].outcome == last)
        assert len(answers(server)) == asked  # and none after it
    assert run.status == "exhausted"
    assert "the run's budget is used up" in str(run.failure_reason)
    calls = world.calls()
    assert [call.outcome for call in calls[:2]] == ["ok", "ok"]
    assert {call.outcome for call in calls[2:]} == {"budget"}
    assert len([call for call in calls if call.attempts]) == asked
    assert [event.data["cause"] for event in world.events("session.ended")] == ["budget"]
    assert git("branch", "--list", "spec-feature", cwd=world.project) == ""


def test_a_run_that_used_its_budget_up_ships_when_it_is_resumed_with_more(
    world: CliWorld, require: Require
) -> None:
    cli = installed("claude", require)
    used = Usage(
        input_tokens=400, cache_read_tokens=0, cache_write_tokens=0, output_tokens=100, reasoning_tokens=0
    )
    turns = [Answer((Shell(f"echo {n} >> work.txt"),), used) for n in range(3)]
    with playing(world, [task(1, *turns, do(1), Text("Done.")), *plain(2)]) as server:
        world.connect(server)
        run = world.ship(cli, "--budget-tokens", "1000", status=4)
        assert run.status == "exhausted"
        world.fabrik("run", "resume", run.id, status=4)  # without more it is at its end again at once
        world.fabrik("run", "resume", run.id, "--budget-tokens", "1000000")
        world.assert_clean()
    assert world.last().status == "shipped"
    # The first is what fabrik committed of the session that the budget cut off.
    assert world.commits() == ["Do task 1", "Do task 1", "Do task 2"]
    assert world.files_of("spec-feature~2") == {"work.txt"}


@pytest.mark.parametrize("name", CLIS)
def test_without_a_key_nothing_is_dispatched(name: str, world: CliWorld, require: Require) -> None:
    cli = installed(name, require)
    variable = {"anthropic": "ANTHROPIC_API_KEY", "openai": "OPENAI_API_KEY", "gemini": "GEMINI_API_KEY"}
    with playing(world, plain(1, 2)) as server:
        world.connect(server, key="")
        told = world.fabrik(*world.command(cli), status=1)
        assert server.calls == ()
    assert variable[cli.vendor] in told.stderr
    assert len(told.stderr.splitlines()) <= 3
    if (world.home / "ledger.db").exists():
        with Ledger.open(world.home / "ledger.db") as ledger:
            assert ledger.list_runs() == []
    assert not (world.home / "runs").exists() or not any((world.home / "runs").iterdir())


@pytest.mark.parametrize("after", [None, 1], ids=["silent", "in-the-answer"])
def test_a_model_that_hangs_is_stopped(after: int | None, world: CliWorld, require: Require) -> None:
    cli = installed("codex", require)
    with playing(world, [task(1, Hang(after_events=after), do(1), Text("Done."))]) as server:
        world.connect(server)
        run = world.ship(cli, "--session-minutes", "0.25", "--attempts", "1", status=4)
        server.wait_for(lambda calls: [call.outcome for call in calls if call.kind == "generate"] == ["left"])
    assert run.status == "exhausted"
    assert "time limit" in str(run.failure_reason)
    assert [event.data["cause"] for event in world.events("session.ended")] == ["timed_out"]
    assert [(call.outcome, call.status) for call in world.calls()] == [("cut", 0)]
    world.assert_clean()
