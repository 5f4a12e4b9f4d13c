"""What a verification comes to, from its three ways."""

from __future__ import annotations

from dataclasses import replace

from fabrik.workflows.results import CheckResult, ChecksResult, LogFile, VerificationResult


def ran(ok: bool, name: str = "tests") -> ChecksResult:
    check = CheckResult(
        name=name,
        run=name,
        ok=ok,
        status=0 if ok else 1,
        signal=None,
        stopped_by=None,
        seconds=0.1,
        log=LogFile(path="l", size=0, sha256=""),
        tail="",
    )
    return ChecksResult(commit="c", checks=(check,))


NONE = ChecksResult(commit="c", checks=())
BROKEN = ChecksResult(commit="c", checks=(), setup_problem="setup fails")
GOOD = VerificationResult(
    commit="c", tree="t", checks=ran(True), protected=ran(True), restored=(), holdout=ran(True), tampers=()
)


def test_three_ways_that_pass() -> None:
    assert GOOD.ok
    assert GOOD.failures == ()


def test_a_check_that_passes_once_only_is_flaky() -> None:
    flaky = replace(GOOD, protected=ran(False))
    assert not flaky.ok
    assert [check.name for check in flaky.flaky] == ["tests"]
    assert flaky.failures == ("tests: exit status 1",)


def test_a_setup_that_works_once_only_is_no_proof() -> None:
    flaky = replace(GOOD, protected=BROKEN)
    assert not flaky.ok
    assert flaky.failures == ("setup fails",)


def test_with_restored_files_a_failure_tells_of_tampering_instead() -> None:
    """A tamper of kind "depends" says so; the verification itself stands."""
    for failed in (ran(False), BROKEN):
        changed = replace(GOOD, protected=failed, restored=("tests/test_a.py",))
        assert changed.ok
        assert changed.flaky == ()
        assert changed.setup_problem == ""


def test_what_fails_as_it_stands_fails_once() -> None:
    failed = replace(GOOD, checks=ran(False), protected=NONE)
    assert not failed.ok
    assert failed.flaky == ()
    assert failed.failures == ("tests: exit status 1",)
    assert not replace(GOOD, checks=BROKEN, protected=NONE).ok


def test_a_command_that_is_not_there_is_told_as_such() -> None:
    check = replace(ran(False, "dedupe").checks[0], status=127)
    failed = replace(GOOD, checks=ChecksResult(commit="c", checks=(check,)), protected=NONE)
    assert failed.failures == ("dedupe: exit status 127 (command not found)",)


def test_held_out_checks_count() -> None:
    assert replace(GOOD, holdout=ran(False, "hidden")).failures == ("hidden: exit status 1",)
    assert not replace(GOOD, holdout=BROKEN).ok
