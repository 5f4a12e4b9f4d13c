"""scripts/install-agents with an npm that installs at once: what it keeps, does again, says and refuses.

The npm here is a program of this test's that leaves what the real one leaves, so nothing is downloaded. The
CLIs that the script really installs are proven in test_real_clis.py.
"""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

INSTALLER = Path(__file__).parents[2] / "scripts/install-agents"
NAMES = ("claude", "codex", "pi", "opencode", "gemini")

NPM = """#!/bin/sh
# npm install --prefix DIR … PACKAGE@VERSION
prefix=$3
for package; do :; done
echo "$package" >> "$NPM_LOG"
[ -z "$NPM_GATE" ] || { touch "$NPM_GATE.reached"; read line < "$NPM_GATE"; }
[ -z "$NPM_FAILS" ] || { echo "npm error network down"; exit 1; }
version=${package##*@}
mkdir -p "$prefix/node_modules/.bin"
for name in claude codex pi opencode gemini; do
    printf '#!/bin/sh\\n%s\\necho "%s (it)"\\n' "$CLI_DOES" "$version" > "$prefix/node_modules/.bin/$name"
    chmod +x "$prefix/node_modules/.bin/$name"
done
"""
NODE = "#!/bin/sh\necho ${NODE_VERSION:-v22.1.0}\n"


class Machine:
    """A PATH with that npm, and a cache folder."""

    def __init__(self, root: Path) -> None:
        self.root, self.cache, self.log = root, root / "cache/agents", root / "npm.log"
        self.bin = root / "bin"
        self.bin.mkdir()
        for name, text in (("npm", NPM), ("node", NODE)):
            (self.bin / name).write_text(text)
            (self.bin / name).chmod(0o755)

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        env = {
            "PATH": f"{self.bin}:/usr/bin:/bin",
            "HOME": str(self.root),
            "FABRIK_DEV_AGENTS": str(self.cache),
            "NPM_LOG": str(self.log),
            **variables,
        }
        return subprocess.Popen(
            [str(INSTALLER), *arguments],
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, **variables: str) -> tuple[int, str, str]:
        process = self.start(*arguments, **variables)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    @property
    def installs(self) -> list[str]:
        return self.log.read_text().split() if self.log.exists() else []


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_all_are_installed_once(machine: Machine) -> None:
    status, out, err = machine.run()
    assert status == 0, err
    assert out == f"{machine.cache}/bin\n"
    assert len(machine.installs) == len(NAMES)
    assert all(package in err for package in machine.installs)  # it says what it installs
    for name in NAMES:
        assert subprocess.run([str(machine.cache / "bin" / name)], check=True, capture_output=True).stdout
    before = machine.installs
    assert machine.run() == (0, out, "")
    assert machine.installs == before
    assert not list(machine.cache.glob("*.partial"))


def test_one_alone_and_the_folder_alone(machine: Machine) -> None:
    assert machine.run("--bin") == (0, f"{machine.cache}/bin\n", "")
    assert not machine.cache.exists()
    assert machine.run("codex")[0] == 0
    (only,) = machine.installs
    assert only.startswith("@openai/codex@")


def test_the_cache_folder_of_the_user(machine: Machine) -> None:
    _, out, _ = machine.run("--bin", FABRIK_DEV_AGENTS="", XDG_CACHE_HOME="/somewhere")
    assert out == "/somewhere/fabrik-dev/agents/bin\n"
    _, out, _ = machine.run("--bin", FABRIK_DEV_AGENTS="")
    assert out == f"{machine.root}/.cache/fabrik-dev/agents/bin\n"


def test_what_is_half_there_is_done_again(machine: Machine) -> None:
    machine.run("pi")
    (installed,) = machine.cache.glob("pi-*")
    (installed / ".installed").unlink()
    (installed / "node_modules/.bin/pi").write_text("broken")
    (machine.cache / f"{installed.name}.partial").mkdir()
    assert machine.run("pi")[0] == 0
    assert len(machine.installs) == 2
    assert subprocess.run([str(machine.cache / "bin/pi")], check=True, capture_output=True).stdout


def test_a_removed_link_comes_back(machine: Machine) -> None:
    machine.run("pi")
    (machine.cache / "bin/pi").unlink()
    assert machine.run("pi")[0] == 0
    assert (machine.cache / "bin/pi").is_file()
    assert len(machine.installs) == 1


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"NPM_FAILS": "1"}, "network down"),
        ({"CLI_DOES": "exit 3"}, "ended with 3"),
        ({"CLI_DOES": "echo 0.0.1; exit 0"}, "expected"),
        ({"NODE_VERSION": "v18.20.0"}, "20.6 or newer"),
    ],
)
def test_failures_are_told_and_leave_nothing_that_looks_complete(
    machine: Machine, variables: dict[str, str], words: str
) -> None:
    status, out, err = machine.run("claude", **variables)
    assert status == 1
    assert out == ""
    assert words in err
    assert not list(machine.cache.glob("*/.installed"))
    assert not (machine.cache / "bin/claude").exists()
    assert machine.run("claude")[0] == 0


def test_without_npm(machine: Machine) -> None:
    (machine.bin / "npm").unlink()
    (machine.bin / "python3").symlink_to("/usr/bin/python3")
    status, _, err = machine.run("claude", PATH=str(machine.bin))
    assert status == 1
    assert "npm is not on PATH" in err


def test_an_unknown_name(machine: Machine) -> None:
    status, _, err = machine.run("clippy")
    assert status == 2
    assert "there are claude, codex" in err


def test_two_at_once_install_once(machine: Machine) -> None:
    gate = machine.root / "gate"
    os.mkfifo(gate)
    first = machine.start("pi", NPM_GATE=str(gate))
    deadline = time.monotonic() + 30
    while not Path(f"{gate}.reached").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    second = machine.start("pi")
    assert second.stderr
    assert "waiting" in second.stderr.readline()
    gate.write_text("go\n")
    assert first.communicate(timeout=60)[0] == second.communicate(timeout=60)[0] == f"{machine.cache}/bin\n"
    assert len(machine.installs) == 1


def test_a_killed_install_blocks_nobody(machine: Machine) -> None:
    gate = machine.root / "gate"
    os.mkfifo(gate)
    first = machine.start("pi", NPM_GATE=str(gate))
    deadline = time.monotonic() + 30
    while not Path(f"{gate}.reached").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(first.pid, 9)  # the script and its npm: the group is this test's own
    first.communicate(timeout=60)
    assert machine.run("pi")[0] == 0
    assert (machine.cache / "bin/pi").is_file()


def test_an_npm_that_outlives_its_installer_keeps_the_next_one_out(machine: Machine) -> None:
    gate = machine.root / "gate"
    os.mkfifo(gate)
    first = machine.start("pi", NPM_GATE=str(gate))
    deadline = time.monotonic() + 30
    while not Path(f"{gate}.reached").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    first.kill()
    first.wait(timeout=60)
    second = machine.start("pi")
    assert second.stderr
    assert "waiting" in second.stderr.readline()
    gate.write_text("go\n")
    assert second.communicate(timeout=60)[0] == f"{machine.cache}/bin\n"
    first.communicate(timeout=60)
    assert len(machine.installs) == 2
