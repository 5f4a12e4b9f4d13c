"""What the command line of `fabrik run` and the environment can say; each seen in what comes of it."""

from __future__ import annotations

import json
import os
import stat
import struct
import subprocess
from pathlib import Path

import pytest
from harness import HONEST, PROGRAM, World, git, wait_for
from trouble_kit import (
    Gatekeeper,
    finish,
    given,
    no_runs,
    nothing_left,
    refused,
    shipped_well,
    start,
    waiting_run,
    world_at,
)

from fabrik.sandboxes import unprivileged


@pytest.fixture
def world(tmp_path: Path) -> World:
    return world_at(tmp_path)


def bare(world: World, name: str = "bare.git") -> Path:
    """A bare repository with the project's history, as a server would have it."""
    place = world.directory / name
    git("clone", "-q", "--bare", str(world.project), str(place), cwd=world.directory)
    return place


def from_repo(world: World, repo: str | Path) -> list[str | Path]:
    options = given(world)
    options[options.index("--project") : options.index("--project") + 2] = ["--repo", repo]
    return options


def subjects(repository: Path, branch: str = "spec-feature") -> list[str]:
    return git("log", "--reverse", "--format=%s", f"main..{branch}", cwd=repository).splitlines()


@pytest.mark.parametrize("form", ["url", "path", "relative"])
def test_repo(world: World, form: str) -> None:
    """The branch goes to where the project came from; the working tree here plays no part."""
    remote = bare(world)
    repo = {"url": remote.as_uri(), "path": str(remote), "relative": remote.name}[form]
    world.fabrik("run", *from_repo(world, repo), "--auto-approve")
    run = world.last()
    assert run.status == "shipped"
    assert subjects(remote) == ["Do task 1", "Do task 2"]
    assert git("rev-parse", "spec-feature", cwd=remote) == run.candidate
    assert git("branch", "--list", "spec-feature", cwd=world.project) == ""
    said = refused(world, "run", *from_repo(world, repo))
    assert "the branch spec-feature is there already" in said


def test_repo_with_push_says_the_same(world: World) -> None:
    remote = bare(world)
    world.fabrik("run", *from_repo(world, remote.as_uri()), "--push", "--auto-approve")
    assert subjects(remote) == ["Do task 1", "Do task 2"]


def test_repo_that_cannot_be_used(world: World) -> None:
    nowhere = world.directory / "nowhere"
    for repo, status in ((nowhere.as_uri(), 1), (str(nowhere), 2), ("--upload-pack=x", 2)):
        done = world.fabrik("run", *from_repo(world, f"{repo}"), status=None)
        assert done.returncode == status
        assert "error: " in done.stderr
        assert "Traceback" not in done.stderr
    assert "exclude each other" in refused(world, "run", *given(world), "--repo", "x")
    assert no_runs(world)


def test_repo_is_away_when_the_run_ships(world: World) -> None:
    remote = bare(world)
    keeper = Gatekeeper(world)
    options = from_repo(world, remote.as_uri())
    world.fabrik("run", *options[:-1], keeper.agent(), "--auto-approve", "--detach")
    keeper.wait()
    away = remote.rename(world.directory / "away.git")
    keeper.let_go()
    said = world.fabrik("run", "attach", "last", status=4).stdout
    assert "bare.git" in said
    away.rename(remote)
    world.fabrik("run", "resume", "last")
    assert subjects(remote) == ["Do task 1", "Do task 2"]


def test_push(world: World) -> None:
    remote = bare(world)
    git("remote", "add", "upstream", str(remote), cwd=world.project)
    world.fabrik("run", *given(world), "--push", "--auto-approve")
    shipped_well(world, "last")
    assert subjects(remote) == ["Do task 1", "Do task 2"]
    git("branch", "-D", "spec-feature", cwd=world.project)
    said = refused(world, "run", *given(world), "--push")
    assert "the branch spec-feature is there already" in said
    assert "git push upstream --delete spec-feature" in said
    world.fabrik("run", *given(world), "--auto-approve")  # without --push the remote is nobody's business
    assert world.last().status == "shipped"


def test_push_without_a_remote(world: World) -> None:
    assert "--push needs a remote" in refused(world, "run", *given(world), "--push")
    git("remote", "add", "origin", str(world.directory / "nowhere.git"), cwd=world.project)
    said = refused(world, "run", *given(world), "--push", status=1)
    assert "nowhere.git" in said or "origin" in said
    assert no_runs(world)


def test_push_is_refused_by_the_remote(world: World) -> None:
    """The branch in the project is there; what is missing is pushed after a resume."""
    remote = bare(world)
    git("remote", "add", "origin", str(remote), cwd=world.project)
    hook = remote / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho closed for today >&2\nexit 1\n")
    hook.chmod(0o755)
    said = world.fabrik("run", *given(world), "--push", "--auto-approve", status=4).stdout
    assert "push" in said
    assert world.commits() == ["Do task 1", "Do task 2"]
    hook.unlink()
    world.fabrik("run", "resume", "last")
    assert subjects(remote) == ["Do task 1", "Do task 2"]
    shipped_well(world, "last")


def test_cancel_while_it_is_pushed(world: World) -> None:
    """A server that does not answer: cancelled, nothing is left running, and it can still be shipped."""
    remote = bare(world)
    git("remote", "add", "origin", str(remote), cwd=world.project)
    hook = remote / "hooks" / "pre-receive"
    hook.write_text(f'#!/bin/sh\ntouch "{world.directory}/pushing"\nexec sleep 1000\n')
    hook.chmod(0o755)
    follower = start(world, "run", *given(world), "--push", "--auto-approve")
    wait_for((world.directory / "pushing").exists, "a push")
    world.fabrik("run", "cancel", "last")
    assert finish(follower).returncode == 130
    assert world.last().status == "cancelled"
    nothing_left(world)
    hook.unlink()
    world.fabrik("run", "resume", "last")
    assert subjects(remote) == ["Do task 1", "Do task 2"]


def test_ref(world: World) -> None:
    """The run starts where it was told to, and knows nothing of what came later."""
    old = git("rev-parse", "HEAD", cwd=world.project)
    git("tag", "-a", "-m", "v1", "v1", cwd=world.project)
    (world.project / "later.txt").write_text("later\n")
    git("add", "-A", cwd=world.project)
    git("commit", "-q", "-m", "later", cwd=world.project)
    curious = HONEST.replace(
        "set -eu\n",
        "set -eu\nif test -e later.txt || git log --all --format=%s | grep later; then exit 9; fi\n",
    )
    agent = world.make_agent(curious)
    for number, ref in enumerate(("v1", "main~1", old)):
        world.fabrik(
            "run", *given(world, agent=agent), "--auto-approve", "--ref", ref, "--branch", f"at-{number}"
        )
        run = world.last()
        assert (run.status, run.base_commit, run.repo_ref) == ("shipped", old, ref)
        assert git("merge-base", "main", run.branch, cwd=world.project) == old
    assert "there is no commit 'v9'" in refused(world, "run", *given(world), "--ref", "v9")


def test_prompt(world: World) -> None:
    """It reaches the agent in every session, and is sealed with the run."""
    prompt = world.directory / "my prompt.md"
    prompt.write_text("Schreibe höflich. {{spec}} $HOME\n")
    reading = HONEST.replace(
        "set -eu\n", 'set -eu\ngrep -q "Schreibe höflich. {{spec}} $(printf "\\$")HOME"\n'
    )
    keeper = Gatekeeper(world)
    agent = keeper.agent(body=reading)
    world.fabrik("run", *given(world, agent=agent), "--auto-approve", "--prompt", prompt, "--detach")
    keeper.wait()
    prompt.write_text("Something else.\n")  # too late: the run has the text as it was
    keeper.let_go()
    world.fabrik("run", "attach", "last")
    shipped_well(world, "last")
    page = (world.home / "runs" / world.last().id / "reports" / "evidence.md").read_text()
    assert str(prompt) in page
    nowhere = world.directory / "nowhere.md"
    options = [*given(world), "--branch", "b"]
    assert str(nowhere) in refused(world, "run", *options, "--prompt", nowhere)
    prompt.write_bytes(b"\xff\xfe")
    assert "UTF-8" in refused(world, "run", *options, "--prompt", prompt)
    assert len(list((world.home / "runs").iterdir())) == 1


def test_max_iterations_and_ralph_agent(world: World) -> None:
    """The variables of the original; a flag counts more."""
    options: list[str | Path] = ["--spec", world.make_spec(), "--project", world.project, "--no-review"]
    options += ["--agent-command", world.make_agent()]
    world.fabrik("run", *options, "--auto-approve", status=4, MAX_ITERATIONS="1")
    run = world.last()
    assert (run.agent, run.status) == ("command", "exhausted")
    assert len(world.events("session.started")) == 1
    world.fabrik(
        "run", *options, "--auto-approve", "--iterations", "0", MAX_ITERATIONS="1", RALPH_AGENT="claude"
    )
    assert (world.last().agent, world.last().status) == ("command", "shipped")
    options = [*options[:5], "--branch", "b"]
    said = refused(world, "run", *options, RALPH_AGENT="command")
    assert "--agent-command" in said


def test_budgets_of_an_agent_that_calls_no_model(world: World) -> None:
    """A budget bounds model calls: where there are none, it stops nothing, and the cost is known."""
    world.fabrik("run", *given(world), "--auto-approve", "--budget-usd", "0", "--budget-tokens", "0")
    shipped_well(world, "last")
    run = json.loads(world.fabrik("runs", "show", "last", "--json").stdout)
    assert (run["usage"]["calls"], run["usage"]["total_tokens"]) == (0, 0)
    assert "no model calls" in world.fabrik("runs", "show", "last").stdout
    assert "--budget-usd" in refused(world, "run", *given(world), "--budget-usd=-1")


def test_markdown_spec_with_tasks(world: World) -> None:
    spec = world.directory / "feature.md"
    spec.write_text(
        "---\nid: feature\n---\n# A feature — größer\n\n## Goals\n\n- every task is done\n\n"
        "## Acceptance criteria\n\n- done-N.txt holds N\n\n"
        "## Tasks\n\n1. Do task 1\n   Verify: done-1.txt holds 1\n2. Do task 2\n\n"
        '## Verification\n\n```sh\ntest "$(cat done-1.txt)" = 1\ntest "$(cat done-2.txt)" = 2\n```\n'
    )
    world.fabrik("spec", "validate", spec)
    world.fabrik("run", *given(world, spec=spec), "--auto-approve")
    shipped_well(world, "last")
    run = json.loads(world.fabrik("runs", "show", "last", "--json").stdout)
    assert (run["spec_title"], run["spec_path"], run["todo_path"]) == ("A feature — größer", str(spec), None)


def test_a_spec_without_tasks_is_one_task(world: World) -> None:
    spec = world.make_spec(tasks=1)
    spec.with_suffix(".todo.json").unlink()
    one = world.make_agent(HONEST.replace('id=$(printf %s "$FABRIK_STEP" | cut -d/ -f2)', "id=1"))
    world.fabrik("run", *given(world, spec=spec, agent=one), "--auto-approve")
    assert world.commits() == ["Do task 1"]
    assert world.last().progress == "1/1 tasks"


def test_todo_at_another_place(world: World) -> None:
    spec = world.make_spec()
    todo = spec.with_suffix(".todo.json").rename(world.directory / "elsewhere.json")
    world.fabrik("run", *given(world, spec=spec), "--todo", todo, "--auto-approve")
    shipped_well(world, "last")
    assert json.loads(world.fabrik("runs", "show", "last", "--json").stdout)["todo_path"] == str(todo)


def test_the_spec_that_is_changed_during_the_run_is_not_the_run_s(world: World) -> None:
    """What was dispatched is sealed: weaker checks that come later change nothing."""
    keeper, run = waiting_run(world)
    sealed = world.directory / "specs" / "feature.json"
    sealed.write_text("{}")
    keeper.let_go()
    world.fabrik("run", "attach", run.id)
    shipped_well(world, run.id)


def test_scripted_agent(world: World) -> None:
    script = world.directory / "steps.json"
    steps = [{"write": "done-{{task}}.txt", "text": "{{task}}\n"}, {"commit": "Do task {{task}}"}]
    script.write_text(json.dumps({"v": 1, "sessions": {"task/*/implement#*": steps}}))
    options = given(world)[:5]
    world.fabrik("run", *options, "--agent-script", script, "--auto-approve")
    shipped_well(world, "last")
    assert world.last().agent == "scripted"
    assert "--agent-script" in refused(world, "run", *options, "--agent", "scripted", "--branch", "b")


def test_paths_with_spaces_and_other_letters(tmp_path: Path) -> None:
    world = world_at(tmp_path / "mit Leerzeichen" / "käse ✓ 'q' $(x) %s")
    agent = world.make_agent(name="der Agent ✓")
    spec = world.make_spec().rename(world.directory / "spec mit ü.json")
    (world.directory / "specs" / "feature.todo.json").rename(world.directory / "spec mit ü.todo.json")
    world.fabrik("run", *given(world, spec=spec, agent=agent), status=3)
    world.fabrik("approve", "last")
    shipped_well(world, "last")
    shown = world.fabrik("runs", "show", "last").stdout
    command = next(line for line in shown.splitlines() if "git -C" in line).partition("git")[2]
    done = subprocess.run(["sh", "-c", f"git {command}"], capture_output=True, text=True, check=True)
    assert "done-2.txt" in done.stdout  # what it tells to type works when it is typed
    assert "I did" not in world.fabrik("runs", "logs", "last").stdout


def test_relative_home(world: World) -> None:
    """FABRIK_HOME relative to where the command was started: the worker, which is elsewhere, finds it too."""
    world.fabrik("run", *given(world), status=3, FABRIK_HOME="home")
    assert (world.home / "ledger.db").exists()
    assert world.fabrik("runs", "list").stdout.count("waiting") == 1
    world.fabrik("approve", "last", FABRIK_HOME="./home")
    shipped_well(world, "last")


def test_relative_paths(world: World) -> None:
    """Of everything that can be named, from inside of the project."""
    spec, agent = world.make_spec(), world.make_agent()
    done = subprocess.run(
        [
            *(PROGRAM, "run", "--spec", "../specs/feature.json", "--agent-command", "../agent"),
            *("--no-review", "--auto-approve"),
        ],
        env=world.env(),
        cwd=world.project,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    shipped_well(world, "last")
    run = json.loads(world.fabrik("runs", "show", "last", "--json").stdout)
    assert os.path.normpath(run["spec_path"]) == str(spec)
    assert Path(run["spec_path"]).is_absolute()
    assert agent.exists()


def test_from_a_directory_of_the_project(world: World) -> None:
    (world.project / "src").mkdir()
    options = given(world)
    options[options.index("--project") + 1] = world.project / "src"
    world.fabrik("run", *options, "--auto-approve")
    shipped_well(world, "last")


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_umask(world: World, umask: int) -> None:
    """What fabrik keeps is private, whatever the user's umask; what goes into the project follows it."""
    before = set(world.project.rglob("*"))
    subprocess.run(
        [PROGRAM, "run", *map(str, given(world)), "--auto-approve"],
        env=world.env(),
        umask=umask,
        capture_output=True,
        check=True,
        cwd=world.directory,
    )
    shipped_well(world, "last")
    assert [str(path) for path in [world.home, *world.home.rglob("*")] if open_to_others(path)] == []
    for path in set(world.project.rglob("*")) - before:
        mode = stat.S_IMODE(path.stat().st_mode)
        wanted = 0o777 if path.is_dir() else 0o444 if "/objects/" in str(path) else 0o666
        assert mode == wanted & ~umask, f"{path} {mode:o}"
    modes = git("ls-tree", "-r", "--format=%(objectmode)", "spec-feature", cwd=world.project)
    assert set(modes.split()) == {"100644"}


def open_to_others(path: Path) -> bool:
    """Whether anybody but its owner, and the user that root's sandboxes run as, may do anything with it."""
    if path.is_symlink():
        return False
    mode = path.stat().st_mode
    try:
        entries = [*struct.iter_unpack("<HHI", os.getxattr(path, "system.posix_acl_access")[4:])]
    except OSError:
        return bool(mode & 0o077)
    # With a list (acl(5)) the bits of the group are only the most that any entry of it may give.
    owner = unprivileged.owner()
    known = {(0x01, 0xFFFFFFFF), (0x10, 0xFFFFFFFF), (0x02, owner.uid if owner else -1)}
    return any(may and (tag, who) not in known for tag, may, who in entries)
