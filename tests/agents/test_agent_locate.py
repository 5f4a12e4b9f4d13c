"""What of the host a sandbox must show, for programs that are installed in all the usual ways."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fabrik.agents.command import Command
from fabrik.agents.locate import installed, locate, locate_agent
from fabrik.agents.scripted import Scripted
from fabrik.errors import EnvironmentProblem, UsageError

ELF = b"\x7fELF\x02\x01\x01"


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    return home


def program(path: Path, content: bytes = ELF) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o755)
    return path


def link(path: Path, target: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)


def starts(read_only: list[Path], path: list[str], name: str) -> Path:
    """Where a sandbox that shows only this would find the program: every link on the way must be visible."""
    shown = [Path("/usr"), *read_only]
    here = next(Path(entry) / name for entry in path if os.path.lexists(Path(entry) / name))
    while True:
        assert any(here.is_relative_to(root) for root in shown), here
        if not here.is_symlink():
            return here
        # As the kernel does it: ".." is taken from the directory that is really there.
        here = Path(os.path.normpath(here.parent / here.readlink()))


def test_below_usr_nothing_is_needed() -> None:
    located = locate(["sh"], search="/usr/bin:/bin")
    assert not located.read_only
    assert not located.path
    assert located.programs["sh"].is_file()


def test_an_absolute_name(host: Path) -> None:
    own = program(host / "tools" / "agent")
    located = locate([str(own)])
    assert located.read_only == (own.parent,)
    assert not locate(["/usr/bin/env"]).read_only


def test_missing_says_how_to_get_it() -> None:
    with pytest.raises(EnvironmentProblem) as error:
        locate(["no-such-agent"], "npm install -g it", search="/usr/bin")
    assert "no-such-agent" in error.value.what
    assert error.value.todo == "npm install -g it"


def test_a_native_program_with_a_link_from_its_installer(host: Path) -> None:
    program(host / ".local/share/claude/versions/2.1.0")
    link(host / ".local/bin/claude", "../share/claude/versions/2.1.0")
    located = locate(["claude"], search=f"{host}/.local/bin:/usr/bin")
    assert set(located.read_only) == {host / ".local/bin", host / ".local/share/claude/versions"}
    assert located.path == (str(host / ".local/bin"),)
    assert starts(list(located.read_only), list(located.path), "claude").read_bytes() == ELF


def npm_install(prefix: Path, name: str, script: bytes) -> Path:
    """What `npm install -g` with this prefix leaves."""
    start = program(prefix / "lib/node_modules/@vendor/cli/bin" / f"{name}.js", script)
    link(prefix / "bin" / name, f"../lib/node_modules/@vendor/cli/bin/{name}.js")
    return start


def test_npm_with_the_systems_node(host: Path) -> None:
    npm_install(host / ".npm-global", "pi", b"#!/usr/bin/env sh\n")
    located = locate(["pi"], search=f"{host}/.npm-global/bin:/usr/bin")
    assert set(located.read_only) == {host / ".npm-global/bin", host / ".npm-global/lib/node_modules"}
    assert located.path == (str(host / ".npm-global/bin"),)
    starts(list(located.read_only), list(located.path), "pi")


def test_npm_with_a_node_of_its_own(host: Path) -> None:
    node = host / ".nvm/versions/node/v22"
    program(node / "bin/node")
    npm_install(node, "pi", b"#!/usr/bin/env -S node --no-warnings\n")
    located = locate(["pi"], search=f"{node}/bin:/usr/bin")
    assert set(located.read_only) == {node / "bin", node / "lib"}
    assert located.path == (str(node / "bin"),)
    assert starts(list(located.read_only), list(located.path), "node").read_bytes() == ELF
    starts(list(located.read_only), list(located.path), "pi")


def test_a_prefix_of_its_own_and_a_node_elsewhere(host: Path) -> None:
    """As scripts/install-agents does it: bin/<name> → <prefix>/node_modules/.bin/<name> → the package."""
    cache = host / ".cache/agents"
    program(cache / "pi-1/node_modules/@vendor/pi/dist/cli.js", b"#!/usr/bin/env node\n")
    link(cache / "pi-1/node_modules/.bin/pi", "../@vendor/pi/dist/cli.js")
    link(cache / "bin/pi", "../pi-1/node_modules/.bin/pi")
    program(host / "opt/node-22/bin/node")
    link(host / "opt/node", "node-22")
    located = locate(["pi"], search=f"{cache}/bin:{host}/opt/node/bin:/usr/bin")
    assert set(located.read_only) == {cache / "pi-1/node_modules", host / "opt/node-22/bin"}
    assert located.path == (str(cache / "pi-1/node_modules/.bin"), str(host / "opt/node-22/bin"))
    starts(list(located.read_only), list(located.path), "pi")
    starts(list(located.read_only), list(located.path), "node")


def test_a_native_program_in_a_package(host: Path) -> None:
    program(host / "p/node_modules/@vendor/cli/bin/claude.exe")
    link(host / "p/node_modules/.bin/claude", "../@vendor/cli/bin/claude.exe")
    located = locate(["claude"], search=f"{host}/p/node_modules/.bin")
    assert located.read_only == (host / "p/node_modules",)
    assert starts(list(located.read_only), list(located.path), "claude").name == "claude.exe"


def test_a_linked_directory_on_path(host: Path) -> None:
    program(host / "versions/7/bin/codex")
    link(host / "current", "versions/7")
    located = locate(["codex"], search=f"{host}/current/bin")
    assert located.read_only == (host / "versions/7/bin",)
    assert located.path == (str(host / "versions/7/bin"),)


def test_an_interpreter_named_by_its_path(host: Path) -> None:
    program(host / "py-3/bin/python3.14")
    (host / "py-3/lib").mkdir()
    link(host / "py/bin", "../py-3/bin")
    link(host / "py-3/bin/python3", "python3.14")
    program(host / "app/agent", f"#!{host}/py/bin/python3 -I\n".encode())
    located = locate(["agent"], search=f"{host}/app")
    assert set(located.read_only) == {
        host / "app", host / "py/bin/python3", host / "py-3/bin", host / "py-3/lib",
    }  # fmt: skip


@pytest.mark.parametrize("where", [".", ".."])
def test_a_home_is_never_shown_as_a_whole(host: Path, where: str) -> None:
    own = program(Path(os.path.normpath(host / where)) / "agent")
    with pytest.raises(EnvironmentProblem, match="no sandbox may show"):
        locate(["agent"], search=str(own.parent))


def test_what_options_name(host: Path) -> None:
    command = program(host / "project/agent", b"#!/bin/sh\n")
    located = locate_agent(Command(), {"command": str(command)})
    assert located.read_only == (command,)
    script = host / "script.json"
    script.write_text("{}")
    assert locate_agent(Scripted(), {"script": str(script)}).read_only == (script,)


def test_options_that_name_nothing_usable(host: Path) -> None:
    plain = host / "plain"
    plain.write_text("")
    for given, words in (
        (str(host / "nothing"), "is not a file"),
        ("relative/agent", "is not a file"),
        (str(host), "is not a file"),
        (str(plain), "is not executable"),
    ):
        with pytest.raises(UsageError, match=words) as error:
            locate_agent(Command(), {"command": given})
        assert error.value.where == "--agent-command"


def test_installed(host: Path) -> None:
    assert installed([Scripted()]) == ["scripted"]
    assert installed([Scripted()], search=str(host)) == ["scripted"]  # an absolute name needs no PATH
