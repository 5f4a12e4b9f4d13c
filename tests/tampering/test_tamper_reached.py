"""Judges that a check reaches by way of others."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from fabrik.tampering.protected import Protection

EXPECT = 'expect() { test "$(eval "$2")" = "$1" || FAILED=1; }\n'
GREET = 'echo "hello $1"\n'


def judges(base: Mapping[str, str], *commands: str) -> set[str]:
    """What is protected though no glob says so."""
    contents = {path: text.encode() for path, text in base.items()}
    protection = Protection.of((), commands, set(base), (), contents)
    return {path for path in base if protection.why(path) is not None}


@pytest.mark.parametrize(
    ("command", "files", "found"),
    [
        ("sh t/run.sh", {"t/run.sh": "exit 0\n"}, {"t/run.sh"}),
        ("set -e; cd t && A=1 bash -e ./run.sh --all", {"t/run.sh": "exit 0\n"}, {"t/run.sh"}),
        ("./t/run", {"t/run": "#!/bin/sh\nexit 0\n"}, {"t/run"}),
        (
            "make test",
            {
                "Makefile": "test:\n\t@sh ok\n",
                "ok": ". ./okl\nexpect hello 'sh bin/greet.sh'\n",
                "okl": EXPECT,
            },
            {"Makefile", "ok", "okl"},
        ),
        (
            "sh check.sh",
            {"check.sh": ". lib/common.sh\n", "lib/common.sh": EXPECT},
            {"check.sh", "lib/common.sh"},
        ),
        (
            "sh checks/run.sh",
            {
                "checks/run.sh": 'here=$(dirname "$0")\n# don\'t\n. "$here/../support/expect.sh"\n',
                "support/expect.sh": EXPECT,
            },
            {"checks/run.sh", "support/expect.sh"},
        ),
        (
            "sh checks/run.sh",
            {"checks/run.sh": "sh q/one.sh\n", "q/one.sh": '[ "$(sh bin/greet.sh)" = hello ]\n'},
            {"checks/run.sh", "q/one.sh"},
        ),
        (
            "make test",
            {
                "Makefile": "include mk/rules.mk\n",
                "mk/rules.mk": "test:\n\tsh t/run.sh\n",
                "t/run.sh": EXPECT,
            },
            {"Makefile", "mk/rules.mk", "t/run.sh"},
        ),
        (
            "npm test",
            {"package.json": '{"scripts": {"test": "sh quality/all.sh"}}', "quality/all.sh": EXPECT},
            {"package.json", "quality/all.sh"},
        ),
        (
            "sh check.sh",
            {"check.sh": "sh bin/greet.sh a | diff - expected/out.txt\n", "expected/out.txt": "hello\n"},
            {"check.sh", "expected/out.txt"},
        ),
        (
            "sh check.sh",
            {"check.sh": "sh bin/greet.sh a | diff - fixtures/out.txt\n", "fixtures/out.txt": "hello\n"},
            {"check.sh", "fixtures/out.txt"},
        ),
        (
            "sh t/run.sh",
            {
                "t/run.sh": '[ "$(awk -f sum.awk t/in.txt)" = "$(cat t/out.txt)" ]\n',
                "t/out.txt": "6\n",
                "sum.awk": "",
            },
            {"t/run.sh", "t/out.txt"},
        ),
        ("sh bin/greet.sh | grep -qf data/want.txt", {"data/want.txt": "hello\n"}, {"data/want.txt"}),
        ("sh bin/greet.sh > out; cmp out < t/out.txt", {"t/out.txt": "hello\n"}, {"t/out.txt"}),
    ],
)
def test_what_is_reached_judges(command: str, files: Mapping[str, str], found: set[str]) -> None:
    assert judges({"bin/greet.sh": GREET, "README.md": "greet\n", **files}, command) == found


@pytest.mark.parametrize(
    ("command", "files"),
    [
        ("sh src/run.sh", {"src/run.sh": GREET}),
        ("sh app.sh", {"app.sh": GREET}),
        ("sh hello/run.sh | grep -q hello", {"hello/run.sh": GREET}),
        ('test "$(sh hello/run.sh)" = hello', {"hello/run.sh": GREET}),
        ("python gen.py | diff - docs/cli.md", {"docs/cli.md": "# cli\n"}),
        ("grep -q Usage README.md", {}),
        ("sh hello/run.sh && sh hello/run.sh --loud", {"hello/run.sh": GREET}),
        (
            "sh checks/a.sh",
            {"checks/a.sh": '. lib/text.sh\ntest "$(upper a)" = A\n', "lib/text.sh": "upper() { :; }\n"},
        ),
        ("sh checks/a.sh", {"checks/a.sh": "sh ./build.sh\n", "build.sh": "cc -o a a.c\n"}),
        (
            "sh checks/a.sh",
            {"checks/a.sh": "cat <<END\n. ./greet.sh\nsh q/assert.sh\nEND\n", "greet.sh": EXPECT},
        ),
        ("make test", {"Makefile": "test: a\n\t./a\na: a.c\n\tsh tools/gen.sh\n", "tools/gen.sh": GREET}),
    ],
)
def test_the_product_that_is_reached_is_the_product(command: str, files: Mapping[str, str]) -> None:
    found = judges({"bin/greet.sh": GREET, "README.md": "greet\n", **files}, command)
    assert found <= {"checks/a.sh", "Makefile"}


def test_circles_end() -> None:
    files = {"checks/a.sh": ". checks/expect.sh\n", "checks/expect.sh": ". checks/a.sh\n"}
    assert judges(files, "sh checks/a.sh") == set(files)
