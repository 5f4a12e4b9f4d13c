"""The second half of the contract: what is skipped, resumed, verified first, forced and retried."""

from __future__ import annotations

from pathlib import Path

import pytest
from backlog_kit import IMPLEMENT, PHRASE, VERIFY, WORK, Backlog
from harness import git

NEVER = "echo the implementer was asked; exit 1"
GONE = "0123456789012345678901234567890123456789"


@pytest.fixture
def world(tmp_path: Path) -> Backlog:
    world = Backlog(tmp_path)
    world.begin()
    return world


def commit(world: Backlog, name: str, text: str = "x\n") -> str:
    """A commit of the user's, or of the original's."""
    (world.project / name).write_text(text)
    git("add", "-A", cwd=world.project)
    git("commit", "-q", "-m", f"Add {name}", cwd=world.project)
    return world.head()


# Skipped


@pytest.mark.parametrize("text", ["", "# Done\n\nCandidate commit: " + GONE, "whatever \x00"])
def test_a_done_marker_of_any_content_skips_the_spec(world: Backlog, text: str) -> None:
    world.spec("0001-first.md")
    world.put_done("0001-first.md", text)
    told = world.backlog(agent=world.agent(NEVER)).stdout
    assert "all 1 specs are done" in told
    assert "skipped 0001-first.md" in world.log()
    assert world.done("0001-first.md") == text
    assert not (world.home / "runs").exists()


def test_what_is_done_is_not_done_again(world: Backlog) -> None:
    world.spec("0001-first.md")
    world.backlog()
    before = world.head(), world.done("0001-first.md")
    world.backlog(agent=world.agent(NEVER))
    assert (world.head(), world.done("0001-first.md")) == before


# Verified first


@pytest.mark.parametrize(
    "key", ["commit", "candidate_commit", "commit_hash", "candidate_commit_hash", "Something"]
)
def test_a_candidate_of_the_original_is_verified_first(world: Backlog, key: str) -> None:
    world.spec("0001-first.md")
    found = commit(world, "done-0001.txt", "0001\n")
    commit(world, "later.txt")
    world.put_candidate("0001-first.md", {"spec": "0001-first.md", key: found, "attempt": 3})
    tip = world.head()
    world.backlog(agent=world.agent(NEVER))
    assert found in (world.done("0001-first.md") or "")
    assert world.head() == tip
    assert world.sessions("implement#*") == 0


def test_a_candidate_that_is_refused_is_implemented_with_the_feedback(world: Backlog) -> None:
    world.spec("0001-first.md", verification="# none")
    found = commit(world, "half.txt")
    world.put_candidate("0001-first.md", {"commit": found})
    refuse = 'if [ -e mended.txt ]; then :; else echo "mended.txt is missing"; exit 0; fi\n'
    implement = 'printf %s "$PROMPT" | grep -q "mended.txt is missing" && echo x > mended.txt\n'
    world.backlog(agent=world.agent(implement + IMPLEMENT, refuse + VERIFY))
    assert world.head() in (world.done("0001-first.md") or "")
    assert world.sessions("implement#*") == 1


def test_a_candidate_whose_checks_fail_is_implemented_anew(world: Backlog) -> None:
    world.spec("0001-first.md")
    world.put_candidate("0001-first.md", {"commit": commit(world, "half.txt")})
    world.backlog()
    assert world.head() in (world.done("0001-first.md") or "")


@pytest.mark.parametrize("content", [{"commit": GONE}, {"status": "candidate"}, {"commit": None}])
def test_a_candidate_that_is_gone_is_implemented_anew(world: Backlog, content: dict[str, str | None]) -> None:
    world.spec("0001-first.md")
    world.put_candidate("0001-first.md", content)
    told = world.backlog().stderr
    assert "implemented anew" in told
    assert world.head() in (world.done("0001-first.md") or "")


def test_a_candidate_ahead_of_the_branch_lands_when_it_is_verified(world: Backlog) -> None:
    world.spec("0001-first.md")
    git("switch", "-q", "-c", "aside", cwd=world.project)
    found = commit(world, "done-0001.txt", "0001\n")
    git("switch", "-q", "main", cwd=world.project)
    world.put_candidate("0001-first.md", {"commit": found})
    world.backlog(agent=world.agent(NEVER))
    assert world.head() == found and found in (world.done("0001-first.md") or "")


def test_a_candidate_beside_the_branch_is_implemented_anew(world: Backlog) -> None:
    world.spec("0001-first.md")
    git("switch", "-q", "-c", "aside", cwd=world.project)
    found = commit(world, "done-0001.txt", "0001\n")
    git("switch", "-q", "main", cwd=world.project)
    commit(world, "other.txt")
    world.put_candidate("0001-first.md", {"commit": found})
    told = world.backlog().stderr
    assert "gone apart" in told
    assert found not in (world.done("0001-first.md") or found)


def test_our_own_candidate_is_verified_first_though_the_spec_was_reworded(world: Backlog) -> None:
    path = world.spec("0001-first.md")
    world.backlog("--max-attempts-per-spec", "1", agent=world.agent(verify="echo no"), status=4)
    found = (world.candidate("0001-first.md") or {})["commit"]
    path.write_text(path.read_text() + "\nA word more.\n")
    world.backlog(agent=world.agent(NEVER))
    assert found in (world.done("0001-first.md") or "") and world.head() == found


# Forced


def test_force_does_a_spec_again(world: Backlog) -> None:
    world.spec("0001-first.md")
    world.spec("area/0002-second.md")
    world.backlog()
    first = world.head()
    again = (
        WORK.replace('echo "$n"', 'echo "$n again"') + f'printf "%s\\n{PHRASE}\\n" "$(git rev-parse HEAD)"'
    )
    agent = world.agent(again)
    world.backlog("--force", "0001-first.md", "area/0002-second.md", agent=agent)
    assert world.head() != first
    assert world.head() in (world.done("area/0002-second.md") or "")
    assert git("rev-list", "--count", f"{first}..HEAD", cwd=world.project) == "2"


def test_a_forced_spec_that_fails_keeps_its_old_marker(world: Backlog) -> None:
    world.spec("0001-first.md")
    world.backlog()
    marker = world.done("0001-first.md")
    told = world.backlog(
        "--force", "specs/0001-first.md", "--max-attempts-per-spec", "1", agent=world.agent("true"), status=4
    )
    assert world.done("0001-first.md") == marker
    assert "1 of 1 specs are left" in told.stdout


def test_force_of_an_unknown_spec_names_the_one_that_was_meant(world: Backlog) -> None:
    world.spec("0001-first.md")
    told = world.backlog("--force", "0001-frist.md", status=2).stderr
    assert "there is no such spec" in told and "0001-first.md" in told


# Retried


def test_each_failure_uses_an_attempt_and_is_told_to_the_next(world: Backlog) -> None:
    world.spec("0001-first.md", verification="grep -q 3 tries.txt")
    implement = 'printf %s "$PROMPT" > "$HOME/p"; echo try >> tries.txt\n' + (
        'case "$(wc -l < tries.txt)" in\n'
        "1) git add -A; git commit -qm One; exit 0 ;;\n"  # keeps no contract
        '2) grep -q "did not keep the exit contract" "$HOME/p" && echo ok >> seen.txt ;;\n'
        '3) grep -q "grep -q 3 tries.txt" "$HOME/p" && grep -q "exit status 1\\|: 1" "$HOME/p" &&'
        " echo ok >> seen.txt; echo 3 >> tries.txt ;;\n"
        '5) grep -q "needs more work" "$HOME/p" && echo ok >> seen.txt ;;\n'
        "esac\n"
    )
    verify = 'if [ "$(wc -l < tries.txt)" -lt 5 ]; then echo "needs more work"; exit 0; fi\n'
    world.backlog(agent=world.agent(implement + IMPLEMENT, verify + VERIFY))
    assert (world.project / "seen.txt").read_text() == "ok\nok\nok\n"
    assert world.sessions("implement#*") == 4
    assert len(world.logs("0001-first.md", "impl-attempt-*.log")) == 4
    verified = world.logs("0001-first.md", "verify.log")[0]
    assert verified.count("=== attempt") == 3 and verified.count(": refused ===") == 2
    assert "- Attempts: 4" in (world.done("0001-first.md") or "")


def test_a_commit_that_was_refused_is_not_taken_unchanged(world: Backlog) -> None:
    world.spec("0001-first.md")
    agent = world.agent(verify="echo not good enough")
    world.backlog("--max-attempts-per-spec", "3", agent=agent, status=4)
    assert world.sessions("review#?/verifier") == 1
    assert "was refused before" in world.log()


def test_a_commit_that_nobody_judged_may_be_named_again(world: Backlog) -> None:
    world.spec("0001-first.md")
    # The first verifier leaves nothing behind but a broken report, twice; the next one is well.
    verify = 'case "$FABRIK_STEP" in review#1/*) echo broken > "$FABRIK_REPORT"; exit 0 ;; esac\n' + VERIFY
    world.backlog(agent=world.agent(verify=verify))
    assert world.sessions("implement#*") == 2
    assert git("rev-list", "--count", "HEAD", cwd=world.project) == "2"


@pytest.mark.parametrize("most", [1, 3])
def test_attempts_are_bounded(world: Backlog, most: int) -> None:
    world.spec("0001-first.md")
    world.backlog("--max-attempts-per-spec", str(most), agent=world.agent("echo no"), status=4)
    assert world.sessions("implement#*") == most
    assert world.log().count("implementation_failed") == most
    assert "spec_stopped 0001-first.md" in world.log()


def test_ten_attempts_are_the_default(world: Backlog) -> None:
    world.spec("0001-first.md")
    world.backlog(agent=world.agent("date +%N > now.txt; echo no"), status=4)
    assert world.sessions("implement#*") == 10


def test_running_it_again_grants_the_attempts_again(world: Backlog) -> None:
    world.spec("0001-first.md")
    world.backlog("--max-attempts-per-spec", "1", agent=world.agent("echo no"), status=4)
    run = world.last().id
    world.backlog("--max-attempts-per-spec", "1", agent=world.agent())
    assert world.last().id == run
    assert world.sessions("implement#*") == 2
    assert world.done("0001-first.md") is not None


def test_what_depends_on_a_failure_is_held_back_and_the_rest_goes_on(world: Backlog) -> None:
    world.spec("0001-bad.md")
    world.spec("0002-behind.md", depends=("0001-bad.md: it needs its table",))
    world.spec("0003-behind-that.md", depends=("`0002-behind.md`",))
    world.spec("0004-free.md")
    implement = 'case "$PROMPT" in *specs/0001-bad*) exit 0 ;; esac\n' + IMPLEMENT
    told = world.backlog("--max-attempts-per-spec", "2", agent=world.agent(implement), status=4).stdout
    assert "3 of 4 specs are left" in told
    states = {path: (entry["state"], entry["waits_for"]) for path, entry in world.status().items()}
    assert states == {
        "0001-bad.md": ("exhausted", []),
        "0002-behind.md": ("held back", ["0001-bad.md"]),
        "0003-behind-that.md": ("held back", ["0002-behind.md"]),
        "0004-free.md": ("done", []),
    }
    assert "held_back 0002-behind.md waits_for=0001-bad.md" in world.log()


# Stopped early


def test_an_agent_that_always_crashes_is_soon_given_up(world: Backlog) -> None:
    """Ten attempts with four sessions each would be paid for nothing; and what it printed is no proof."""
    world.spec("0001-first.md")
    agent = world.agent(WORK + 'say "$(git rev-parse HEAD)"; exit 3')
    told = world.backlog(agent=agent, status=4).stdout
    assert "the agent's process crashed 4 times in a row" in told
    assert world.status()["0001-first.md"]["state"] == "blocked"
    assert world.sessions("implement#*") == 4
    assert world.done("0001-first.md") is None and world.candidate("0001-first.md") is None
    world.backlog(agent=agent, status=4)  # taken up again, it is given as much once more, and no more
    assert world.sessions("implement#*") == 8
    world.backlog()
    assert world.status()["0001-first.md"]["state"] == "done"
