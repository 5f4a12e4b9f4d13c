"""Verification: as the candidate stands, with the protected files of the base, with the held-out files."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from harness import World, git, wait_for
from trouble_kit import CONFIG, kill, worker_of

from fabrik.ledger.codec import decode
from fabrik.ledger.store import Ledger
from fabrik.ledger.types import Step
from fabrik.workflows.results import ChecksResult, VerificationResult

PROJECT = {
    "app.sh": "echo wrong\n",
    "tests/run.sh": 'test "$(sh app.sh)" = right\n',
    "tests/data.txt": "data\n",
}
CHECK = {"name": "tests", "run": "sh tests/run.sh"}
SOLVE = "echo 'echo right' > app.sh"
SAVE = "git add -A; git commit -q -m Work"


def agent(*lines: str) -> str:
    return "\n".join(["#!/bin/sh", "set -eu", *lines, SAVE, ""])


def world_of(directory: Path, files: Mapping[str, str] = PROJECT) -> World:
    world = World(directory)
    world.make_project(files)
    return world


def steps(world: World) -> dict[str, Step]:
    with Ledger.open(world.home / "ledger.db") as ledger:
        return {step.key: step for step in ledger.steps(ledger.find_run("last").id)}


def verified(world: World, number: int = 1) -> VerificationResult:
    return decode(VerificationResult, steps(world)[f"verify#{number}"].result)


def kinds(result: VerificationResult) -> set[str]:
    return {tamper.kind for tamper in result.tampers if tamper.holds}


def log_of(world: World, result: VerificationResult, way: str) -> str:
    """What the first check of a way printed."""
    results: ChecksResult = getattr(result, way)
    check = results.checks[0]
    return (world.home / "runs" / world.last().id / check.log.path).read_text()


def run(world: World, body: str, *, ends: int | None = 0, **spec: Any) -> VerificationResult:
    """A run of one task with CHECK, to its end; its first verification."""
    fields: dict[str, Any] = {"checks": [CHECK], **spec}
    world.run(
        "--auto-approve", spec=world.make_spec(tasks=1, **fields), agent=world.make_agent(body), status=ends
    )
    return verified(world)


def test_nothing_is_restored_where_nothing_protected_changed(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    result = run(world, agent(SOLVE))
    assert result.ok
    assert result.restored == ()
    assert [check.ok for check in result.protected.checks] == [True]
    assert result.protected.commit == result.checks.commit == result.commit
    assert kinds(result) == set()
    assert world.last().status == "shipped"


def test_a_changed_test_is_put_back(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    result = run(world, agent("echo true > tests/run.sh"), ends=None)
    assert [check.ok for check in result.checks.checks] == [True]
    assert [check.ok for check in result.protected.checks] == [False]
    assert result.restored == ("tests/run.sh",)
    assert "depends" in kinds(result)
    assert result.flaky == ()
    assert world.last().status != "shipped"


def test_a_changed_test_that_was_not_needed_is_told(tmp_path: Path) -> None:
    """The check passes both ways, and all the same the file that judges is another one."""
    world = world_of(tmp_path)
    result = run(world, agent(SOLVE, "echo true > tests/run.sh"), ends=None)
    assert [check.ok for check in result.protected.checks] == [True]
    assert "depends" not in kinds(result)
    assert kinds(result)
    assert world.last().status != "shipped"


def test_what_the_spec_may_change_is_left_as_it_is(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    result = run(
        world,
        agent("echo 'echo new' > app.sh", "echo 'test $(sh app.sh) = new' > tests/run.sh"),
        mayChange=["tests/**"],
    )
    assert result.restored == ()
    assert kinds(result) == set()
    assert world.last().status == "shipped"


# What the base has is printed by this, with modes and links; the clone of the second way must print the same.
FINGERPRINT = (
    "cd tests && find . -type f -exec stat -c '%A %n' {} + -exec sha256sum {} + | LC_ALL=C sort;"
    " find . -type l -exec readlink {} + ; find . -type d | LC_ALL=C sort; git status --porcelain"
)


def test_files_of_every_kind_are_as_they_were(tmp_path: Path) -> None:
    files = {
        f"tests/{name}": f"{name}\n" for name in ("plain", "grün ß", 'quo"te', "to-dir", "in/deep/er/file")
    }
    world = world_of(tmp_path, {**files, "tests/run.sh": FINGERPRINT + "\n", "tests/way/one": "1\n"})
    tests = world.project / "tests"
    (tests / "plain").chmod(0o755)
    (tests / "link").symlink_to("plain")
    (tests / "far").symlink_to("/etc/hostname")
    (tests / "big").write_bytes(os.urandom(3 << 20))
    (tests / "line\nbreak").write_text("x\n")
    git("add", "-A", cwd=world.project)
    git("commit", "-q", "-m", "more", cwd=world.project)
    result = run(
        world,
        agent(
            "echo 1 > work.txt; cd tests",
            "for f in plain 'grün ß' 'quo\"te' in/deep/er/file; do echo other > \"$f\"; done",
            "chmod 644 plain; rm link far; echo file > link; mkdir far; echo x > far/x",
            "rm to-dir; mkdir to-dir; echo x > to-dir/x",
            "rm -r way; ln -s / way; echo small > big; rm -r in; echo file > in",
            "printf y > \"$(printf 'line\\nbreak')\"; cd ..",
        ),
        ends=None,
    )
    base = world.directory / "base"
    git("clone", "-q", str(world.project), str(base), cwd=world.directory)
    expected = subprocess.run(
        ["sh", "-c", FINGERPRINT], cwd=base, capture_output=True, text=True, check=True, env={**os.environ}
    ).stdout
    assert "tests/big" in result.restored
    shown = log_of(world, result, "protected")
    new = ("far/x", "to-dir/x")  # below what is a file or a link again
    assert not any(name in shown for name in new)
    assert shown.replace("-rw-r--r--", "") == expected.replace("-rw-r--r--", "")
    assert log_of(world, result, "checks") != expected


def test_only_files_differ_in_the_second_way(tmp_path: Path) -> None:
    """A check that wants a clean tree, a message or a number of commits fails for no other reason."""
    world = world_of(tmp_path)
    looking = (
        "git log --format='%s %an %ae %ad'; git rev-list --count HEAD; git status --porcelain; git branch -a;"
        " git rev-parse HEAD^; sh tests/run.sh"
    )
    result = run(world, agent(SOLVE, "echo : >> tests/run.sh"), ends=None, checks=[looking])
    assert result.restored == ("tests/run.sh",)
    assert result.protected.ok
    assert result.protected.commit != result.commit
    assert log_of(world, result, "protected") == log_of(world, result, "checks")


def test_the_second_way_is_skipped_where_the_first_fails(tmp_path: Path) -> None:
    """A file that git ignores makes the task's checks pass in a sandbox that stood before."""
    world = world_of(tmp_path, {**PROJECT, ".gitignore": "*.local\n"})
    result = run(
        world,
        agent(
            'case "$FABRIK_STEP" in',
            "*implement#1) echo 'echo echo right > app.local; echo wrong' > app.sh ;;",
            "*) echo 'sh app.local' > app.sh ;; esac",
        ),
        ends=None,
    )
    assert not result.checks.ok
    assert result.protected.checks == ()
    assert result.restored == ()
    assert world.last().status != "shipped"


def test_a_setup_script_is_put_back_before_it_is_run(tmp_path: Path) -> None:
    """A setup that loosens the tests does so in the first way alone."""
    world = world_of(tmp_path, {**PROJECT, "scripts/prepare.sh": "true\n"})
    config = 'setup = ["sh scripts/prepare.sh"]\n'
    (world.project / "fabrik.toml").write_text(config)
    git("add", "-A", cwd=world.project)
    git("commit", "-q", "-m", "setup", cwd=world.project)
    result = run(world, agent("echo 'echo true > tests/run.sh' > scripts/prepare.sh"), ends=None)
    assert result.checks.ok
    assert result.restored == ("scripts/prepare.sh",)
    assert [check.ok for check in result.protected.checks] == [False]
    assert "depends" in kinds(result)


def test_thousands_of_files_hide_nothing(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    flood = "mkdir a; for n in $(seq 2100); do echo $n > a/$n; done"
    result = run(world, agent(flood, "echo true > tests/run.sh", "echo x > tests/data.txt"), ends=None)
    assert result.restored == ("tests/data.txt", "tests/run.sh")
    assert not result.protected.ok
    unseen = {tamper.path: tamper for tamper in result.tampers if "not looked into" in tamper.what}
    assert unseen["tests/run.sh"].holds
    assert unseen["tests/data.txt"].holds
    assert [tamper.holds for path, tamper in unseen.items() if path.startswith("a/")] == [False]


def test_a_large_protected_file_holds(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    padding = "head -c 2000000 /dev/zero | tr '\\0' '\\n'"
    result = run(
        world, agent(f"{{ {padding}; echo true; }} > tests/run.sh", f"{padding} > big.txt"), ends=None
    )
    assert result.restored == ("tests/run.sh",)
    assert not result.protected.ok
    large = {tamper.path: tamper.holds for tamper in result.tampers if "larger than" in tamper.what}
    assert large == {"tests/run.sh": True, "big.txt": False}


UNITTEST = "import unittest\n\n\nclass ATest(unittest.TestCase):\n    def test_a(self):\n        {}\n"
PYTHON = {
    "app.py": "A = 0\n",
    "tests/__init__.py": "",
    "tests/test_a.py": UNITTEST.format("import app; self.assertEqual(app.A, 1)"),
}
DISCOVER = {"name": "all", "run": "ls tests; python3 -m unittest discover -q"}
NAMED = {"name": "new", "run": "ls tests; python3 -m unittest -q tests.test_b"}
ADD_TEST = f"cat > tests/test_b.py <<'END'\n{UNITTEST.format('pass')}END"


def test_what_the_base_tests_is_judged_without_new_tests(tmp_path: Path) -> None:
    """Each check runs once; the one that names the new test file has it."""
    world = world_of(tmp_path, PYTHON)
    result = run(world, agent("echo 'A = 1' > app.py", ADD_TEST), checks=[DISCOVER, NAMED])
    assert result.ok
    assert result.restored == ()
    assert result.alone == ("all",)
    assert [(check.name, check.ok) for check in result.protected.checks] == [("all", True), ("new", True)]
    logs = [
        (world.home / "runs" / world.last().id / check.log.path).read_text()
        for check in result.protected.checks
    ]
    assert ["test_b.py" in log for log in logs] == [False, True]
    assert world.last().status == "shipped"


def test_a_check_that_needs_new_tests_depends_on_them(tmp_path: Path) -> None:
    world = world_of(tmp_path, PYTHON)
    result = run(
        world,
        agent("cat > tests/test_a0.py <<'END'", "import app", "app.A = 1", "END"),
        ends=None,
        checks=[DISCOVER],
    )
    assert result.checks.ok
    assert not result.protected.ok
    assert result.flaky == ()
    assert result.restored == ()
    new = [tamper for tamper in result.tampers if tamper.kind == "depends"]
    assert [(tamper.path, tamper.holds) for tamper in new] == [("tests/test_a0.py", True)]
    assert "only with the new tests in place" in new[0].what
    assert world.last().status != "shipped"


def test_what_a_check_reaches_is_put_back(tmp_path: Path) -> None:
    files = {"app.sh": "echo wrong\n", "t/run.sh": "sh app.sh | diff - t/out.txt\n", "t/out.txt": "right\n"}
    world = world_of(tmp_path, files)
    result = run(world, agent("echo wrong > t/out.txt"), ends=None, checks=["sh t/run.sh"])
    assert result.restored == ("t/out.txt",)
    assert "depends" in kinds(result)
    assert world.last().status != "shipped"


class Oracle:
    """Answers a check through a pipe that its sandbox shows, one word for each time that it is run."""

    def __init__(self, world: World, words: list[str]) -> None:
        self.pipe = world.directory / "signals" / "pipe"
        self.pipe.parent.mkdir()
        os.mkfifo(self.pipe)
        config = world.directory / CONFIG
        config.parent.mkdir(parents=True)
        config.write_text(f"read_only = [{json.dumps(str(self.pipe.parent))}]\n")
        self.words = iter(words)
        self.asked = 0
        self.thread = threading.Thread(target=self._answer, daemon=True)
        self.thread.start()

    @property
    def check(self) -> dict[str, str]:
        return {
            "name": "oracle",
            "run": f'read -r answer < "{self.pipe}"; echo "$answer"; test "$answer" = yes',
        }

    def _answer(self) -> None:
        for word in self.words:
            with self.pipe.open("w") as pipe:  # waits until somebody reads
                self.asked += 1
                pipe.write(f"{word}\n")
            wait_for(self._taken, "the answer to be read")

    def _taken(self) -> bool:
        """Nobody has the pipe open for reading any more: the next to read gets the next word."""
        try:
            os.close(os.open(self.pipe, os.O_WRONLY | os.O_NONBLOCK))
        except OSError:
            return True
        return False


def test_a_check_that_passes_once_is_flaky(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    #                      base  task   1st    2nd; what the agent is asked to mend stays as it is
    oracle = Oracle(world, ["no", "yes", "yes", "no"])
    result = run(world, agent(SOLVE, SAVE + " || true; exit 0"), ends=4, checks=[oracle.check])
    assert result.checks.ok
    assert result.restored == ()
    assert [check.name for check in result.flaky] == ["oracle"]
    assert not result.ok
    assert "oracle" in str(world.last().failure_reason)
    assert git("branch", "--list", "spec-feature", cwd=world.project) == ""


@pytest.fixture
def paused(tmp_path: Path) -> Iterator[tuple[World, Path]]:
    """A world whose held-out check waits until a file is there, and that file."""
    world = world_of(tmp_path)
    go = world.directory / "signals" / "go"
    go.parent.mkdir()
    config = world.directory / CONFIG
    config.parent.mkdir(parents=True)
    config.write_text(f"read_only = [{json.dumps(str(go.parent))}]\n")
    yield world, go
    go.touch()


def test_a_crash_in_the_third_way_does_not_repeat_the_others(paused: tuple[World, Path]) -> None:
    world, go = paused
    hidden = world.directory / "specs" / "hidden.sh"
    hidden.parent.mkdir()
    hidden.write_text(f'while ! [ -e "{go}" ]; do sleep 0.05; done; test "$(sh app.sh)" = right\n')
    spec = world.make_spec(
        tasks=1,
        checks=[CHECK],
        holdout=[{"name": "hidden", "run": "sh hidden.sh", "files": {"hidden.sh": "hidden.sh"}}],
    )
    world.fabrik(
        *("run", "--spec", spec, "--project", world.project, "--no-review", "--auto-approve", "--detach"),
        *("--agent", "command", "--agent-command", world.make_agent(agent(SOLVE))),
    )
    wait_for(lambda: "verify/1/held-out" in steps(world), "the third way")
    sandboxes = world.home / "runs" / world.last().id / "sandboxes"
    wait_for((sandboxes / "verify-held-out").exists, "its sandbox")
    assert not (sandboxes / "verify").exists()
    assert not (sandboxes / "verify-protected").exists()
    kill(worker_of(world, world.last().id))
    go.touch()
    world.fabrik("run", "resume", world.last().id)
    assert world.last().status == "shipped"
    starts = {key: step.attempt for key, step in steps(world).items() if key.startswith("verify")}
    assert starts == {
        "verify#1": 2,
        "verify/1/checks": 1,
        "verify/1/protected": 1,
        "verify/1/held-out": 2,
    }
    assert verified(world).holdout.ok
    assert not list(sandboxes.glob("verify*"))
    wait_for(lambda: not world.leftovers(), "the end of every process")


def test_no_way_has_a_network(tmp_path: Path) -> None:
    """Nothing but the loopback, and no door of the gateway."""
    world = world_of(tmp_path)
    alone = (
        "test \"$(ls /sys/class/net 2>/dev/null || tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' ')\" = lo"
    )
    doors = "! ls /run/fabrik 2> /dev/null"
    check = {"name": "alone", "run": f"{alone} && {doors} && sh tests/run.sh"}
    result = run(
        world,
        agent(SOLVE, "echo : >> tests/run.sh"),
        ends=None,
        checks=[check],
        holdout=[check | {"name": "h"}],
    )
    assert result.checks.ok
    assert result.protected.ok
    assert result.holdout.ok
