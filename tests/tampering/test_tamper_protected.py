"""Which files judge, and why."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabrik.tampering.protected import DEFAULT_PROTECTED, BadGlob, Protection


def why(
    path: str, *commands: str, base: tuple[str, ...] = (), globs: tuple[str, ...] = DEFAULT_PROTECTED
) -> object:
    return Protection.of(globs, commands, {path, *base}, ()).why(path)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("tests/test_a.py", "test"),
        ("tests/data/expected.txt", "test"),
        ("src/pkg/tests/helper.py", "test"),
        ("test_tally.py", "test"),
        ("pkg/tally_test.go", "test"),
        ("web/__tests__/a.ts", "test"),
        ("web/a.test.ts", "test"),
        ("web/a.spec.tsx", "test"),
        ("src/test/java/FooTest.java", "test"),
        ("spec/tally_spec.rb", "test"),
        ("crates/a/tests/it.rs", "test"),
        ("__snapshots__/a.snap", "test"),
        ("run.bats", "test"),
        (".github/workflows/ci.yml", "ci"),
        (".gitlab-ci.yml", "ci"),
        ("Jenkinsfile", "ci"),
        (".circleci/config.yml", "ci"),
        ("azure-pipelines.yml", "ci"),
        ("ruff.toml", "lint"),
        (".eslintrc.json", "lint"),
        ("web/eslint.config.js", "lint"),
        ("pytest.ini", "lint"),
        ("pyproject.toml", "lint"),
        ("jest.config.ts", "lint"),
        (".pre-commit-config.yaml", "lint"),
        (".golangci.yml", "lint"),
        (".coveragerc", "lint"),
        ("conftest.py", "hook"),
        ("tests/conftest.py", "hook"),
        ("sitecustomize.py", "hook"),
        ("checks/all.sh", "check"),
        ("Makefile", "check"),
        ("package.json", "check"),
    ],
)
def test_the_shipped_list_covers(path: str, reason: str) -> None:
    assert why(path) == reason


@pytest.mark.parametrize(
    "path",
    [
        "src/tally.py",
        "README.md",
        "src/contest.py",
        "latest.py",
        "src/attestation.go",
        "docs/testing.md",
        "specs/feature.md",
        "src/spectrum.ts",
        "lib/checks/rule.py",
        "go.mod",
        "requirements.txt",
        "package-lock.json",
        "src/inspect.rs",
    ],
)
def test_the_product_is_not_covered(path: str) -> None:
    assert why(path) is None


@pytest.mark.parametrize(
    ("command", "path"),
    [
        ("sh quality/check.sh", "quality/check.sh"),
        ("sh checks/test.sh", "checks/test.sh"),
        ("./ci/verify", "ci/verify"),
        ("make test", "Makefile"),
        ("make -C sub test", "sub/Makefile"),
        ("make -f build.mk test", "build.mk"),
        ("just check", "justfile"),
        ("npm test", "package.json"),
        ("cd web && npm run lint", "web/package.json"),
        ("tox -q", "tox.ini"),
        ("nox", "noxfile.py"),
        ("python -m checks.run", "checks/run.py"),
        ("python -m verify", "verify.py"),
        ("cd deep && sh ./verify-all.sh", "deep/verify-all.sh"),
        ("PYTHONPATH=src python scripts/check.py", "scripts/check.py"),
        ("env A=1 timeout -k 5 60 bash scripts/everything.sh", "scripts/everything.sh"),
        ("bash -c 'set -e; sh ./run_checks.sh'", "run_checks.sh"),
        ("if ! ./verify; then exit 1; fi", "verify"),
        ("python3.12 acceptance_test_runner.py", "acceptance_test_runner.py"),
        ("sh check.sh 2>&1 | tee log", "check.sh"),
        ('out=$(sh checks/a.sh) && test -n "$out"', "checks/a.sh"),
        ("set -e\nuv run python tools/lint.py\n", "tools/lint.py"),
        ("diff golden.txt <(python tally.py)", "golden.txt"),
        ("python tally.py < in | cmp - want/out.txt", "want/out.txt"),
        ("pytest acc/criteria.py::works", "acc/criteria.py"),
    ],
)
def test_what_a_check_runs_in_order_to_judge_is_covered(command: str, path: str) -> None:
    assert why(path, command, globs=()) == "check"


@pytest.mark.parametrize(
    ("command", "path"),
    [
        ("python tally.py < in", "tally.py"),
        ("python -m tally", "tally/__main__.py"),
        ("test -f done-1.txt", "done-1.txt"),
        ("grep foo src/x.py", "src/x.py"),
        ('test "$(cat done-1.txt)" = 1', "done-1.txt"),
        ("sh hello.sh | grep hello", "hello.sh"),
        ('test "$(./check 3)" = ok', "check"),
        ("python lint.py bad.txt | grep -q E501", "lint.py"),
        ("python src/verify.py", "src/verify.py"),
        ("node index.js", "index.js"),
        ("./bin/tally --help", "bin/tally"),
        ("python -c 'import tally; tally.check()'", "tally.py"),
        ("ruff check src/x.py", "src/x.py"),
        ("python gen.py | diff - docs/cli.md", "docs/cli.md"),
        ("cat checks/list.txt", "checks/list.txt"),
        ("echo 'unclosed", "unclosed"),
    ],
)
def test_the_product_that_a_check_runs_or_reads_is_not_covered(command: str, path: str) -> None:
    assert why(path, command, globs=()) is None


def test_what_lies_beside_a_check_script_in_its_folder_belongs_to_it() -> None:
    protection = Protection.of((), ["sh checks/a.sh"], {"checks/a.sh", "checks/lib.sh", "checks/sub/x"}, ())
    assert protection.why("checks/lib.sh") == "check"
    assert protection.why("checks/new.sh") is None


def test_a_script_that_the_base_has_not_is_no_check_script() -> None:
    assert Protection.of((), ["sh check.sh"], {"README.md"}, ()).why("check.sh") is None


def test_the_globs_of_a_project_replace_the_list_and_take_back() -> None:
    assert why("contract/api.yaml", globs=("contract/",)) == "project"
    assert why("tests/test_a.py", globs=("contract/",)) is None
    assert why("tests/test_a.py", globs=("tests/",)) == "test"
    assert why("tests/fixtures/big.bin", globs=("tests/**", "!tests/fixtures/**")) is None


def test_may_change_is_told_by_path() -> None:
    protection = Protection.of((), (), (), ("tests/test_a.py", "*.toml"))
    assert protection.allowed("tests/test_a.py")
    assert protection.allowed("deep/ruff.toml")
    assert not protection.allowed("tests/test_b.py")


def test_all_bad_globs_are_named_at_once() -> None:
    with pytest.raises(BadGlob) as caught:
        Protection.of(("tests/", "!", "[z-a]"), (), (), ("a\\",))
    assert all(each in str(caught.value) for each in ("'!'", "'[z-a]'", "'a\\\\'"))


SHELL = st.text(alphabet="ab/ .$(){}`'\"\\|&;<>=-\n", max_size=80) | st.text(max_size=80)


@given(st.lists(SHELL, max_size=4), st.lists(st.text(min_size=1, max_size=20), max_size=4))
def test_no_command_is_too_strange(commands: list[str], paths: list[str]) -> None:
    first = Protection.of(DEFAULT_PROTECTED, commands, paths, ())
    again = Protection.of(DEFAULT_PROTECTED, commands, paths, ())
    assert first.checks == again.checks
    assert [first.why(path) for path in paths] == [again.why(path) for path in paths]
    assert first.checks.scripts <= set(paths)
