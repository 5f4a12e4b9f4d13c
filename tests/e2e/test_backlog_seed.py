"""Seed specs: they write further specs, need no commit, and what they wrote is worked on at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from backlog_kit import IMPLEMENT, PHRASE, VERIFY, Backlog, forget
from harness import git

SPEC = """# {n} - Do {n}

Repo: {repo}

## Goal
It is there.

## Dependencies
{depends}

## Acceptance criteria
- done-{n}.txt holds {n}

## Verification (fast-first)
```bash
grep -q {n} done-{n}.txt
```
"""


def write(path: str, *, repo: str = "repo-a", depends: str = "- (none)") -> str:
    """Shell that writes a spec."""
    text = SPEC.format(n=Path(path).name[:4], repo=repo, depends=depends)
    return f"mkdir -p \"$(dirname {path})\"; cat > {path} <<'END'\n{text}END\n"


@pytest.fixture
def world(tmp_path: Path) -> Backlog:
    world = Backlog(tmp_path)
    world.begin()
    world.spec("0001-seed.md", repo="(none)  # this spec may only create specs", verification="# none")
    return world


def agent(world: Backlog, seeding: str, verify: str = "") -> Path:
    """Plays the seed's part as told, and implements the rest."""
    asked = 'case "$PROMPT" in *specs/0001-seed.md*)\n'
    seed = f"{asked}{seeding}\nexit 0 ;; esac\n"
    # On a checkout of specs there are no done-files: the copy of the workspace says which it is.
    verify_seed = f'if [ -d ralph ]; then {verify}\nsay "$FABRIK_COMMIT"; exit 0; fi\n'
    return world.agent(seed + IMPLEMENT, verify_seed + VERIFY)


def test_a_seed_spec_writes_specs_that_are_worked_on_in_the_same_command(world: Backlog) -> None:
    seeding = (
        write("ralph/specs/0002-second.md")
        + write("ralph/specs/area/0003-third.md", depends="- 0002-second.md")
        + f'ls > "$HOME/seen"; cat repo-a/README.md >> "$HOME/SCRATCHPAD.md"; echo "{PHRASE}"'
    )
    told = world.backlog(agent=agent(world, seeding)).stdout
    assert "all 3 specs are done" in told
    marker = world.done("0001-seed.md") or ""
    assert "Commit: none" in marker and "no commit was needed" in marker
    assert world.candidate("0001-seed.md") is None
    assert (world.project / "done-0003.txt").exists()
    assert git("log", "--reverse", "--format=%s", cwd=world.project).splitlines() == [
        "base",
        "Do 0002",
        "Do 0003",
    ]
    assert (world.ralph / "SCRATCHPAD.md").read_text() == "# project\n"
    assert "specs_written 0001-seed.md" in world.log()


def test_only_new_specs_and_the_scratchpad_are_taken_over(world: Backlog) -> None:
    world.spec("0005-there.md")
    before = (world.ralph / "specs" / "0005-there.md").read_text()
    world.put_done("0005-there.md")
    seeding = (
        write("ralph/specs/0002-second.md")
        + "echo changed > ralph/specs/0005-there.md; echo x > ralph/specs/notes.md; echo x > repo-a/sly.txt\n"
        + "mkdir -p ralph/specs/done; echo done > ralph/specs/done/0002-second.md\n"
        + f'echo planned >> ralph/SCRATCHPAD.md; echo "{PHRASE}"'
    )
    told = world.backlog(agent=agent(world, seeding)).stdout
    assert "not taken over: " in told
    assert (world.ralph / "specs" / "0005-there.md").read_text() == before
    assert not (world.ralph / "specs" / "notes.md").exists()
    assert not (world.project / "sly.txt").exists()
    assert (world.ralph / "SCRATCHPAD.md").read_text() == "planned\n"
    assert world.head() in (world.done("0002-second.md") or "")


@pytest.mark.parametrize(
    ("seeding", "why"),
    [
        (write("ralph/specs/0002-second.md"), "the answer is empty"),
        (f'echo "{PHRASE}"', "no new file ralph/specs/NNNN-name.md was written"),
        (write("ralph/specs/2-second.md") + f'echo "{PHRASE}"', "no new file"),
        (
            write("ralph/specs/0002-second.md", repo="repo-x") + f'echo "{PHRASE}"',
            "`Repo: repo-x` is not there",
        ),
        (
            write("ralph/specs/0002-second.md", depends="- 0009-never.md") + f'echo "{PHRASE}"',
            "depends on 0009-never.md",
        ),
        (f': > ralph/specs/0002-second.md; echo "{PHRASE}"', "is empty"),
        (f'ln -s /etc/passwd ralph/specs/0002-second.md; echo "{PHRASE}"', "0002-second.md"),
    ],
    ids=["no phrase", "nothing", "another name", "no such repo", "no such dependency", "empty", "a link"],
)
def test_specs_that_do_not_fit_are_refused(world: Backlog, seeding: str, why: str) -> None:
    told = world.backlog("--max-attempts-per-spec", "1", agent=agent(world, seeding), status=4).stdout
    assert why in told + world.log()
    assert [path.name for path in (world.ralph / "specs").rglob("*.md")] == ["0001-seed.md"]


def test_a_refused_seed_gets_feedback_and_what_it_wrote(world: Backlog) -> None:
    seeding = (
        'printf %s "$PROMPT" > "$HOME/p"\n'
        'if grep -q "repo-x" "$HOME/p"; then\n'
        "sed -i s/repo-x/repo-a/ ralph/specs/0002-second.md\nelse\n"
        + write("ralph/specs/0002-second.md", repo="repo-x")
        + f'fi\necho "{PHRASE}"'
    )
    world.backlog(agent=agent(world, seeding))
    assert "- Attempts: 2" in (world.done("0001-seed.md") or "")
    assert world.done("0002-second.md") is not None


def test_the_verifier_reads_the_specs_before_they_are_taken_over(world: Backlog) -> None:
    seeding = write("ralph/specs/0002-second.md") + f'echo "{PHRASE}"'
    verify = 'grep -q "holds 0002" ralph/specs/0002-second.md && echo "too vague" && exit 0'
    told = world.backlog("--max-attempts-per-spec", "1", agent=agent(world, seeding, verify), status=4).stdout
    assert "too vague" in told
    assert not (world.ralph / "specs" / "0002-second.md").exists()
    assert world.done("0001-seed.md") is None


def test_what_waits_for_specs_that_a_seed_may_write_is_held_back(world: Backlog) -> None:
    world.spec("0009-last.md", depends=("0002-second.md",))
    seeding = write("ralph/specs/0002-second.md") + f'echo "{PHRASE}"'
    told = world.backlog(agent=agent(world, seeding)).stdout
    assert "all 3 specs are done" in told
    assert git("log", "-1", "--format=%s", cwd=world.project) == "Do 0009"


@pytest.mark.parametrize("step", ["claim#1", "specs", "done"])
def test_specs_are_taken_over_once_whatever_is_killed(world: Backlog, step: str) -> None:
    seeding = (
        write("ralph/specs/0002-second.md")
        + f'echo planned >> ralph/SCRATCHPAD.md; echo noted >> "$HOME/SCRATCHPAD.md"; echo "{PHRASE}"'
    )
    verify_seed = 'if [ -d ralph ]; then say "$FABRIK_COMMIT"; exit 0; fi\nexit 1\n'
    seed = f'case "$PROMPT" in *specs/0001-seed.md*)\n{seeding}\nexit 0 ;; esac\nexit 1\n'
    agent = world.agent(seed, verify_seed)
    world.spec("0003-behind.md", depends=("0002-second.md",))
    world.backlog("--max-attempts-per-spec", "1", agent=agent, status=4)
    run = next(entry["run"] for path, entry in world.status().items() if path == "0001-seed.md")
    notes = (world.ralph / "SCRATCHPAD.md").read_text()
    forget(world, run, step)
    (world.ralph / "specs" / "done" / "0001-seed.md").unlink()
    world.backlog("--max-attempts-per-spec", "1", agent=world.agent("exit 1", verify_seed), status=4)
    assert world.done("0001-seed.md") is not None
    assert (world.ralph / "SCRATCHPAD.md").read_text() == notes
    assert sorted(notes.split()) == ["noted", "planned"]
    assert len(list((world.ralph / "specs").glob("000*.md"))) == 3
