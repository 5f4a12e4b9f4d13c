"""`fabrik review`: the spec, checks, reviewers and config that judge a branch, none of its own choice."""

from __future__ import annotations

from pathlib import Path

import pytest
from branch_kit import branched, commit, refused, result, review
from harness import World, git
from review_kit import plan, rounds


@pytest.fixture
def world(tmp_path: Path) -> World:
    return branched(tmp_path)


def test_a_spec_brings_its_criteria_and_checks(world: World) -> None:
    spec = world.make_spec(tasks=1)
    review(world, "--spec", spec)
    [found] = rounds(world)
    assert [(one.met, one.where) for one in found.criteria] == [(True, "task 1")]
    assert "verifier" in {one.reviewer for one in found.opinions}
    done = review(world, "--spec", spec, "--json", agent=plan(world, {"verifier": ["changes"]}), status=4)
    assert [one["met"] for one in result(done)["criteria"]] == [False]


def test_checks_that_fail_are_changes_requested(world: World) -> None:
    done = review(
        world, "--check", "test -f missing.txt", "--check", "test -f done-1.txt", "--json", status=4
    )
    found = result(done)
    assert (found["findings"], found["failed_checks"]) == ([], ["test -f missing.txt: exit status 1"])
    assert {one["status"] for one in found["reviewers"]} == {"approved"}
    reason = world.last().failure_reason or ""
    assert "checks fail (test -f missing.txt: exit status 1; at the base, too: test -f missing.txt)" in reason


def test_checks_of_the_projects_own_page_as_it_was_before(world: World) -> None:
    """The branch cannot talk itself out of a check, nor out of who reviews it."""
    commit(world, {"AGENTS.md": "## Validation\n\n- Tests: `sh tests/test_it.sh`\n"}, "Say how it is checked")
    git("checkout", "-q", "-b", "sly", cwd=world.project)
    commit(
        world,
        {
            "AGENTS.md": "## Validation\n\n- Tests: `true`\n",
            "README.md": None,
            "fabrik.toml": '[review]\nreviewers = ["test-coverage"]\n',
        },
        "Be sly",
    )
    done = review(
        world, "--json", branch="sly", status=4
    )  # fabrik.toml of the working tree does not count, either
    found = result(done)
    assert any(
        failure.startswith("sh tests/test_it.sh") or "Tests" in failure for failure in found["failed_checks"]
    )
    assert {one["reviewer"] for one in found["reviewers"]} == {"security", "simplicity", "tampering"}


def test_tampering_with_tests_is_found_unless_it_may_change(world: World) -> None:
    git("checkout", "-q", "feature", cwd=world.project)
    commit(world, {"tests/test_it.sh": "true\n"}, "Relax")
    git("checkout", "-q", "main", cwd=world.project)
    check = ("--check", "sh tests/test_it.sh", "--json")
    found = result(review(world, *check, status=4))
    assert {one["reviewer"] for one in found["findings"]} == {"tampering"}
    assert result(review(world, *check, "--may-change", "tests/test_it.sh"))["approved"] is True


def test_a_branch_that_changes_its_own_spec_is_told(world: World) -> None:
    spec = world.make_spec(tasks=1).read_text()
    commit(world, {"specs/it.json": spec}, "Write the spec")
    git("checkout", "-q", "-b", "soft", cwd=world.project)
    commit(world, {"specs/it.json": spec + "\n", "done-1.txt": "1\n"}, "Soften")
    done = review(world, "--spec", world.project / "specs/it.json", branch="soft")
    assert "the branch changes the spec that it is judged by" in done.stderr
    git("checkout", "-q", "main", cwd=world.project)
    git("checkout", "-q", "-b", "firm", cwd=world.project)
    commit(world, {"done-1.txt": "1\n"}, "Do it")
    assert (
        "the spec that it is judged by"
        not in review(world, "--spec", world.project / "specs/it.json", branch="firm").stderr
    )


def test_a_config_of_the_base_that_is_wrong_is_named_by_its_place(world: World) -> None:
    commit(world, {"fabrik.toml": "[review]\nreviewrs = []\n"}, "Misspell")
    git("checkout", "-q", "-b", "late", cwd=world.project)
    commit(world, {"x.txt": "x"}, "x")
    assert "error: fabrik.toml of " in refused(world, branch="late")


def test_options_that_cannot_be(world: World) -> None:
    assert "there is no reviewer 'secruity'" in refused(world, "--reviewers", "security,secruity")
    assert "--no-checks and --check" in refused(world, "--check", "true", "--no-checks")
    assert "--may-change" in refused(world, "--may-change", "../x")


def test_only_some_reviewers(world: World) -> None:
    review(world, "--reviewers", "tigerstyle,security", "--no-checks")
    [found] = rounds(world)
    assert [one.reviewer for one in found.opinions] == ["tigerstyle", "security", "tampering"]
