"""How the real CLIs are started against a model server, without any of fabrik in between."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fabrik.testing.model_server import ModelServer
from fabrik.usage import WireProtocol

ROOT = Path(__file__).parents[2]
KEY = "sk-scripted-key"


@dataclass(frozen=True, kw_only=True)
class Start:
    """One way to start a CLI."""

    program: str
    arguments: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)  # below HOME


def claude(server: ModelServer) -> Start:
    return Start(
        program="claude",
        arguments=(
            *("-p", "--output-format", "stream-json", "--verbose"),
            *("--dangerously-skip-permissions", "--model", "claude-sonnet-4-5"),
        ),
        env={
            "IS_SANDBOX": "1",
            "ANTHROPIC_BASE_URL": server.url("anthropic"),
            "ANTHROPIC_API_KEY": KEY,
            "CLAUDE_CODE_MAX_RETRIES": "1",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
            "DISABLE_TELEMETRY": "1",
            "DISABLE_ERROR_REPORTING": "1",
        },
    )


def codex(server: ModelServer) -> Start:
    config = f"""
check_for_update_on_startup = false
model = "gpt-5.5"
model_provider = "scripted"

[model_providers.scripted]
name = "scripted"
base_url = "{server.url("openai")}"
wire_api = "responses"
env_key = "SCRIPTED_KEY"
request_max_retries = 1
stream_max_retries = 1

[features]
plugins = false

[analytics]
enabled = false
"""
    return Start(
        program="codex",
        arguments=(
            *("exec", "--json", "--dangerously-bypass-approvals-and-sandbox"),
            *("--skip-git-repo-check", "-"),
        ),
        env={"SCRIPTED_KEY": KEY},
        files={".codex/config.toml": config},
    )


def pi(api: str, vendor: str) -> Callable[[ModelServer], Start]:
    def start(server: ModelServer) -> Start:
        url = server.url("anthropic" if vendor == "anthropic" else "openai")
        provider = {"baseUrl": url, "api": api, "apiKey": KEY, "models": [{"id": "scripted-model"}]}
        return Start(
            program="pi",
            arguments=("-p", "--mode", "json", "--provider", "scripted", "--model", "scripted-model"),
            env={"PI_OFFLINE": "1", "PI_TELEMETRY": "0", "PI_SKIP_VERSION_CHECK": "1"},
            files={".pi/agent/models.json": json.dumps({"providers": {"scripted": provider}})},
        )

    return start


def opencode(server: ModelServer) -> Start:
    config = {
        "autoupdate": False,
        "permission": "allow",
        "small_model": "scripted/scripted-model",
        "provider": {
            "scripted": {
                "npm": "@ai-sdk/openai-compatible",
                "options": {"baseURL": server.url("openai"), "apiKey": KEY},
                "models": {"scripted-model": {}},
            }
        },
    }
    return Start(
        program="opencode",
        arguments=("run", "--format", "json", "-m", "scripted/scripted-model"),
        env={"OPENCODE_DISABLE_AUTOUPDATE": "1", "OPENCODE_DISABLE_MODELS_FETCH": "1"},
        files={".config/opencode/opencode.json": json.dumps(config)},
    )


def gemini(server: ModelServer) -> Start:
    settings = {
        "security": {"auth": {"selectedType": "gemini-api-key"}},
        "privacy": {"usageStatisticsEnabled": False},
        "general": {"disableAutoUpdate": True, "disableUpdateNag": True},
    }
    return Start(
        program="gemini",
        arguments=("--yolo", "-o", "stream-json", "-m", "gemini-2.5-flash"),
        env={
            "GEMINI_API_KEY": KEY,
            "GOOGLE_GEMINI_BASE_URL": server.url("gemini"),
            "GEMINI_CLI_TRUST_WORKSPACE": "true",
        },
        files={".gemini/settings.json": json.dumps(settings)},
    )


STARTS: Mapping[str, tuple[WireProtocol, Callable[[ModelServer], Start]]] = {
    "claude": ("anthropic", claude),
    "codex": ("openai-responses", codex),
    "pi-anthropic": ("anthropic", pi("anthropic-messages", "anthropic")),
    "pi-responses": ("openai-responses", pi("openai-responses", "openai")),
    "pi-chat": ("openai-chat", pi("openai-completions", "openai")),
    "opencode": ("openai-chat", opencode),
    "gemini": ("gemini", gemini),
}


def search_path() -> str:
    """PATH with the folder of scripts/install-agents in front."""
    told = subprocess.run(
        [str(ROOT / "scripts" / "install-agents"), "--bin"], capture_output=True, text=True, check=True
    )
    return f"{told.stdout.strip()}{os.pathsep}{os.environ['PATH']}"


def run(
    start: Start, server: ModelServer, *, home: Path, workspace: Path, prompt: str, seconds: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run the CLI in a fresh HOME to its end; whatever asks for a proxy asks the model server."""
    for name, text in start.files.items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    elsewhere = f"http://127.0.0.1:{server.port}"
    env = {
        "HOME": str(home),
        "PATH": search_path(),
        "LANG": "C.UTF-8",
        "HTTP_PROXY": elsewhere,
        "HTTPS_PROXY": elsewhere,
        "NO_PROXY": "127.0.0.1,localhost",
        **start.env,
    }
    return subprocess.run(
        [start.program, *start.arguments],
        input=prompt,
        capture_output=True,
        text=True,
        errors="replace",
        cwd=workspace,
        env=env,
        timeout=seconds,
        check=False,
    )
