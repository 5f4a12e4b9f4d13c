"""A landing is killed, or meets another git at work, and comes to the right end."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from landing_kit import make_kit
from vcs_repos import ENV, commit, git, make_project

from fabrik.errors import VcsError
from fabrik.vcs import index_lock
from fabrik.vcs.landing import advance


def test_another_git_at_work_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kit = make_kit(tmp_path)
    new = kit.make(src__a_py="a = 5\n")
    lock = kit.project / ".git/index.lock"
    lock.write_text("")

    async def meanwhile() -> None:
        landing = asyncio.create_task(
            advance(kit.repo.path, kit.shot.place, kit.landing(new), "me", umask=0o022)
        )
        await asyncio.sleep(0)
        assert not landing.done()
        lock.unlink()
        await landing

    asyncio.run(meanwhile())
    assert kit.head() == new
    lock.write_text("")
    monkeypatch.setattr(index_lock, "_PATIENCE_SECONDS", 0.0)
    with pytest.raises(VcsError, match="another git command") as told:
        kit.land(new)
    assert str(lock) in str(told.value) and lock.exists()
    lock.write_bytes(b"fabrik somebody else\n")
    with pytest.raises(VcsError, match="another run of fabrik"):
        kit.land(new)
    lock.write_bytes(b"fabrik me\n")
    kit.land(new)
    assert not lock.exists()


KILLED = """
import asyncio, os, signal, sys
from fabrik.vcs import landing, near, ref_held
from fabrik.vcs.checkout import Place
from pathlib import Path
repo, root, branch, tip, known, commit, at = sys.argv[1:]
steps = [0]
def strike():
    steps[0] += 1
    if steps[0] == int(at):
        os.kill(os.getpid(), signal.SIGKILL)
def wrap(module, name):
    original = getattr(module, name)
    if asyncio.iscoroutinefunction(original):
        async def wrapped(*a, **k):
            strike(); found = await original(*a, **k); strike(); return found
    else:
        def wrapped(*a, **k):
            strike(); found = original(*a, **k); strike(); return found
    setattr(module, name, wrapped)
for name in ("git", "standing", "transfer", "take_away", "_move", "_make_parents", "_sync"):
    wrap(landing, name)
wrap(near, "_store")
for name in ("_begin", "_prepared", "_end"):
    wrap(ref_held, name)
place = Place(root=Path(root), git_dir=Path(root) / ".git")
one = landing.Landing(branch=branch, tip=tip, known=known, commit=commit, why="x")
asyncio.run(landing.advance(Path(repo), place, one, "me", umask=0o022))
print("ended after", steps[0])
"""


def test_killed_anywhere_and_done_again_it_comes_to_the_right_end(tmp_path: Path) -> None:
    """kill -9 before and after every git command and every file; each time with new work on top."""
    project = make_project(tmp_path / "p")
    commit(project, "More", other__x="x\n", mine_txt="mine\n")
    (project / "src/b.py").write_text("b = 'uncommitted'\n")
    kit = make_kit(tmp_path, project)
    (project / "mine.txt").write_text("changed meanwhile\n")
    new = kit.make(src__a_py="a = 5\n", other__x=None, deep__er__c="c\n", src__b_py="b = 9\n")
    base, seen = git(project, "rev-parse", "HEAD"), set()
    kept = {name: (project / name).read_bytes() for name in ("src/b.py", "mine.txt")}
    for at in range(1, 200):
        one = kit.landing(new)
        argv = [sys.executable, "-c", KILLED, kit.repo.path, project, one.branch, one.tip, one.known, new, at]
        done = subprocess.run(
            [*map(str, argv)], env=ENV | {"PATH": os.environ["PATH"]}, capture_output=True, text=True
        )
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
        seen.add((kit.head() == new, kit.status()))
        kit.land(new)
        assert kit.head() == new and kit.status() == "M mine.txt".rjust(11), f"killed at {at}"
        assert (project / "src/a.py").read_text() == "a = 5\n" and not (project / "other").exists()
        assert not [*(project / ".git").glob("*.lock"), *(project / ".git").glob("*fabrik*")]
        git(project, "reset", "-q", "--hard", base)
        for name, content in kept.items():
            (project / name).write_bytes(content)
    else:
        raise AssertionError("it never came to its end")
    assert at > 30 and len(seen) > 3, (at, seen)
