"""`fabrik init`: what it writes, what it leaves alone, and what it says."""

from __future__ import annotations

import os
import pty
import subprocess
from pathlib import Path

import pytest
from ledgers import Fabrik, command

from fabrik.playbook import layout

WRITTEN = [
    "AGENTS.md",
    "AUDIENCE_JTBD.md",
    "IMPLEMENTATION_PLAN.md",
    "PROMPT_build.md",
    "PROMPT_plan.md",
    "PROMPT_plan_release.md",
    "PROMPT_plan_work.md",
    "specs/README.md",
]
CORE = {
    "PROMPT_plan.md": "0a. Study `specs/*`. We want to achieve [project-specific goal].\r\n",
    "PROMPT_build.md": "Build.",
    "AGENTS.md": "## Validation\n\n- Tests: `pytest -q`\n- Lint: `ruff check . | tail`\n",
    "specs/search.md": "# Search\n",
}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    path = tmp_path / "notes"
    path.mkdir()
    subprocess.run(["git", "init", "-q", str(path)], check=True)
    return path


def put(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(text.encode())


def held(root: Path) -> dict[str, bytes]:
    """Every file of a project but git's own."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and ".git" not in path.relative_to(root).parts
    }


def test_an_empty_repository_is_laid_out(fabrik: Fabrik, repository: Path) -> None:
    put(repository, {"go.mod": "module x"})
    done = fabrik("init", str(repository))
    assert (done.returncode, done.stderr) == (0, "")
    files = held(repository)
    assert sorted(files) == sorted([*WRITTEN, "go.mod"])
    assert files["PROMPT_build.md"].decode() == layout.template("PROMPT_build.md")
    assert b"- Tests: `go test ./...`" in files["AGENTS.md"]
    for name in WRITTEN:
        assert f"  {name} " in done.stdout
    assert done.stdout.count("written\n") == len(WRITTEN)
    assert "Tests  go test ./..." in done.stdout
    steps = done.stdout.partition("Next:")[2]
    order = ["fabrik spec new", "git add PROMPT_*.md", "fabrik loop plan", "fabrik loop build 20"]
    assert sorted(order, key=steps.index) == order


def test_twice_is_once(fabrik: Fabrik, repository: Path) -> None:
    fabrik("init", str(repository))
    before = held(repository)
    done = fabrik("init", str(repository))
    assert done.returncode == 0
    assert "Nothing is written" in done.stdout
    assert held(repository) == before
    assert "git add" not in done.stdout


def test_a_dry_run_writes_nothing_and_says_the_same(fabrik: Fabrik, repository: Path) -> None:
    dry = fabrik("init", str(repository), "--dry-run")
    assert dry.returncode == 0
    assert held(repository) == {}
    assert dry.stdout.count("would be written") == len(WRITTEN)
    real = fabrik("init", str(repository))
    for name in WRITTEN:
        assert name in dry.stdout
        assert name in real.stdout


def test_a_project_of_the_playbook_is_used_as_it_is(fabrik: Fabrik, repository: Path) -> None:
    put(repository, CORE)
    before = held(repository)
    done = fabrik("init", str(repository))
    assert done.returncode == 0
    assert held(repository) == before
    assert "Nothing is written" in done.stdout
    assert "Tests  pytest -q" in done.stdout
    told = " ".join(done.stdout.split())
    assert "line 4: `ruff check . | tail` was not taken as a check: the pipe hides its exit status" in told
    assert "[project-specific goal]" in done.stdout
    assert "fabrik loop plan " in done.stdout
    assert "fabrik loop build 20" in done.stdout
    assert "fabrik spec new" not in done.stdout


def test_what_is_there_is_kept_and_the_rest_is_written(fabrik: Fabrik, repository: Path) -> None:
    mine = {"AGENTS.md": "## Tests\n\n`make test`\n", "PROMPT_plan_slc.md": "mine", "specs/a.md": "# A\n"}
    put(repository, mine)
    (repository / "PROMPT_build.md").symlink_to("specs/a.md")
    done = fabrik("init", str(repository))
    files = held(repository)
    for name, text in mine.items():
        assert files[name].decode() == text
    assert "specs/README.md" not in files
    assert "PROMPT_plan_release.md" not in files
    assert "PROMPT_plan.md" in files
    assert done.stdout.count("kept as it is") == 4
    assert "make test" in done.stdout


@pytest.mark.parametrize("purpose", ["loop", "backlog"])
@pytest.mark.parametrize("kind", ["file", "link"])
def test_nothing_is_written_where_a_directory_cannot_be_made(
    fabrik: Fabrik, repository: Path, kind: str, purpose: str
) -> None:
    specs = repository / "specs"
    specs.write_text("") if kind == "file" else specs.symlink_to("nowhere")
    done = fabrik("init", str(repository), "--for", purpose)
    assert done.returncode == 2 and "specs: a directory is to be here" in done.stderr
    assert list(held(repository)) == (["specs"] if kind == "file" else [])
    assert done.stdout == "" and not (repository / "nowhere").exists()


@pytest.mark.parametrize("complete", [True, False])
def test_what_is_no_file_is_refused_and_nothing_is_written(
    fabrik: Fabrik, repository: Path, complete: bool
) -> None:
    put(repository, CORE if complete else {"README.md": "# Mine"})
    (repository / "AGENTS.md").unlink(missing_ok=True)
    (repository / "AGENTS.md").symlink_to("nowhere.md")
    (repository / "IMPLEMENTATION_PLAN.md").mkdir()
    before = held(repository)
    done = fabrik("init", str(repository))
    assert (done.returncode, done.stdout) == (2, "")
    assert "AGENTS.md is a link to nothing; IMPLEMENTATION_PLAN.md is a directory" in done.stderr
    assert held(repository) == before


def test_a_backlog_is_not_laid_out_over_what_is_no_file(fabrik: Fabrik, tmp_path: Path) -> None:
    (tmp_path / "b" / "SCRATCHPAD.md").mkdir(parents=True)
    done = fabrik("init", str(tmp_path / "b"), "--for", "backlog")
    assert done.returncode == 2 and "SCRATCHPAD.md is a directory" in done.stderr
    assert not (tmp_path / "b" / "specs").exists()


def test_open_items_of_a_plan_are_built_first(fabrik: Fabrik, repository: Path) -> None:
    put(repository, CORE | {"IMPLEMENTATION_PLAN.md": "- [x] a\n- [ ] b\n"})
    done = fabrik("init", str(repository))
    assert "fabrik loop plan" not in done.stdout
    assert "1 item is open" in done.stdout


def test_an_agents_file_without_checks_is_told_what_there_is(fabrik: Fabrik, repository: Path) -> None:
    put(repository, {"AGENTS.md": "# Hello\n", "package.json": '{"scripts": {"test": "node --test"}}'})
    done = fabrik("init", str(repository))
    assert "Checks in AGENTS.md: none" in done.stdout
    assert "- Tests: `npm test`" in done.stdout


def test_files_that_git_ignores_are_named(fabrik: Fabrik, repository: Path) -> None:
    put(repository, {".gitignore": "IMPLEMENTATION_PLAN.md\n"})
    assert "IMPLEMENTATION_PLAN.md is ignored by git" in fabrik("init", str(repository)).stdout


def test_inside_of_a_repository_its_top_is_laid_out(fabrik: Fabrik, repository: Path) -> None:
    (repository / "deep").mkdir()
    assert fabrik("init", str(repository / "deep")).returncode == 0
    assert (repository / "PROMPT_plan.md").is_file()
    assert not list((repository / "deep").iterdir())


@pytest.mark.parametrize("kind", ["no repository", "nothing", "bare"])
def test_where_there_is_no_repository_to_work_in(fabrik: Fabrik, tmp_path: Path, kind: str) -> None:
    place = tmp_path / "place"
    if kind != "nothing":
        place.mkdir()
    if kind == "bare":
        subprocess.run(["git", "init", "-q", "--bare", str(place)], check=True)
    done = fabrik("init", str(place))
    assert done.returncode == 2
    assert done.stderr.count("error: ") == 1
    assert f"git init {place}" in done.stderr or kind == "bare"
    assert kind == "bare" or not place.exists() or not list(place.iterdir())


def test_a_plan_that_is_no_text_is_one_error(fabrik: Fabrik, repository: Path) -> None:
    put(repository, CORE)
    (repository / "AGENTS.md").write_bytes(b"\xff\xff")
    done = fabrik("init", str(repository))
    assert done.returncode == 2
    assert "AGENTS.md: is not UTF-8" in done.stderr


def test_a_backlog_needs_no_repository(fabrik: Fabrik, tmp_path: Path) -> None:
    place = tmp_path / "work" / "ralph"
    dry = fabrik("init", str(place), "--for", "backlog", "--dry-run")
    assert dry.returncode == 0
    assert not place.exists()
    done = fabrik("init", str(place), "--for", "backlog")
    assert done.returncode == 0
    assert sorted(held(place)) == ["SCRATCHPAD.md", "specs/README.md"]
    put(place, {"SCRATCHPAD.md": "mine"})
    again = fabrik("init", str(place), "--for", "backlog")
    assert "Nothing is written" in again.stdout
    assert held(place)["SCRATCHPAD.md"] == b"mine"
    assert f"fabrik backlog run --dir {place}" in again.stdout


def test_the_backlogs_own_readme_is_no_spec(fabrik: Fabrik, tmp_path: Path) -> None:
    fabrik("init", str(tmp_path), "--for", "backlog")
    assert "there is no spec" in fabrik("backlog", "status", "--dir", str(tmp_path)).stderr


def test_no_line_is_wider_than_a_narrow_terminal_but_commands_and_paths(repository: Path) -> None:
    put(repository, CORE)
    primary, secondary = pty.openpty()
    subprocess.run(["stty", "cols", "70"], stdin=secondary, check=True)
    process = subprocess.Popen(
        command("init", "."), cwd=repository, stdin=secondary, stdout=secondary, stderr=secondary,
        env=os.environ | {"NO_COLOR": "1", "TERM": "xterm"},
    )  # fmt: skip
    os.close(secondary)
    shown = b""
    while True:
        try:
            part = os.read(primary, 65536)
        except OSError:
            break
        if not part:
            break
        shown += part
    os.close(primary)
    assert process.wait(60) == 0
    warnings = shown.decode().replace("\r", "").partition("warning: ")[2].partition("Next:")[0]
    assert "\x1b[" not in shown.decode()
    assert max(len(line) for line in warnings.splitlines()) <= 70
