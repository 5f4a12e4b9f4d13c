"""Which model `fabrik judge` asks, within which budget, and what comes of a provider that fails."""

from __future__ import annotations

from pathlib import Path

import pytest
from judge_kit import FAIL, KEY, PASS, WARM, judge_world, judging

from fabrik.testing.model_server import Failure, HttpError, ModelServer, Script, Session
from fabrik.usage import Vendor


@pytest.mark.parametrize(
    ("failure", "says"),
    [
        (HttpError(status=401), "HTTP 401"),
        (HttpError(status=400, message="The image is too small."), "The image is too small."),
        (HttpError(status=529), "HTTP 529"),
    ],
)
def test_a_provider_that_fails_gives_no_verdict(tmp_path: Path, failure: Failure, says: str) -> None:
    script = Script(default=Session(turns=(failure,)))
    with ModelServer(script, key=KEY) as server, judge_world(tmp_path) as world:
        world.connect(server)
        world.file("a.txt", "text")
        done = world.fabrik("judge", *WARM, "a.txt", status=1)
        assert "no verdict" in done.stdout
        assert says in done.stdout
        (run,) = world.judges()
        assert run.status == "failed"


def test_an_unreachable_provider_gives_no_verdict(tmp_path: Path) -> None:
    with judge_world(tmp_path) as world:
        with ModelServer(Script(), key=KEY) as server:
            world.connect(server)
        world.file("a.txt", "text")  # and now the server is gone
        done = world.fabrik("judge", *WARM, "a.txt", status=1)
        assert "cannot be reached" in done.stdout
        assert server.calls == ()


def test_without_a_key_nothing_is_asked(tmp_path: Path) -> None:
    with judging(tmp_path, PASS, vendor=None) as (world, _):
        world.file("a.txt", "text")
        done = world.fabrik("judge", *WARM, "a.txt", status=1)
        assert "no key for anthropic" in done.stderr
        assert "ANTHROPIC_API_KEY" in done.stderr
        assert world.judges() == []


@pytest.mark.parametrize(
    ("vendor", "options", "model"),
    [
        ("anthropic", [], "claude-haiku-4-5"),
        ("anthropic", ["--intelligence", "smart"], "claude-sonnet-4-5"),
        ("openai", [], "gpt-5-mini"),
        ("gemini", ["--intelligence", "smart"], "gemini-2.5-pro"),
        ("openai", ["--model", "openai/gpt-5.5"], "gpt-5.5"),
    ],
)
def test_the_model_is_that_of_the_vendor_with_a_key(
    tmp_path: Path, vendor: Vendor, options: list[str], model: str
) -> None:
    with judging(tmp_path, PASS, vendor) as (world, server):
        world.file("a.txt", "text")
        world.fabrik("judge", *WARM, *options, "a.txt", status=0)
        assert [call.model for call in server.calls] == [model]


def test_the_config_names_the_models(tmp_path: Path) -> None:
    with judging(tmp_path, PASS, "openai") as (world, server):
        world.configure('[judge]\nfast = "gpt-5"\nsmart = "openai/gpt-5.5"\n')
        world.file("a.txt", "text")
        world.fabrik("judge", *WARM, "a.txt", status=0)
        world.fabrik("judge", *WARM, "--intelligence", "smart", "a.txt", status=0)
        assert [call.model for call in server.calls] == ["gpt-5", "gpt-5.5"]


def test_a_budget_cuts(tmp_path: Path) -> None:
    with judging(tmp_path, FAIL) as (world, server):
        world.file("a.txt", "text")
        done = world.fabrik("judge", *WARM, "--budget-usd", "0", "a.txt", status=1)
        assert "budget" in done.stdout
        assert not server.calls
        world.file("b.txt", "text")
        world.file("c.txt", "text")
        done = world.fabrik("judge", *WARM, "--budget-usd", "0.001", "a.txt", "b.txt", "c.txt", status=4)
        assert len(server.calls) == 1  # the first one used it up
        assert done.stdout.count("no verdict") == 2
