"""Logins that are files: what is wrong is told at once; copies never share what renews itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fabrik.credentials.copies import Copies
from fabrik.credentials.known import host_secrets, says_secret, with_ralph_env
from fabrik.credentials.logins import LOGINS, Login
from fabrik.credentials.validate import validate
from fabrik.errors import FabrikError

NOW = 1_800_000_000.0
CLAUDE, CODEX, PI, GITHUB = LOGINS


def put(home: Path, login: Login, content: object, mode: int = 0o600) -> Path:
    path = login.path({}, home)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    path.chmod(mode)
    return path


def claude(refresh: str = "refresh-token-1", expires: float = NOW + 9000) -> object:
    said = {"accessToken": "access-token-1", "refreshToken": refresh, "expiresAt": int(expires * 1000)}
    return {"claudeAiOauth": said}


def states(home: Path) -> dict[str, str]:
    return {one.name: one.state for one in validate({}, home, NOW)}


def problems(home: Path) -> str:
    return "\n".join(f"{what} → {todo}" for one in validate({}, home, NOW) for what, todo in one.problems)


def test_what_is_not_there_is_not_wrong(tmp_path: Path) -> None:
    assert set(states(tmp_path).values()) == {"absent"}


def test_good_logins(tmp_path: Path) -> None:
    put(tmp_path, CLAUDE, claude())
    put(tmp_path, CODEX, {"OPENAI_API_KEY": "sk-key-of-codex"})
    put(tmp_path, PI, {"anthropic": {"type": "oauth", "access": "a" * 20, "refresh": "b" * 20, "expires": 1}})
    put(tmp_path, GITHUB, "github.com:\n    users:\n        ada:\n            oauth_token: gho_abcdefgh\n")
    assert states(tmp_path) == {
        "claude": "ok", "codex": "ok", "pi": "ok", "github": "ok", "ralph.env": "absent",
    }  # fmt: skip
    assert {"access-token-1", "refresh-token-1", "sk-key-of-codex", "gho_abcdefgh", "b" * 20} <= set(
        host_secrets({}, tmp_path, tmp_path / "none")
    )


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    put(tmp_path, CLAUDE, "{", 0o644)
    put(tmp_path, CODEX, {"tokens": {}})
    put(tmp_path, PI, {"openai": {"key": 3}})
    put(tmp_path, GITHUB, "github.com:\n    user: ada\n")
    ralph = tmp_path / ".config/ralph/ralph.env"
    ralph.parent.mkdir(parents=True)
    ralph.write_text("export A=1\nB = 2\n")
    ralph.chmod(0o640)
    assert set(states(tmp_path).values()) == {"wrong"}
    told = problems(tmp_path)
    for part in (
        "0644",
        "no JSON",
        "tokens.access_token",
        "openai.key",
        "keyring",
        "0640",
        "line 2",
        "chmod 600",
    ):
        assert part in told
    assert "codex login" in told


def test_a_login_that_cannot_renew_itself_expires(tmp_path: Path) -> None:
    put(tmp_path, CLAUDE, {"claudeAiOauth": {"accessToken": "a" * 20, "expiresAt": int((NOW - 1) * 1000)}})
    assert "expired" in problems(tmp_path)
    put(tmp_path, CLAUDE, claude(expires=NOW - 1))
    assert problems(tmp_path) == ""


@pytest.fixture
def copies(tmp_path: Path) -> Copies:
    return Copies(directory=tmp_path / "state/credentials", env={}, home=tmp_path)


def test_a_copy_is_private_and_is_renewed_from_either_side(tmp_path: Path, copies: Copies) -> None:
    original = put(tmp_path, CLAUDE, claude())
    assert copies.sync(CLAUDE, "one") == "copied"
    copy = copies.path("one", CLAUDE)
    assert copy.stat().st_mode & 0o777 == 0o600
    assert copy.parent.parent.stat().st_mode & 0o777 == 0o700
    assert copies.sync(CLAUDE, "one") == "unchanged"
    copy.write_text(json.dumps(claude("refresh-token-2")))
    assert copies.sync(CLAUDE, "one") == "brought back"
    assert "refresh-token-2" in original.read_text()
    assert original.stat().st_mode & 0o777 == 0o600
    original.write_text(json.dumps(claude("refresh-token-3")))
    assert copies.sync(CLAUDE, "one") == "copied"
    assert "refresh-token-3" in copy.read_text()


def test_both_sides_renewed_is_for_a_human(tmp_path: Path, copies: Copies) -> None:
    original = put(tmp_path, CLAUDE, claude())
    copies.sync(CLAUDE, "one")
    original.write_text(json.dumps(claude("refresh-token-2")))
    copies.path("one", CLAUDE).write_text(json.dumps(claude("refresh-token-3")))
    with pytest.raises(FabrikError, match="both sides"):
        copies.sync(CLAUDE, "one")
    assert "refresh-token-2" in original.read_text()


def test_two_workers_never_share_a_refresh_token(tmp_path: Path, copies: Copies) -> None:
    put(tmp_path, CLAUDE, claude())
    put(tmp_path, CODEX, {"OPENAI_API_KEY": "sk-key-of-codex"})
    copies.sync(CLAUDE, "one")
    with pytest.raises(FabrikError, match="worker one has the login claude"):
        copies.sync(CLAUDE, "two")
    assert not copies.path("two", CLAUDE).exists()
    assert [copies.sync(CODEX, name) for name in ("one", "two")] == ["copied", "copied"]
    copies.path("one", CLAUDE).write_text(json.dumps(claude("refresh-token-2")))
    assert copies.release(CLAUDE, "one") == "released"
    assert copies.sync(CLAUDE, "two") == "copied"
    assert "refresh-token-2" in copies.path("two", CLAUDE).read_text()


def test_a_broken_copy_does_not_replace_the_original(tmp_path: Path, copies: Copies) -> None:
    original = put(tmp_path, CLAUDE, claude())
    copies.sync(CLAUDE, "one")
    copies.path("one", CLAUDE).write_text("{")
    with pytest.raises(FabrikError, match="no JSON"):
        copies.sync(CLAUDE, "one")
    assert "refresh-token-1" in original.read_text()


@pytest.mark.parametrize("name", ["../x", "", ".lock", "a/b", "x" * 65])
def test_names_of_workers(copies: Copies, name: str) -> None:
    with pytest.raises(FabrikError, match="no name for a worker"):
        copies.sync(CLAUDE, name)


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("ANTHROPIC_API_KEY", True), ("GH_TOKEN", True), ("AWS_SECRET_ACCESS_KEY", True),
        ("GITHUB_PAT", True), ("DB_PASSWORD", True), ("npm_config__auth", True), ("MYTOKEN", True),
        ("PWD", False), ("OLDPWD", False), ("PATH", False), ("AWS_ACCESS_KEY_ID", False),
        ("KEYBOARD", False), ("TOKENIZERS_PARALLELISM", False),
    ],
)  # fmt: skip
def test_names_that_say_secret(name: str, secret: bool) -> None:
    assert says_secret(name) is secret


def test_the_environment_wins_over_ralph_env(tmp_path: Path) -> None:
    ralph = tmp_path / ".config/ralph/ralph.env"
    ralph.parent.mkdir(parents=True)
    ralph.write_text("export OPENAI_API_KEY=from-the-file\nGEMINI_API_KEY='also-from-it'\n")
    env = with_ralph_env({"OPENAI_API_KEY": "from-the-shell", "GEMINI_API_KEY": ""}, tmp_path)
    assert env["OPENAI_API_KEY"] == "from-the-shell"
    assert env["GEMINI_API_KEY"] == "also-from-it"
