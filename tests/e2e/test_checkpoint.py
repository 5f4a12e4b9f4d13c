"""`fabrik run checkpoint` and `run restore`: a workspace is saved, moved, brought back; nothing is lost."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from harness import HONEST, World, git
from trouble_kit import kill, nothing_left, refused, shipped_well, waiting_run, worker_of

# Installs something that no commit has, and cannot do the second task until it is told how.
BUILDING = HONEST.replace(
    "set -eu\n",
    'set -eu\ncase "$FABRIK_STEP" in task/1/*) echo built > cache.bin;; task/2/*) exit 0;; esac\n',
)


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path / "w")
    made.directory.mkdir()
    made.make_project({"README.md": "# project\n", ".gitignore": "cache.bin\n"})
    return made


def said(world: World, *args: str | Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(world.fabrik("run", *args, "--json").stdout)
    return document


def workspace(world: World) -> Path:
    return world.home / "runs" / world.last().id / "sandboxes/work/workspace"


def stopped(world: World) -> str:
    """A run that has come to its second task and no further."""
    return world.run("--attempts", "1", "--auto-approve", agent=world.make_agent(BUILDING), status=4).id


def test_a_workspace_comes_back_with_all_that_was_built_in_it(world: World, tmp_path: Path) -> None:
    run = stopped(world)
    assert (workspace(world) / "cache.bin").read_text() == "built\n"
    made = said(world, "checkpoint", run, "--to", tmp_path / "saved.tar")["checkpoint"]
    assert (made["name"], made["run"], made["repository"] is not None) == ("checkpoint-1", run, True)
    assert made["commit"] == git(
        "rev-parse", "refs/fabrik/steps/task/1/implement.1/1/HEAD", cwd=world.home / "runs" / run / "repo.git"
    )
    shown = world.fabrik("runs", "show", run).stdout
    assert "checkpoint-1" in shown
    with tarfile.open(tmp_path / "saved.tar") as tar:
        assert tar.getnames() == ["manifest.json", "repository.bundle", "workspace.tar"]
    for source in ([], ["checkpoint-1"], ["1"], [tmp_path / "saved.tar"]):
        (workspace(world) / "cache.bin").unlink()
        done = said(world, "restore", run, *source)
        assert done["saved"] is None
        assert (workspace(world) / "cache.bin").read_text() == "built\n"
    world.make_agent(HONEST.replace("set -eu\n", "set -eu\ntest -e cache.bin\n"))
    world.fabrik("run", "resume", run)
    shipped_well(world, run)


def test_unsaved_files_are_saved_before_others_take_their_place(world: World) -> None:
    keeper, run = waiting_run(world)
    assert "being worked on" in refused(world, "run", "checkpoint", run.id)
    (workspace(world) / "half").write_text("an idea")
    kill(worker_of(world, run.id))
    first = said(world, "checkpoint", run.id)["checkpoint"]
    assert first["commit"] is None
    (workspace(world) / "half").write_text("a better idea")
    done = said(world, "restore", run.id, "checkpoint-1")
    assert done["saved"]["name"] == "checkpoint-2"
    assert (workspace(world) / "half").read_text() == "an idea"
    assert said(world, "restore", run.id, "checkpoint-2")["saved"]["name"] == "checkpoint-3"
    assert (workspace(world) / "half").read_text() == "a better idea"
    assert "2 ended" not in world.fabrik("cleanup", "--keep", "0").stdout
    keeper.let_go()
    world.fabrik("run", "resume", run.id)
    shipped_well(world, run.id)
    saved = git(
        "for-each-ref", "--format=%(refname)", "refs/fabrik/saved", cwd=Path(run.directory) / "repo.git"
    )
    assert (
        git("show", f"{saved.splitlines()[0]}:half", cwd=Path(run.directory) / "repo.git") == "a better idea"
    )
    refused(world, "run", "restore", run.id)
    refused(world, "run", "checkpoint", run.id)
    [kept] = json.loads(world.fabrik("cleanup", "--keep", "0", "--json").stdout)["stayed"]
    assert kept["why"] == "it has checkpoints"
    nothing_left(world)


def test_files_that_are_no_checkpoint_of_this_run_are_refused(world: World, tmp_path: Path) -> None:
    run = stopped(world)
    assert "no checkpoint" in refused(world, "run", "restore", run)
    saved = tmp_path / "saved.tar"
    said(world, "checkpoint", run, "--to", saved)
    assert "there already" in refused(world, "run", "checkpoint", run, "--to", saved)
    assert "no checkpoint '7'" in refused(world, "run", "restore", run, "7")
    wrong = {
        "short.tar": saved.read_bytes()[:-20_000],
        "text.tar": b"not a tar",
        "changed.tar": saved.read_bytes().replace(b"built\n", b"spoil\n"),
    }
    for name, content in wrong.items():
        (tmp_path / name).write_bytes(content)
        assert name in refused(world, "run", "restore", run, str(tmp_path / name))
    with tarfile.open(saved) as tar, tarfile.open(tmp_path / "link.tar", "w") as bad:
        for member in tar:
            inner = tar.extractfile(member)
            if member.name == "workspace.tar":
                member.type, member.linkname, member.size = tarfile.SYMTYPE, "/etc/shadow", 0
            bad.addfile(member, inner)
    refused(world, "run", "restore", run, tmp_path / "link.tar")
    assert [path.name for path in (world.home / "runs" / run / "checkpoints").iterdir()] == ["checkpoint-1"]
    other = world.run(spec=world.make_spec(name="other"), status=3)
    assert run in refused(world, "run", "restore", other.id, saved)


def test_it_moves_to_another_kind_of_sandbox(world: World, tmp_path: Path) -> None:
    """What was saved from bubblewrap is unpacked in a sandbox of `none`."""
    import asyncio

    from fabrik.sandboxes import registry
    from fabrik.sandboxes.sandbox import SandboxSpec

    run = stopped(world)
    said(world, "checkpoint", run)
    archive = world.home / "runs" / run / "checkpoints/checkpoint-1/workspace.tar"

    async def unpack() -> None:
        box = await registry.load("none").create(SandboxSpec(name="moved/work", root=tmp_path / "box"))
        await box.tar_in(archive, box.workspace)

    asyncio.run(unpack())
    assert (tmp_path / "box/workspace/cache.bin").read_text() == "built\n"
    assert (tmp_path / "box/workspace/done-1.txt").read_text() == "1\n"
