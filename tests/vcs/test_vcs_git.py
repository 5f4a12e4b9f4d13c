"""The git command itself: isolation from the user's settings, errors, bounds and cancellation."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest
from vcs_repos import make_project

from fabrik.errors import DiskFull, EnvironmentProblem, VcsError
from fabrik.vcs.failures import GitFailed, failure, last_words
from fabrik.vcs.git import environment, git, run, version


def test_the_users_settings_count_only_where_they_are_meant_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text("[user]\n\tname = Ada\n[alias]\n\tx = !touch /tmp/x\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("GIT_CONFIG_GLOBAL", raising=False)
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "user.email")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "ada@example.com")
    assert asyncio.run(git("config", "user.name", user_config=True)) == b"Ada\n"
    assert asyncio.run(git("config", "user.email", user_config=True)) == b"ada@example.com\n"
    for name in ("user.name", "user.email"):
        assert asyncio.run(run("config", name)).status == 1


def test_variables_that_lead_git_elsewhere_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_CONFIG_PARAMETERS",
    ):
        monkeypatch.setenv(name, "/nowhere")
    monkeypatch.setenv("GIT_SSH_COMMAND", "ssh -i key")
    own, users = environment(user_config=False), environment(user_config=True)
    assert "GIT_SSH_COMMAND" not in own
    assert users["GIT_SSH_COMMAND"] == "ssh -i key"
    assert not {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"} & {*own, *users}
    assert own["GIT_CONFIG_GLOBAL"] == "/dev/null"
    assert own["GIT_TERMINAL_PROMPT"] == users["GIT_TERMINAL_PROMPT"] == "0"
    assert own["LC_ALL"] == users["LC_ALL"] == "C"


def test_a_failure_is_told_in_gits_own_words(tmp_path: Path) -> None:
    root = make_project(tmp_path / "p")
    with pytest.raises(GitFailed, match="git rev-parse failed with status 128: Needed a single") as caught:
        asyncio.run(git("rev-parse", "--verify", "nope", repo=root / ".git"))
    assert caught.value.status == 128
    assert str(root) in str(caught.value)
    with pytest.raises(VcsError, match="does not exist"):
        asyncio.run(git("status", cwd=tmp_path / "nowhere"))


def test_git_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EnvironmentProblem, match="git was not found") as caught:
        asyncio.run(git("version"))
    assert "install git" in caught.value.todo


def test_git_is_too_old(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake = tmp_path / "git"
    fake.write_text("#!/bin/sh\necho git version 2.30.2\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(EnvironmentProblem, match=r"git 2\.30\.2 is too old"):
        asyncio.run(version())


def test_this_git_is_new_enough() -> None:
    assert asyncio.run(version()) >= (2, 34)


@pytest.mark.parametrize(
    "said",
    ["error: unable to write file x: No space left on device", "fatal: write error: Disk quota exceeded"],
)
def test_a_full_disk_is_told_as_such(said: str) -> None:
    error = failure("fetch", 128, f"noise\n{said}\n")
    assert isinstance(error, DiskFull)
    assert "free some space" in error.todo


@pytest.mark.parametrize(
    ("said", "todo"),
    [
        ("fatal: could not read Username for 'https://x': terminal prompts disabled", "credential"),
        ("git@x: Permission denied (publickey).\nfatal: Could not read from remote repository.", "ssh-add"),
        ("fatal: detected dubious ownership in repository at '/x'", "safe.directory"),
        ("fatal: unable to access 'https://x/': Could not resolve host: x", "network"),
        ("something else", ""),
    ],
)
def test_what_to_do_about_it(said: str, todo: str) -> None:
    error = failure("fetch", 128, said)
    assert todo in error.todo
    assert bool(error.todo) == bool(todo)


def test_the_line_that_tells() -> None:
    assert last_words("warning: a\nfatal: the reason\n\nPlease make sure\nyou are right\n") == "the reason"
    assert last_words("only this\n\n") == "only this"
    assert last_words("") == ""


def test_output_is_bounded_and_git_is_stopped(tmp_path: Path) -> None:
    root = make_project(tmp_path / "p")
    alias = "alias.flood=!yes"
    output = asyncio.run(run("-c", alias, "flood", cwd=root, user_config=True, max_output=1000))
    assert output.truncated
    assert len(output.stdout) == 1000


def test_a_git_that_takes_too_long_is_stopped_with_its_children(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    alias = f"alias.wait=!echo $$ > {mark}; sleep 600"
    with pytest.raises(VcsError, match="stopped after"):
        asyncio.run(git("-c", alias, "wait", cwd=tmp_path, user_config=True, seconds=1))
    assert gone(int(mark.read_text()))


def test_cancelling_stops_git_with_its_children(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    alias = f"alias.wait=!echo $$ > {mark}; sleep 600"

    async def scenario() -> None:
        task = asyncio.create_task(git("-c", alias, "wait", cwd=tmp_path, user_config=True))
        deadline = time.monotonic() + 30
        while not (mark.exists() and mark.read_text()):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scenario())
    assert gone(int(mark.read_text()))


def gone(pid: int) -> bool:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
    return False


def test_stderr_that_a_helper_holds_open_does_not_hang(tmp_path: Path) -> None:
    alias = "alias.leave=!sleep 600 >/dev/null & echo $!"
    output = asyncio.run(run("-c", alias, "leave", cwd=tmp_path, user_config=True))
    assert output.status == 0
    os.kill(int(output.stdout), 9)


def test_large_input_that_git_does_not_read(tmp_path: Path) -> None:
    output = asyncio.run(run("version", input=b"x" * 5_000_000))
    assert output.status == 0
    assert output.stdout.startswith(b"git version")


def test_hooks_run_only_where_they_are_the_users_own(tmp_path: Path) -> None:
    root = make_project(tmp_path / "p")
    hook = root / ".git" / "hooks" / "reference-transaction"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
    hook.chmod(0o755)
    asyncio.run(git("update-ref", "refs/fabrik/x", "HEAD", repo=root / ".git"))
    asyncio.run(git("update-ref", "refs/fabrik/y", "HEAD", cwd=root, user_config=True))
    assert not (tmp_path / "sprung").exists()
    asyncio.run(git("update-ref", "refs/fabrik/z", "HEAD", cwd=root, user_config=True, hooks=True))
    assert (tmp_path / "sprung").exists()
