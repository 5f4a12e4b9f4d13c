"""Judges as checks of a run: opened by the user, metered under the check's step, with nothing installed."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from harness import World
from judge_kit import FAIL, KEY, PASS, judging

from fabrik.testing.model_server import Conversation
from fabrik.testing.model_server.script import Part

Require = Callable[[str, Callable[[], str | None]], None]

OPEN = "[judge]\nin_checks = true\n"
TONE = 'fabrik judge --criteria "the tone is warm" welcome.txt'

# Writes cold words first, and warm ones once it was told what is wrong with them.
WRITER = """#!/bin/sh
set -eu
if grep -q "greet the reader"; then words="Dear reader, welcome!"; else words="Welcome."; fi
echo "$words" > welcome.txt
git add -A
git commit -q -m "Write a welcome"
"""
WARM_WRITER = """#!/bin/sh
set -eu
echo "Dear reader, welcome!" > welcome.txt
git add -A
git commit -q -m "Write a welcome"
"""


@pytest.fixture(autouse=True)
def bubblewrap(require: Require) -> None:
    require("bubblewrap", lambda: None if shutil.which("bwrap") else "bwrap is not installed")


def warm(asked: Conversation) -> Part:
    return PASS if "Dear reader" in asked.prompt else FAIL


def one_check(world: World, run: str) -> Path:
    return world.make_spec(tasks=1, checks=[{"name": "tone", "run": run}])


def check_log(world: World) -> str:
    logs = sorted(world.home.glob("runs/*/logs/**/check-*.log"), key=lambda path: path.stat().st_mtime)
    return "\n".join(log.read_text(errors="replace") for log in logs)


def test_a_judge_sends_work_back_until_it_passes(tmp_path: Path) -> None:
    with judging(tmp_path, warm) as (world, server):
        world.make_project()
        world.configure(OPEN)
        spec = one_check(world, TONE)
        run = world.run("--auto-approve", spec=spec, agent=world.make_agent(WRITER))
        assert run.status == "shipped", world.worker_logs()
        assert "It is too cold: greet the reader." in check_log(world)
        # Metered under the steps of the checks, with a known cost, and not as runs of their own.
        calls = world.calls_of(run.id)
        assert calls
        assert {call.outcome for call in calls} == {"ok"}
        steps = {call.step for call in calls}
        assert any("checks#" in step for step in steps), steps
        assert any(step.startswith("verify/") for step in steps), steps
        assert run.usage.calls == len(server.calls) == len(calls)
        assert run.usage.cost_usd is not None and run.usage.cost_usd > 0
        assert world.judges() == []
        assert {call.key for call in server.calls} == {KEY}
        assert world.key_in_files() == []


def test_without_the_users_word_the_check_says_why(tmp_path: Path) -> None:
    with judging(tmp_path, warm) as (world, server):
        world.make_project()
        spec = one_check(world, TONE)
        run = world.run("--attempts", "1", spec=spec, agent=world.make_agent(WARM_WRITER), status=4)
        assert run.status == "exhausted"
        told = [event.data["tail"] for event in world.events("check.failed")]
        assert any("`in_checks = true` below `[judge]`" in tail for tail in told), told
        assert server.calls == ()


def test_a_fabrik_of_the_projects_own_says_why_as_well(tmp_path: Path) -> None:
    """One that was installed inside, and is not told where a judge is."""
    with judging(tmp_path, warm) as (world, server):
        world.make_project()
        python = Path(sys.executable)
        package = Path(__file__).parents[2] / "src"
        world.configure(f"read_only = {[str(place) for place in installation()]}\n".replace("'", '"'))
        command = (
            f"PYTHONPATH={package} {python} -c 'from fabrik.cli.entry import main; main()' "
            "judge --criteria warm welcome.txt"
        )
        spec = one_check(world, command)
        world.run("--attempts", "1", spec=spec, agent=world.make_agent(WARM_WRITER), status=4)
        assert "no judge can be asked in this sandbox" in check_log(world)
        assert server.calls == ()


def installation() -> list[Path]:
    """What of this machine a Python with pytest and without fabrik needs."""
    return [Path(sys.prefix), Path(sys.base_prefix), Path(__file__).parents[2] / "src"]


def project_python(directory: Path) -> Path:
    """The root of a virtual environment with pytest in it, and without fabrik, click or pydantic."""
    root = directory / "venv"
    site = root / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    site.mkdir(parents=True)
    (root / "bin").mkdir()
    (root / "bin" / "python").symlink_to(os.path.realpath(sys.executable))
    base = Path(os.path.realpath(sys.executable)).parent
    (root / "pyvenv.cfg").write_text(f"home = {base}\ninclude-system-site-packages = false\n")
    here = Path(pytest.__file__).parents[1]
    for name in ("pytest", "_pytest", "pluggy", "iniconfig", "packaging", "pygments"):
        shutil.copytree(here / name, site / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(here / "py.py", site)
    return root


TESTS = """
from pathlib import Path

def test_tone(judge):
    judge("the tone is warm", Path("welcome.txt").read_text())

def test_function():
    from fabrik.judge import judge
    assert judge("the tone is warm", Path("welcome.txt"))

def test_nothing_else_came_along():
    import importlib.util
    assert importlib.util.find_spec("click") is None
    assert importlib.util.find_spec("pydantic") is None
"""


def test_a_pytest_of_the_projects_own_has_the_fixture(tmp_path: Path) -> None:
    with judging(tmp_path, warm) as (world, server):
        world.make_project({"README.md": "# project\n", "test_tone.py": TESTS})
        root = project_python(tmp_path)
        shown = [root, Path(sys.base_prefix)]
        listed = ", ".join(f'"{path}"' for path in shown)
        world.configure(f"read_only = [{listed}]\n{OPEN}")
        command = f"{root}/bin/python -m pytest -q -W error -p no:cacheprovider test_tone.py"
        spec = one_check(world, command)
        run = world.run("--auto-approve", spec=spec, agent=world.make_agent(WRITER))
        log = check_log(world)
        assert run.status == "shipped", log
        assert "the judge says no to 'the tone is warm'" in log
        assert "It is too cold: greet the reader." in log
        assert "3 passed" in log
        assert len(server.calls) >= 4


PROBE = """
import http.client, os, socket, sys, urllib.parse
url = urllib.parse.urlsplit(os.environ["FABRIK_JUDGE_URL"])
proxy = http.client.HTTPConnection("127.0.0.1", 4181, timeout=20)
proxy.set_tunnel("allowed.example", 443)
try:
    proxy.request("GET", "/")
except OSError as refused:
    print("refused:", refused)
    assert "403" in str(refused), refused
else:
    sys.exit("the proxy let it through")
door = http.client.HTTPConnection(url.hostname, url.port, timeout=20)
door.request("POST", "/anthropic/v1/files", body="{}")
assert door.getresponse().status == 404
assert not [name for name in os.environ if name.endswith(("_API_KEY", "_TOKEN"))], os.environ
assert "HTTP_PROXY" not in os.environ
try:
    socket.create_connection(("1.1.1.1", 443), timeout=5)
except OSError:
    pass
else:
    sys.exit("there is a network")
print("only models")
"""


def test_checks_reach_models_and_nothing_else(tmp_path: Path) -> None:
    with judging(tmp_path, warm) as (world, _):
        world.make_project({"probe.py": PROBE})
        world.configure(f'allow = ["allowed.example"]\n{OPEN}')
        spec = one_check(world, "python3 probe.py")
        world.run(spec=spec, agent=world.make_agent(WARM_WRITER), status=3)
        assert "only models" in check_log(world)
        assert any(event.data["host"] == "allowed.example" for event in world.events("egress.refused"))


def test_the_budget_of_the_run_bounds_its_judges(tmp_path: Path) -> None:
    with judging(tmp_path, warm) as (world, server):
        world.make_project()
        world.configure(OPEN)
        spec = one_check(world, TONE)
        world.run(
            *("--attempts", "1", "--budget-usd", "0"),
            spec=spec,
            agent=world.make_agent(WARM_WRITER),
            status=4,
        )
        assert "budget" in check_log(world)
        assert server.calls == ()


def test_a_project_cannot_open_its_own_checks(tmp_path: Path) -> None:
    with judging(tmp_path, warm) as (world, _):
        world.make_project({"fabrik.toml": OPEN})
        spec = one_check(world, TONE)
        done = world.fabrik(
            *("run", "--spec", spec, "--project", world.project, "--agent", "command", "--no-review"),
            *("--agent-command", world.make_agent(WARM_WRITER)),
            status=2,
        )
        assert "judge.in_checks: a project cannot open its checks to models" in done.stderr


def test_a_project_can_keep_its_checks_shut(tmp_path: Path) -> None:
    with judging(tmp_path, warm) as (world, server):
        world.make_project({"fabrik.toml": "[judge]\nin_checks = false\n"})
        world.configure(OPEN)
        spec = one_check(world, TONE)
        world.run("--attempts", "1", spec=spec, agent=world.make_agent(WARM_WRITER), status=4)
        assert server.calls == ()


def test_an_implementer_can_ask_as_its_checks_do(tmp_path: Path) -> None:
    agent = f"""#!/bin/sh
set -eu
echo "Welcome." > welcome.txt
{TONE} > said.txt && exit 1
grep -q "greet the reader" said.txt
rm said.txt
echo "Dear reader, welcome!" > welcome.txt
{TONE}
git add -A
git commit -q -m "Write a welcome"
"""
    with judging(tmp_path, warm) as (world, _):
        world.make_project()
        world.configure(OPEN)
        run = world.run("--auto-approve", spec=one_check(world, TONE), agent=world.make_agent(agent))
        assert run.status == "shipped"
        assert {event.step for event in world.events("check.failed")} == {"baseline"}
        assert len(world.calls_of(run.id, "task/1/implement#1")) == 2


def test_without_isolation_it_is_the_same(tmp_path: Path) -> None:
    with judging(tmp_path, warm) as (world, _):
        world.make_project()
        world.configure(OPEN)
        agent = world.make_agent(WRITER)
        run = world.run("--auto-approve", "--sandbox", "none", spec=one_check(world, TONE), agent=agent)
        assert run.status == "shipped"
        assert {call.outcome for call in world.calls_of(run.id)} == {"ok"}
        assert world.judges() == []


def test_a_missing_key_fails_the_check_with_its_name(tmp_path: Path) -> None:
    with judging(tmp_path, warm, vendor=None) as (world, server):
        world.make_project()
        world.configure(OPEN)
        agent = world.make_agent(WARM_WRITER)
        world.run("--attempts", "1", spec=one_check(world, TONE), agent=agent, status=4)
        assert "ANTHROPIC_API_KEY" in check_log(world)
        assert server.calls == ()
