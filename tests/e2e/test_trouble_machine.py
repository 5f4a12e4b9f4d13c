"""The machine lacks something, or a name is wrong: told before anything is started."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from harness import World
from trouble_kit import given, no_runs, refused, shipped_well, world_at


@pytest.fixture
def world(tmp_path: Path) -> World:
    return world_at(tmp_path)


def only(world: World, *programs: str) -> str:
    """A PATH with these programs and no other."""
    directory = world.directory / "bin"
    directory.mkdir()
    for program in programs:
        found = shutil.which(program)
        assert found is not None
        (directory / program).symlink_to(found)
    return str(directory)


def asked_for(world: World, *options: str | Path) -> list[str | Path]:
    return ["run", "--spec", world.make_spec(), "--project", world.project, "--no-review", *options]


def test_no_agent_is_installed(world: World) -> None:
    path = only(world, "git", "bwrap", "sh")
    said = refused(world, *asked_for(world), status=1, PATH=path)
    assert "no coding agent is installed" in said
    assert "--agent-command" in said
    for name in ("claude", "codex", "gemini", "pi", "opencode"):
        assert name in said
    assert no_runs(world)


@pytest.mark.parametrize("name", ["claude", "codex", "pi", "opencode", "gemini"])
def test_the_agent_is_not_installed(world: World, name: str) -> None:
    path = only(world, "git", "bwrap", "sh")
    said = refused(world, *asked_for(world, "--agent", name), status=1, PATH=path)
    assert f"{name} is not installed" in said
    assert "npm" in said


@pytest.mark.parametrize(
    ("typed", "meant"), [("cluade", "claude"), ("gemni", "gemini"), ("comand", "command")]
)
def test_wrong_name_of_an_agent(world: World, typed: str, meant: str) -> None:
    said = refused(world, *asked_for(world, "--agent", typed))
    assert f"did you mean {meant}?" in said
    assert typed in refused(world, *asked_for(world), RALPH_AGENT=typed)
    assert no_runs(world)


def test_no_key(world: World) -> None:
    path = only(world, "git", "bwrap", "sh")
    program = Path(path) / "claude"
    program.write_text("#!/bin/sh\nexit 0\n")
    program.chmod(0o755)
    said = refused(world, *asked_for(world, "--agent", "claude"), status=1, PATH=path)
    assert "no key for anthropic" in said
    assert "ANTHROPIC_API_KEY" in said
    assert no_runs(world)


def test_the_command_of_the_command_agent(world: World) -> None:
    missing = world.directory / "nowhere"
    plain = world.make_agent(name="plain")
    plain.chmod(0o644)
    cases: list[tuple[list[str | Path], str]] = [
        ([], "--agent-command"),
        (["--agent-command", missing], f"{missing} is not a file"),
        (["--agent-command", world.directory], "is not a file"),
        (["--agent-command", plain], "is not executable"),
    ]
    for option, words in cases:
        assert words in refused(world, *asked_for(world, "--agent", "command", *option))
    assert "chmod +x" in refused(world, *asked_for(world, "--agent", "command", "--agent-command", plain))
    assert no_runs(world)


def test_the_command_is_gone_when_the_session_starts(world: World) -> None:
    """What was there at dispatch may be moved later: the run stops, says so, and goes on when it is back."""
    agent = world.make_agent()
    run = world.dispatch(
        spec=world.make_spec(), project=world.project, agent="command", agent_command=agent, auto_approve=True
    )
    agent.unlink()
    said = world.fabrik("run", "resume", run, status=4).stdout
    assert str(agent) in said
    world.make_agent()
    world.fabrik("run", "resume", run)
    shipped_well(world, run)


def test_the_interpreter_of_the_command_is_missing(world: World) -> None:
    agent = world.make_agent("#!/no/such/interpreter\n")
    said = world.fabrik("run", *given(world, agent=agent), "--auto-approve", status=4).stdout
    assert "the agent did not start" in said
    assert "Traceback" not in said


def test_no_bubblewrap(world: World) -> None:
    """Named with its package; the sandbox `none` has to be asked for by name, and says what it is."""
    path = only(world, "git", "sh", "cat", "cut", "rm", "mkdir", "test", "sed", "find", "tar", "env", "du")
    said = refused(world, "run", *given(world), status=1, PATH=path)
    assert "bwrap" in said
    assert "apt-get install bubblewrap" in said
    assert no_runs(world)
    done = world.fabrik("run", *given(world), "--sandbox", "none", "--auto-approve", PATH=path)
    assert "NOTHING is protected" in done.stderr
    shipped_well(world, "last")


def test_no_git(world: World) -> None:
    said = refused(world, "run", *given(world), status=1, PATH=only(world, "bwrap", "sh"))
    assert "git was not found" in said
    assert "apt install git" in said


def test_wrong_name_of_a_sandbox(world: World) -> None:
    said = refused(world, "run", *given(world), "--sandbox", "bubblewarp")
    assert "bubblewrap" in said
    assert "--sandbox" in said


@pytest.mark.parametrize("value", ["many", "-1", "1.5"])
def test_wrong_number_of_iterations(world: World, value: str) -> None:
    assert "MAX_ITERATIONS" in refused(world, "run", *given(world), MAX_ITERATIONS=value)
    assert "--iterations" in refused(world, "run", *given(world), f"--iterations={value}")


def test_a_config_file_that_is_wrong(world: World) -> None:
    (world.project / "fabrik.toml").write_text('agnet = "claude"\nread_only = ["/"]\n')
    done = world.fabrik("run", *given(world), status=2)
    assert "fabrik.toml" in done.stderr
    assert "agnet" in done.stderr
    assert "read_only" in done.stderr
    assert "Traceback" not in done.stderr
    assert no_runs(world)


def test_a_socket_directory_that_cannot_be_used(world: World) -> None:
    """A door of the gateway is a unix socket, whose path must be short."""
    deep = world.directory / ("d" * 100)
    deep.mkdir()
    said = world.fabrik("run", *given(world), "--auto-approve", status=4, XDG_RUNTIME_DIR=str(deep)).stdout
    assert "too long for a unix socket" in said
    assert "XDG_RUNTIME_DIR" in said
    world.fabrik("run", "resume", "last", XDG_RUNTIME_DIR=os.environ.get("XDG_RUNTIME_DIR", ""))
    shipped_well(world, "last")


def test_wrong_commands_say_what_was_meant(world: World) -> None:
    spec = world.make_spec()
    assert f"fabrik run --spec {spec}" in refused(world, "run", spec)
    assert "--spec" in refused(world, "run")
    assert "'--spec'" in refused(world, "run", "--speck", spec)
    assert "Did you mean 'list'?" in refused(world, "runs", "lst")
    assert "Did you mean 'resume'?" in refused(world, "run", "resum", "last")
    assert "there are no runs yet" in refused(world, "run", "resume", "last")
    assert "Examples" in world.fabrik("run", "--help").stdout
