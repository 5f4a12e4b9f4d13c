"""How each CLI is started: with the prompt on stdin, all state in HOME, and nothing secret."""

from __future__ import annotations

import json
import tomllib
from pathlib import PurePosixPath
from typing import get_args

import pytest

from fabrik.agents.agent import Role, SessionRequest
from fabrik.agents.environment import PLACEHOLDER_KEY, model_of, vendor_and_model
from fabrik.agents.registry import AGENTS, load
from fabrik.errors import UsageError

MODELS_URL = "http://127.0.0.1:4180"
OPTIONS = {"command": "/opt/agent", "script": "/opt/script.json"}
PROMPT = "Do it – now.\n'; rm -rf /\n"


def request(
    model: str | None = None, options: dict[str, str] | None = None, role: Role = "implement"
) -> SessionRequest:
    judges = role in ("review", "verify")
    return SessionRequest(
        prompt=PROMPT,
        role=role,
        run="01K",
        step="task/1/implement#1",
        workspace="/workspace",
        home="/home/agent",
        report="/home/agent/report.json",
        models_url=MODELS_URL,
        model=model,
        options=OPTIONS if options is None else options,
        reviewer="security" if judges else "",
        commit="c0" * 20 if judges else "",
        base="ba" * 20 if judges else "",
    )


@pytest.mark.parametrize("name", AGENTS)
def test_what_all_have_in_common(name: str) -> None:
    invocation = load(name).invocation(request())
    assert invocation.stdin == PROMPT.encode()
    assert not any("rm -rf" in argument for argument in invocation.argv)
    assert invocation.env["FABRIK_RUN"] == "01K"
    assert invocation.env["FABRIK_STEP"] == "task/1/implement#1"
    assert invocation.env["FABRIK_ROLE"] == "implement"
    assert invocation.env["FABRIK_REPORT"] == "/home/agent/report.json"
    for file in invocation.files:
        path = PurePosixPath(file)
        assert not path.is_absolute()
        assert ".." not in path.parts
    for variable, value in invocation.env.items():
        if variable.endswith(("_KEY", "_TOKEN")):
            assert value == PLACEHOLDER_KEY
        if variable.endswith(("_HOME", "_DIR")):
            assert value.startswith("/home/agent"), variable
        assert "://" not in value or MODELS_URL in value
    assert load(name).invocation(request()) == invocation  # pure


@pytest.mark.parametrize("name", AGENTS)
@pytest.mark.parametrize("role", get_args(Role))
def test_only_who_judges_is_told_what(name: str, role: Role) -> None:
    env = load(name).invocation(request(role=role)).env
    told = {variable: env.get(variable) for variable in ("FABRIK_REVIEWER", "FABRIK_COMMIT", "FABRIK_BASE")}
    if role in ("review", "verify"):
        assert list(told.values()) == ["security", "c0" * 20, "ba" * 20]
    else:
        assert list(told.values()) == [None, None, None]


@pytest.mark.parametrize("name", AGENTS)
@pytest.mark.parametrize("role", get_args(Role))
def test_the_cli_of_who_judges_starts_outside_the_workspace(name: str, role: Role) -> None:
    """Our own two load nothing from where they start, and their programs are promised the workspace."""
    cwd = load(name).invocation(request(role=role)).cwd
    outside = role in ("review", "verify") and name not in ("command", "scripted")
    assert cwd == ("/home/agent" if outside else None)


@pytest.mark.parametrize("role", ["review", "verify"])
def test_switches_of_who_judges(role: Role) -> None:
    """What the real CLIs make of them is seen in tests/e2e/test_real_clis_steering.py."""

    def difference(name: str) -> tuple[set[str], set[str]]:
        judge, other = load(name).invocation(request(role=role)), load(name).invocation(request())
        told = ("FABRIK_REVIEWER", "FABRIK_COMMIT", "FABRIK_BASE")
        return set(judge.argv) - set(other.argv), set(judge.env) - set(other.env) - set(told)

    flags, env = difference("claude")
    assert flags == {"--setting-sources", "user", "--strict-mcp-config"}
    assert env == {"CLAUDE_CODE_DISABLE_CLAUDE_MDS", "CLAUDE_CODE_DISABLE_FILE_MENTIONS"}
    assert "--no-extensions" in difference("pi")[0]
    assert {"OPENCODE_PURE", "OPENCODE_DISABLE_PROJECT_CONFIG"} <= difference("opencode")[1]
    files = load("codex").invocation(request(role=role)).files
    assert tomllib.loads(files[".codex/config.toml"].decode())["project_doc_max_bytes"] == 0
    files = load("codex").invocation(request()).files
    assert "project_doc_max_bytes" not in tomllib.loads(files[".codex/config.toml"].decode())


@pytest.mark.parametrize(
    ("name", "variable", "url"),
    [
        ("claude", "ANTHROPIC_BASE_URL", f"{MODELS_URL}/anthropic"),
        ("gemini", "GOOGLE_GEMINI_BASE_URL", f"{MODELS_URL}/gemini"),
        ("command", "ANTHROPIC_BASE_URL", f"{MODELS_URL}/anthropic"),
        ("command", "OPENAI_BASE_URL", f"{MODELS_URL}/openai/v1"),
        ("command", "GOOGLE_GEMINI_BASE_URL", f"{MODELS_URL}/gemini"),
    ],
)
def test_base_urls_in_the_environment(name: str, variable: str, url: str) -> None:
    assert load(name).invocation(request()).env[variable] == url


def test_claude() -> None:
    invocation = load("claude").invocation(request("anthropic/claude-sonnet-4-5"))
    assert invocation.argv[:2] == ["claude", "-p"]
    assert invocation.argv[-2:] == ["--model", "claude-sonnet-4-5"]
    assert "--dangerously-skip-permissions" in invocation.argv
    assert invocation.env["IS_SANDBOX"] == "1"  # without it, it refuses to start as root
    assert int(invocation.env["CLAUDE_CODE_MAX_RETRIES"]) <= 2
    assert "--model" not in load("claude").invocation(request()).argv


def test_codex() -> None:
    invocation = load("codex").invocation(request("gpt-5.5"))
    assert invocation.argv[0] == "codex"
    assert invocation.argv[-3:] == ["--model", "gpt-5.5", "-"]
    config = tomllib.loads(invocation.files[".codex/config.toml"].decode())
    provider = config["model_providers"][config["model_provider"]]
    assert provider["base_url"] == f"{MODELS_URL}/openai/v1"
    assert invocation.env[provider["env_key"]] == PLACEHOLDER_KEY
    assert provider["request_max_retries"] <= 2
    assert provider["stream_max_retries"] == 1
    assert config["features"]["unbounded_connection_retries"] is False
    assert invocation.env["CODEX_HOME"] == "/home/agent/.codex"


@pytest.mark.parametrize(
    ("model", "provider", "bare"),
    [
        (None, "anthropic", "claude-sonnet-4-5"),
        ("anthropic/claude-x", "anthropic", "claude-x"),
        ("openai/gpt-5.5", "openai", "gpt-5.5"),
        ("gpt-5.5", "openai", "gpt-5.5"),
        ("gemini/gemini-2.5-pro", "google", "gemini-2.5-pro"),
    ],
)
def test_pi_and_opencode_choose_the_vendor_by_the_model(model: str | None, provider: str, bare: str) -> None:
    pi = load("pi").invocation(request(model))
    assert list(pi.argv[-4:]) == ["--provider", provider, "--model", bare]
    settings = json.loads(pi.files[".pi/agent/settings.json"])
    assert settings["retry"]["maxRetries"] <= 2
    urls = {
        name: each["baseUrl"]
        for name, each in json.loads(pi.files[".pi/agent/models.json"])["providers"].items()
    }
    assert urls == {
        "anthropic": f"{MODELS_URL}/anthropic",
        "openai": f"{MODELS_URL}/openai/v1",
        "google": f"{MODELS_URL}/gemini/v1beta",
    }

    opencode = load("opencode").invocation(request(model))
    assert f"{provider}/{bare}" in opencode.argv
    config = json.loads(opencode.files[".config/opencode/opencode.json"])
    assert json.loads(opencode.env["OPENCODE_CONFIG_CONTENT"]) == config
    assert config["permission"] == "allow"
    assert list(config["provider"]) == [provider]
    assert config["provider"][provider]["options"]["apiKey"] == PLACEHOLDER_KEY
    assert config["provider"][provider]["options"]["baseURL"].startswith(MODELS_URL)


def test_gemini() -> None:
    invocation = load("gemini").invocation(request("gemini/gemini-2.5-flash"))
    assert invocation.argv == [
        "gemini", "--yolo", "--output-format", "stream-json", "--model", "gemini-2.5-flash",
    ]  # fmt: skip
    settings = json.loads(invocation.files[".gemini/settings.json"])
    assert settings["general"]["maxAttempts"] <= 3
    assert settings["privacy"]["usageStatisticsEnabled"] is False
    assert invocation.env["GEMINI_CLI_TRUST_WORKSPACE"] == "true"


def test_command_and_scripted() -> None:
    assert load("command").invocation(request()).argv == ["/opt/agent"]
    scripted = load("scripted").invocation(request("m"))
    assert scripted.argv[-1] == "/opt/script.json"
    assert scripted.argv[-2] == "/home/agent/.fabrik/player.pyz"
    assert b"class Player" in scripted.files[".fabrik/player.pyz"]
    assert scripted.env["FABRIK_MODEL"] == "m"


@pytest.mark.parametrize(("name", "flag"), [("command", "--agent-command"), ("scripted", "--agent-script")])
def test_a_missing_option_is_named(name: str, flag: str) -> None:
    with pytest.raises(UsageError) as error:
        load(name).invocation(request(options={}))
    assert error.value.where == flag


@pytest.mark.parametrize("name", ["claude", "codex", "gemini"])
def test_a_cli_of_one_vendor_refuses_the_others(name: str) -> None:
    own = load(name).protocol
    for vendor in ("anthropic", "openai", "gemini"):
        if vendor != own:
            with pytest.raises(UsageError, match="models only"):
                load(name).invocation(request(f"{vendor}/some-model"))


@pytest.mark.parametrize("model", ["", "-x", "--help", "a b", "a\nb", "openai/", "anthropic/-p", "gemini/ "])
def test_names_that_are_no_models(model: str) -> None:
    for name in ("claude", "codex", "pi", "opencode", "gemini"):
        with pytest.raises(UsageError):
            # An empty name is the default for an adapter, so it is asked below the adapter.
            load(name).invocation(request(model)) if model else model_of("openai", model, name)


def test_vendors() -> None:
    assert vendor_and_model("o3-mini") == ("openai", "o3-mini")
    assert vendor_and_model("openai/meta/llama") == ("openai", "meta/llama")
    assert model_of("openai", "meta/llama", "codex") == "meta/llama"
    with pytest.raises(UsageError, match="whose model"):
        vendor_and_model("llama-4")
