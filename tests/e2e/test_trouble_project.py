"""The project is moved, dirty, or in the way: one message, nothing of it is touched, and nothing is lost."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from harness import HONEST, World, git, rows
from trouble_kit import Gatekeeper, given, no_runs, refused, shipped_well, waiting_run, world_at


@pytest.fixture
def world(tmp_path: Path) -> World:
    return world_at(tmp_path)


def snapshot(directory: Path) -> dict[str, str]:
    """Every file of a directory with its mode and content, and what links point to."""
    found = {}
    for path in sorted(directory.rglob("*")):
        name = str(path.relative_to(directory))
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        elif path.is_file():
            found[name] = f"{path.stat().st_mode:o} {hashlib.sha256(path.read_bytes()).hexdigest()}"
    return found


def is_kept(world: World, run: str) -> str:
    """The candidate is in the run's own repository; its commit."""
    [(candidate,)] = rows(world, "SELECT candidate FROM runs WHERE id = ?", [run])
    repository = world.home / "runs" / run / "repo.git"
    assert git("rev-parse", "refs/fabrik/candidate", cwd=repository) == candidate
    return str(candidate)


def test_moved_during_the_run(world: World) -> None:
    keeper, run = waiting_run(world)
    elsewhere = world.directory / "elsewhere"
    world.project.rename(elsewhere)
    keeper.let_go()
    said = world.fabrik("run", "attach", run.id, status=4).stdout
    assert "blocked" in said
    assert f"{world.project}: the project is not there any more" in said
    assert "put it back, then resume" in said
    candidate = is_kept(world, run.id)
    elsewhere.rename(world.project)
    world.fabrik("run", "resume", run.id)
    shipped_well(world, run.id)
    assert git("rev-parse", "spec-feature", cwd=world.project) == candidate


def test_moved_for_good(world: World) -> None:
    """The way out that the message names works by hand."""
    keeper, run = waiting_run(world)
    elsewhere = world.project.rename(world.directory / "elsewhere")
    keeper.let_go()
    world.fabrik("run", "attach", run.id, status=4)
    repository = world.home / "runs" / run.id / "repo.git"
    assert str(repository) in world.fabrik("runs", "show", run.id).stdout
    git("fetch", "-q", str(repository), "refs/fabrik/candidate:spec-feature", cwd=elsewhere)
    assert git("show", "spec-feature:done-2.txt", cwd=elsewhere) == "2"


def test_dirty(world: World) -> None:
    """Changes, staged and not, untracked and stashed ones: all stay byte for byte; the branch is added."""
    project = world.project
    (project / "stashed.txt").write_text("stashed\n")
    git("add", "-A", cwd=project)
    git("stash", cwd=project)
    (project / "staged.txt").write_text("staged\n")
    git("add", "staged.txt", cwd=project)
    (project / "README.md").write_text("changed\n")
    (project / "untracked.txt").write_text("untracked\n")
    (project / "untracked.txt").chmod(0o640)
    (project / "link").symlink_to("nowhere")
    git("checkout", "-q", "-b", "mine", cwd=project)
    git("status", cwd=project)  # it refreshes the index, as any prompt does
    before = snapshot(project)
    done = world.fabrik("run", *given(world), "--auto-approve")
    assert done.stderr.count("warning: ") == 1
    assert f"{project} has uncommitted changes" in done.stderr
    after = snapshot(project)
    added = {name for name in after if name not in before}
    assert {name: after[name] for name in before} == before
    assert {name for name in added if not name.startswith(".git/objects/")} == {
        ".git/refs/heads/spec-feature",
        ".git/logs/refs/heads/spec-feature",
    }
    names = git("ls-tree", "-r", "--name-only", "spec-feature", cwd=project).split()
    assert names == ["README.md", "done-1.txt", "done-2.txt"]
    assert git("branch", "--show-current", cwd=project) == "mine"
    assert git("stash", "list", cwd=project).count("\n") == 0
    shipped_well(world, "last")


def test_branch_is_there_at_dispatch(world: World) -> None:
    git("branch", "spec-feature", cwd=world.project)
    said = refused(world, "run", *given(world))
    assert "the branch spec-feature is there already" in said
    assert "--branch" in said
    assert "git branch -D spec-feature" in said
    assert no_runs(world)
    world.fabrik("run", *given(world), "--auto-approve", "--branch", "another")
    shipped_well(world, "last", "another")


def test_branch_is_made_during_the_run(world: World) -> None:
    keeper, run = waiting_run(world)
    git("branch", "spec-feature", cwd=world.project)
    keeper.let_go()
    said = world.fabrik("run", "attach", run.id, status=4).stdout
    assert "the branch 'spec-feature' is there already" in said
    assert f"fabrik run resume {run.id[-8:]}" in said
    assert "--branch" not in said  # too late for that
    assert git("rev-parse", "spec-feature", cwd=world.project) == run.base_commit
    is_kept(world, run.id)
    git("branch", "-D", "spec-feature", cwd=world.project)
    world.fabrik("run", "resume", run.id)
    shipped_well(world, run.id)


def test_branch_is_checked_out_in_a_worktree(world: World) -> None:
    """A branch that is born in a worktree during the run, with and without a commit."""
    keeper, run = waiting_run(world)
    tree = world.directory / "tree"
    git("worktree", "add", "-q", "--detach", str(tree), cwd=world.project)
    git("checkout", "-q", "--orphan", "spec-feature", cwd=tree)
    keeper.let_go()
    said = world.fabrik("run", "attach", run.id, status=4).stdout
    assert "is checked out there" in said
    git("commit", "-q", "-m", "mine", cwd=tree)
    mine = git("rev-parse", "spec-feature", cwd=world.project)
    assert "is there already" in world.fabrik("run", "resume", run.id, status=4).stdout
    assert git("rev-parse", "spec-feature", cwd=world.project) == mine
    git("branch", "-m", "spec-feature", "mine", cwd=tree)
    world.fabrik("run", "resume", run.id)
    shipped_well(world, run.id)
    assert git("branch", "--show-current", cwd=tree) == "mine"


def test_branch_beside_another(world: World) -> None:
    """Git has no place for a branch `a` beside a branch `a/b`; this is found before any work is done."""
    git("branch", "spec-feature/old", cwd=world.project)
    said = refused(world, "run", *given(world))
    assert "the branch spec-feature/old is there already" in said
    assert "main is there already" in refused(world, "run", *given(world), "--branch", "main/deeper/still")
    assert no_runs(world)
    world.fabrik("run", *given(world), "--branch", "spec-feature/new", "--auto-approve")
    shipped_well(world, "last", "spec-feature/new")


@pytest.mark.parametrize("name", ["two words", "-x", "a..b", "HEAD", "x.lock"])
def test_branch_with_an_impossible_name(world: World, name: str) -> None:
    said = refused(world, "run", *given(world), f"--branch={name}")
    assert name in said


def test_no_identity(world: World) -> None:
    for key in ("user.name", "user.email"):
        git("config", "--unset", key, cwd=world.project)
    world.environment = {
        "HOME": str(world.directory / "empty"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
    }
    lazy = '#!/bin/sh\nid=$(printf %s "$FABRIK_STEP" | cut -d/ -f2); echo "$id" > "done-$id.txt"\n'
    done = world.fabrik("run", *given(world, agent=world.make_agent(lazy)), "--auto-approve")
    assert "git has no identity" in done.stderr
    assert "git config --global user.name" in done.stderr
    shipped_well(world, "last")
    who = git("log", "--format=%an <%ae> %cn <%ce>", "main..spec-feature", cwd=world.project)
    assert set(who.splitlines()) == {"fabrik <fabrik@localhost> fabrik <fabrik@localhost>"}


def test_identity_of_the_user_everywhere(world: World) -> None:
    """An identity of the environment, as continuous integration sets it."""
    for key in ("user.name", "user.email"):
        git("config", "--unset", key, cwd=world.project)
    world.environment = {
        "HOME": str(world.directory / "empty"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": "user.name",
        "GIT_CONFIG_VALUE_0": "Zoë Önder",
        "GIT_CONFIG_KEY_1": "user.email",
        "GIT_CONFIG_VALUE_1": "zoe@example.org",
    }
    done = world.fabrik("run", *given(world), "--auto-approve")
    assert "identity" not in done.stderr
    who = git("log", "--format=%an <%ae>", "main..spec-feature", cwd=world.project)
    assert set(who.splitlines()) == {"Zoë Önder <zoe@example.org>"}


@pytest.mark.parametrize("kind", ["missing", "plain", "empty", "bare", "inside"])
def test_no_project(world: World, kind: str) -> None:
    place = world.directory / "other"
    words = {
        "missing": "does not exist",
        "plain": "not a git repository",
        "empty": "no commit yet",
        "bare": "bare repository",
        "inside": "inside of a .git directory",
    }[kind]
    if kind != "missing":
        place.mkdir()
    if kind == "empty":
        git("init", "-q", cwd=place)
    elif kind == "bare":
        git("clone", "-q", "--bare", str(world.project), str(place), cwd=world.directory)
    elif kind == "inside":
        place = world.project / ".git"
    options = given(world)
    options[options.index("--project") + 1] = place
    done = world.fabrik("run", *options, status=2)
    assert words in done.stderr
    assert str(place) in done.stderr
    assert "Traceback" not in done.stderr
    assert no_runs(world)


def held_out(world: World, spec: Path, *, source: str, destination: str = "hidden_test.sh") -> None:
    """Give a spec a held-out check whose file is `source`, seen from the spec."""
    content = json.loads(spec.read_text())
    content["holdout"] = [{"name": "hidden", "run": f"sh {destination}", "files": {destination: source}}]
    spec.write_text(json.dumps(content))


def test_held_out_files_in_the_repository(world: World) -> None:
    """By the path where they go, by the path they come from, and by their content at any other path."""
    spec = world.make_spec(tasks=1)
    (spec.parent / "secret.sh").write_text("test -f done-1.txt\n")
    held_out(world, spec, source="secret.sh")
    for name, text in (("hidden_test.sh", "anything\n"), ("copies/copy.sh", "test -f done-1.txt\n")):
        path = world.project / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        git("add", "-A", cwd=world.project)
        git("commit", "-q", "-m", name, cwd=world.project)
        said = refused(world, "run", *given(world, spec=spec))
        assert name in said
        assert "agents can read" in said
        git("reset", "-q", "--hard", "HEAD~1", cwd=world.project)
    # What fabrik has fetched with them is there for every agent of the project.
    assert "was committed in the project once" in refused(world, "run", *given(world, spec=spec))
    (spec.parent / "secret.sh").write_text("test -f done-1.txt # another one\n")
    world.fabrik("run", *given(world, spec=spec), "--auto-approve")
    assert world.last().status == "shipped"


def test_held_out_files_in_the_history(world: World) -> None:
    """What was committed once can be found by an agent that looks for it: refused, until it is another."""
    spec = world.make_spec(tasks=1)
    (spec.parent / "secret.sh").write_text("test -f done-1.txt\n")
    (spec.parent / "empty.py").touch()
    content = json.loads(spec.read_text())
    files = {"hidden_test.sh": "secret.sh", "hidden/__init__.py": "empty.py"}
    spec.write_text(json.dumps(content | {"holdout": [{"run": "sh hidden_test.sh", "files": files}]}))
    (world.project / "old.sh").write_text("test -f done-1.txt\n")
    (world.project / "__init__.py").touch()
    git("add", "-A", cwd=world.project)
    git("commit", "-q", "-m", "old", cwd=world.project)
    git("rm", "-q", "old.sh", cwd=world.project)
    git("commit", "-q", "-m", "gone", cwd=world.project)
    said = refused(world, "run", *given(world, spec=spec))
    assert (
        f"was committed in the project once, where an agent can read it: {spec.parent / 'secret.sh'}" in said
    )
    (spec.parent / "secret.sh").write_text("test -f done-1.txt # really\n")
    world.fabrik("run", *given(world, spec=spec), "--auto-approve")
    assert world.last().status == "shipped"


def test_spec_with_held_out_checks_in_the_repository(world: World) -> None:
    """The agent could read the held-out commands in it: refused, until git does not track it any more."""
    outside = world.make_spec(tasks=1)
    specs = world.project / "specs"
    specs.mkdir()
    spec = specs / "feature.json"
    spec.write_text(outside.read_text())
    outside.with_suffix(".todo.json").rename(specs / "feature.todo.json")
    (specs / "secret.sh").write_text("test -f done-1.txt\n")
    held_out(world, spec, source="secret.sh")
    (world.project / ".gitignore").write_text("secret.sh\n")
    git("add", "-A", cwd=world.project)
    git("commit", "-q", "-m", "the spec", cwd=world.project)
    said = refused(world, "run", *given(world, spec=spec))
    assert "agents could read it: specs/feature.json" in said
    assert "git rm --cached specs/feature.json" in said
    assert no_runs(world)
    # The same file given from another place is the same secret.
    copy = world.directory / "specs" / "copy.json"
    copy.write_bytes(spec.read_bytes())
    (copy.parent / "secret.sh").write_text("test -f done-1.txt\n")
    assert "agents could read it" in refused(world, "run", *given(world, spec=copy))
    (world.project / ".gitignore").write_text("secret.sh\nspecs/feature.json\n")
    git("rm", "-q", "--cached", "specs/feature.json", cwd=world.project)
    git("commit", "-q", "-a", "-m", "out", cwd=world.project)
    world.fabrik("run", *given(world, spec=spec), "--auto-approve")
    assert world.last().status == "shipped"


def test_spec_without_held_out_checks_in_the_repository(world: World) -> None:
    spec = world.make_spec()
    inside = world.project / "feature.json"
    inside.write_text(spec.read_text())
    spec.with_suffix(".todo.json").rename(world.project / "feature.todo.json")
    git("add", "-A", cwd=world.project)
    git("commit", "-q", "-m", "the spec", cwd=world.project)
    world.fabrik("run", *given(world, spec=inside), "--auto-approve")
    shipped_well(world, "last")


def test_spec_missing_or_invalid(world: World) -> None:
    nowhere = world.directory / "nowhere.json"
    assert (
        f"{nowhere}: there is no such file"
        in world.fabrik("run", *given(world, spec=nowhere), status=2).stderr
    )
    broken = world.make_spec(name="broken", goals=[], checks=[])
    broken.write_text(broken.read_text().replace('"title"', '"titel"'))
    said = world.fabrik("run", *given(world, spec=broken), status=2).stderr
    for words in ("title", "titel", "goals"):  # all of it at once
        assert words in said
    assert "Traceback" not in said
    assert no_runs(world)


def test_spec_without_checks(world: World) -> None:
    """Refused; let through by name, and then marked wherever the run is seen, for ever."""
    spec = world.make_spec(checks=[])
    said = refused(world, "run", *given(world, spec=spec))
    assert "--allow-unchecked" in said
    assert no_runs(world)
    done = world.fabrik("run", *given(world, spec=spec), "--allow-unchecked", "--auto-approve")
    assert "unchecked" in done.stdout
    run = world.last()
    assert run.status == "shipped"
    assert run.unchecked
    assert "(unchecked)" in world.fabrik("runs", "list").stdout
    assert "nothing proves" in world.fabrik("runs", "show", run.id).stdout
    [listed] = json.loads(world.fabrik("runs", "list", "--json").stdout)
    assert listed["unchecked"] is True
    reports = world.home / "runs" / run.id / "reports"
    assert "UNCHECKED" in (reports / "evidence.md").read_text()
    assert json.loads((reports / "done.json").read_text())["unchecked"] is True


def test_checks_that_prove_nothing_are_told(world: World) -> None:
    spec = world.make_spec(checks=["true", 'test "$(cat done-1.txt)" = 1', "test -f done-2.txt || true"])
    done = world.fabrik("run", *given(world, spec=spec), "--auto-approve")
    assert done.stderr.count("warning: ") == 2
    assert done.stderr.count("can never fail") == 2


def test_another_run_for_the_same_branch(world: World) -> None:
    """Told at dispatch; the one that comes second is stopped, and its work is kept."""
    keeper, first = waiting_run(world)
    quick = world.make_agent(HONEST, name="agent-quick")
    done = world.fabrik("run", *given(world, agent=quick), "--auto-approve")
    assert f"run {first.id[-8:]} goes to the branch spec-feature" in done.stderr
    second = world.last()
    assert second.status == "shipped"
    keeper.let_go()
    said = world.fabrik("run", "attach", first.id, status=4).stdout
    assert "is there already" in said
    assert is_kept(world, first.id) != second.candidate
    git("branch", "-m", "spec-feature", "second", cwd=world.project)
    world.fabrik("run", "resume", first.id)
    shipped_well(world, first.id)


def test_two_runs_at_once(world: World) -> None:
    """On one project, for two specs: neither disturbs the other."""
    keeper = Gatekeeper(world)
    agent = keeper.agent()
    for name in ("one", "two"):
        spec = world.make_spec(name=name)
        world.fabrik("run", *given(world, spec=spec, agent=agent), "--auto-approve", "--detach")
    runs = [run["id"] for run in json.loads(world.fabrik("runs", "list", "--json").stdout)]
    for run in runs:
        keeper.wait(run)
    keeper.let_go()
    watched = world.fabrik("runs", "watch").stdout
    assert all(run[-8:] in watched for run in runs) or not watched
    for run in runs:
        world.fabrik("run", "attach", run)
    for run, name in zip(runs, ("two", "one"), strict=True):
        shipped_well(world, run, f"spec-{name}")
