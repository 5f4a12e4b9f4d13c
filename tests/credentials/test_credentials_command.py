"""`fabrik credentials` as a user types it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

PROGRAM = Path(sys.executable).with_name("fabrik")
KEY = "sk-right-key-of-a-test"


class Provider(BaseHTTPRequestHandler):
    """Lists no models, to who has the key."""

    def do_GET(self) -> None:
        given = self.headers.get("x-api-key") or self.headers.get("authorization", "").removeprefix("Bearer ")
        right = given == KEY and self.path in ("/v1/models", "/models")
        body = b'{"data": []}' if right else b'{"error": {"message": "no"}}'
        self.send_response(200 if right else 401)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def provider() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Provider) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def fabrik(home: Path, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LANG") if name in os.environ}
    return subprocess.run(
        [PROGRAM, "credentials", *args],
        env={**kept, "HOME": str(home), "FABRIK_HOME": str(home / "state"), **env},
        cwd=home, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


def test_validate_names_lines_and_remedies_and_shows_no_value(tmp_path: Path) -> None:
    assert fabrik(tmp_path, "validate").returncode == 0
    ralph = tmp_path / ".config/ralph/ralph.env"
    ralph.parent.mkdir(parents=True)
    ralph.write_text(f"export OPENAI_API_KEY={KEY}\nANTHROPIC_API_KEY = {KEY}\n")
    ralph.chmod(0o644)
    done = fabrik(tmp_path, "validate")
    assert done.returncode == 1
    assert "line 2: spaces around =" in done.stdout
    assert "chmod 600" in done.stdout
    assert KEY not in done.stdout + done.stderr


def test_sync_refuses_a_second_worker(tmp_path: Path) -> None:
    login = tmp_path / ".codex/auth.json"
    login.parent.mkdir()
    login.write_text('{"tokens": {"access_token": "access-abcdefgh", "refresh_token": "refresh-abcdefgh"}}')
    login.chmod(0o600)
    assert fabrik(tmp_path, "sync", "--worker", "one").returncode == 0
    assert (tmp_path / "state/credentials/one/codex/auth.json").exists()
    refused = fabrik(tmp_path, "sync", "--worker", "two")
    assert refused.returncode == 2
    assert "worker one has the login codex" in refused.stdout
    assert "--worker one --release" in refused.stdout
    assert fabrik(tmp_path, "sync", "--worker", "one", "--release").returncode == 0
    assert fabrik(tmp_path, "sync", "--worker", "two", "--only", "codex").returncode == 0
    assert fabrik(tmp_path, "sync", "--worker", "two", "--only", "codx").returncode == 2


def test_keys_are_tried_and_the_environment_wins(tmp_path: Path, provider: str) -> None:
    ralph = tmp_path / ".config/ralph/ralph.env"
    ralph.parent.mkdir(parents=True)
    ralph.write_text(f"ANTHROPIC_API_KEY={KEY}\n")
    ralph.chmod(0o600)
    at = {"ANTHROPIC_BASE_URL": provider, "OPENAI_BASE_URL": provider, "NO_PROXY": "127.0.0.1"}
    from_file = fabrik(tmp_path, "test", **at)
    assert from_file.returncode == 0, from_file.stdout + from_file.stderr
    assert "anthropic works" in from_file.stdout
    assert fabrik(tmp_path, "test", OPENAI_API_KEY=KEY, **at).returncode == 0
    wrong = fabrik(tmp_path, "test", ANTHROPIC_API_KEY="sk-wrong-key-of-a-test", **at)
    assert wrong.returncode == 1
    assert "refused (401)" in wrong.stdout
    assert KEY not in from_file.stdout + wrong.stdout


def test_no_key_at_all_is_no_success(tmp_path: Path) -> None:
    done = fabrik(tmp_path, "test")
    assert done.returncode == 1
    assert "no key" in done.stdout
