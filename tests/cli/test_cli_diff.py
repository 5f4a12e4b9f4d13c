"""`fabrik runs diff`: the candidate against the base, from a real repository of a run."""

from __future__ import annotations

import os
import pty
import subprocess
from pathlib import Path

import pytest
from ledgers import Books, Fabrik, command

from fabrik.ledger.journal import Journal

NASTY = "plain\n\x1b]0;owned\x07\x1b[2Jhidden\nright\u202eleft\n"


def git(*arguments: str, cwd: Path) -> str:
    environment = os.environ | {
        "GIT_AUTHOR_NAME": "Ada",
        "GIT_AUTHOR_EMAIL": "ada@example.org",
        "GIT_COMMITTER_NAME": "Ada",
        "GIT_COMMITTER_EMAIL": "ada@example.org",
    }
    done = subprocess.run(
        ["git", *arguments], cwd=cwd, env=environment, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def run_id(books: Books, tmp_path: Path) -> str:
    """A run with a candidate in its repository, which borrows the project's objects."""
    project = tmp_path / "project"
    project.mkdir()
    git("init", "-q", cwd=project)
    (project / "kept.txt").write_text("one\n")
    git("add", "-A", cwd=project)
    git("commit", "-q", "-m", "base", cwd=project)
    base = git("rev-parse", "HEAD", cwd=project)
    (project / "kept.txt").write_text("two\n")
    (project / "nasty.txt").write_text(NASTY)
    (project / "picture.png").write_bytes(bytes(range(256)))
    git("add", "-A", cwd=project)
    git("commit", "-q", "-m", "work", cwd=project)
    candidate = git("rev-parse", "HEAD", cwd=project)
    found = books.dispatch(base_commit=base, project=str(project))
    repository = books.home.run(found).repo
    repository.mkdir(parents=True)
    git("init", "-q", "--bare", cwd=repository)
    alternates = repository / "objects" / "info" / "alternates"
    alternates.write_text(f"{project}/.git/objects\n")

    async def story(journal: Journal) -> None:
        await journal.set_candidate(candidate)

    books.write(found, story)
    return found


def test_a_pipe_gets_the_whole_patch(run_id: str, fabrik: Fabrik, tmp_path: Path) -> None:
    done = fabrik("runs", "diff", run_id)
    assert (done.returncode, done.stderr) == (0, "")
    assert "-one\n+two\n" in done.stdout
    assert "+\x1b]0;owned\x07\x1b[2Jhidden\n" in done.stdout
    assert done.stdout.endswith("Binary files /dev/null and b/picture.png differ\n")


def test_a_terminal_gets_no_control_characters(run_id: str) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command("runs", "diff", run_id),
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        env=os.environ | {"TERM": "xterm", "NO_COLOR": "1"},
    )
    os.close(theirs)
    printed = b""
    try:
        while block := os.read(ours, 65536):
            printed += block
    except OSError:
        pass  # the other end was closed
    os.close(ours)
    assert process.wait(60) == 0
    text = printed.decode()
    assert "+hidden" in text
    assert "+rightleft" in text
    assert not {"\x1b", "\x07", "\u202e"} & set(text)


def test_the_files_with_their_lines(run_id: str, fabrik: Fabrik) -> None:
    lines = [line.split() for line in fabrik("runs", "diff", run_id, "--stat").stdout.splitlines()]
    assert lines == [
        ["kept.txt", "+1", "-1"],
        ["nasty.txt", "+3", "-0"],
        ["picture.png", "binary"],
        ["3", "files", "changed,", "+4", "-1"],
    ]


def test_without_a_candidate_there_is_nothing_to_see(books: Books, fabrik: Fabrik) -> None:
    done = fabrik("runs", "diff", books.dispatch())
    assert done.returncode == 2
    assert "no candidate was put forward yet" in done.stderr


def test_a_repository_that_is_gone_is_one_message(books: Books, fabrik: Fabrik) -> None:
    found = books.waiting()
    done = fabrik("runs", "diff", found)
    assert done.returncode != 0
    assert done.stderr.count("error: ") == 1
    assert "missing or damaged" in done.stderr
