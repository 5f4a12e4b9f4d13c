"""What is to prove a spec: checks that can fail and look at the criteria, and tasks that say how. Pure."""

from __future__ import annotations

import re
from collections import Counter

from fabrik.specs.reviewing.finding import GRAVE, NOTABLE, SERIOUS, SLIGHT, Finding, of, shorten
from fabrik.specs.reviewing.outline import CheckSaid, Outline, Said, TaskSaid
from fabrik.specs.reviewing.words import stems
from fabrik.specs.unchecked import can_never_fail

# Commands that run whatever tests there are: a new test that proves a criterion is run with them.
_SUITE = re.compile(
    r"\b(?:pytest|unittest|tox|nox|ctest|rspec|minitest|jest|vitest|mocha|ava|playwright|cypress|phpunit|"
    r"pest|junit|"
    r"busted|bats|shellspec|prove|tests?|spec|check|verify|judge|e2e|selenium|behave|cucumber|hurl|newman|k6|"
    r"ginkgo)\b|"
    r"\b(?:make|just|task|rake|npm|pnpm|yarn|bun|cargo|go|dotnet|swift|mix|gradlew?|mvn|stack|cabal|zig|"
    r"dart|flutter|deno|sbt|"
    r"bazel|meson|composer)\b[^|&;]*\b(?:test|tests|check|verify|spec|ci|e2e)\b|\S+_test\b|test_\w+|"
    r"\btests?/|"
    r"(?:^|\s)(?:\./|sh |bash |python3? |node |ruby |perl )\S*(?:test|check|verify|smoke|prove|probe|"
    r"accept)\S*",
    re.IGNORECASE,
)
_STYLE = re.compile(
    r"^\s*(?:npx |npm run |pnpm (?:run )?|yarn (?:run )?|uv run |poetry run |python3? -m |cargo |go |make "
    r"|bundle exec )*"
    r"(?:eslint|prettier|lint\S*|format\S*|fmt|ruff|flake8|black|isort|mypy|pyright|pylint|tsc|typecheck|"
    r"type-check|types|clippy|vet|"
    r"gofmt|golangci-lint|rubocop|shellcheck|stylelint|build|compile|compileall|py_compile|install|ci)\b",
    re.IGNORECASE,
)

_TEST_FILE = re.compile(
    r"(?<![\w-])(?:test_(\w+)(?:\.\w+)?|([A-Za-z][\w-]*?)(?:_test|_spec|-test|\.test|\.spec|Tests?|Spec)\.[a-z]{1,4})\b"
)
# Names that say which kind of test it is, not what it is about.
_GENERIC = stems(
    "smoke integration e2e unit main cli api acceptance regression system app core spec all functional "
    "contract suite test tests basic end property golden snapshot"
)


def no_checks(spec: Outline, *, project_checks: bool) -> list[Finding]:
    """Nothing would prove it."""
    if any(not check.held_out for check in spec.checks):
        return []
    if spec.checks:
        why = "all checks are held out: the agent gets no check that it can run, and nothing guards each task"
        instead = "add checks that the agent may see; keep the held-out ones for what it must not tune to"
        said = Said(text=spec.checks[0].name, line=spec.checks[0].line)
        return [of(said, "holdout-without-checks", why, instead, SERIOUS)]
    where = Said(text="", line=spec.title.line if spec.title else 1)
    instead = "add `## Verification` with a code block, one command a line (JSON: `checks`)"
    if spec.tests_named or project_checks or not spec.runnable:
        why = "it has no checks of its own: `fabrik run` refuses it, a loop with checks in AGENTS.md takes it"
        return [of(where, "no-checks", why, instead, SLIGHT)]
    return [of(where, "no-checks", "no check and no test proves any of its criteria", instead, GRAVE)]


def useless_checks(spec: Outline) -> list[Finding]:
    """Checks that pass whatever was built."""
    found = []
    for check in spec.checks:
        if (why := can_never_fail(check.run)) is not None:
            instead = "let it end with another exit status than 0 while the work is not done"
            found.append(_of_check(check, "check-cannot-fail", why, instead, SERIOUS))
    return found


def unproven(spec: Outline) -> list[Finding]:
    """Criteria that no check looks at."""
    checks = [check for check in spec.checks if can_never_fail(check.run) is None]
    if not checks or not spec.criteria or spec.tests_named:
        return []
    if any(_SUITE.search(check.run) for check in checks if not _STYLE.match(check.run)):
        return []
    if all(_STYLE.match(check.run) for check in checks):
        why = "the checks look at style, types or the build: none of them looks at what was asked"
        instead = "add a command that runs the tests of these criteria"
        return [_of_check(checks[0], "criterion-without-check", why, instead, SERIOUS)]
    seen = frozenset().union(*(stems(f"{check.name} {check.run}") for check in checks))
    bare = [said for said in spec.criteria if not stems(said.text) & seen]
    if len(bare) == len(spec.criteria) and len(checks) >= len(spec.criteria):
        return []  # one command for each, in words of their own
    why = "no check names it, and none runs a test suite in which it could be tested"
    instead = "add a check for it, named like it"
    points = NOTABLE if len(bare) * 2 > len(spec.criteria) else SLIGHT
    return [of(said, "criterion-without-check", why, instead, points) for said in bare]


def other_topic(spec: Outline) -> list[Finding]:
    """Tests by name only, and none of the names is that of anything in the spec."""
    checks = [check for check in spec.checks if not _STYLE.match(check.run)]
    named = [
        (check, [name for match in _TEST_FILE.finditer(check.run) if (name := match[1] or match[2])])
        for check in checks
    ]
    if not named or spec.tests_named or any(not names for _, names in named):
        return []
    told = stems(" ".join([*(said.text for said in (*spec.everything(), *spec.non_goals)), spec.path.stem]))
    for check, names in named:
        for name in names:
            own = stems(f"{name} {check.name if check.name != check.run else ''}") - _GENERIC
            if not own or any(_alike(one, other) for one in own for other in told):
                return []
    check, names = named[0]
    why = f"the only tests that it runs are about something else: {', '.join(names)}"
    instead = "name the tests of these criteria, or run the whole suite"
    return [_of_check(check, "criterion-without-check", why, instead, SERIOUS)]


def _alike(one: str, other: str) -> bool:
    return one == other or (min(len(one), len(other)) >= 3 and (one in other or other in one))


def tasks_unverified(spec: Outline) -> list[Finding]:
    """Tasks that do not say what shows that they are done."""
    tasks = [task for task in spec.tasks if task.binding]
    bare = [task for task in tasks if not task.verify.strip()]
    points = NOTABLE if len(bare) * 2 >= len(tasks) else SLIGHT
    if len(bare) == len(tasks) > 1:
        points = SERIOUS
    why = "the task does not say what shows that it is done"
    instead = "add a line `Verify: …` (JSON: `verify`) with a command or an observable outcome"
    if points == SERIOUS:
        return [
            _of_task(
                bare[0],
                "task-without-verify",
                f"none of {len(bare)} tasks says what shows that it is done",
                instead,
                SERIOUS,
                spec,
            )
        ]
    return [_of_task(task, "task-without-verify", why, instead, points, spec) for task in bare]


def uncovered(spec: Outline) -> list[Finding]:
    """Criteria that no task is about."""
    tasks = [task for task in spec.tasks if task.binding]
    if len(tasks) < 2 or not spec.criteria:
        return []
    texts = [f"{task.do} {task.verify}" for task in tasks]
    if any(
        re.search(
            r"\b(?:all|every|each|remaining) (?:of the )?(?:acceptance |the )?criteri", text, re.IGNORECASE
        )
        for text in texts
    ):
        return []
    # A word in most of the criteria, or of the title, says nothing about which of them a task is about.
    counts = Counter(stem for said in spec.criteria for stem in stems(said.text))
    common = {stem for stem, count in counts.items() if count > max(2, len(spec.criteria) * 0.6)}
    common |= stems(spec.title.text) if spec.title and len(spec.criteria) > 2 else set()
    told = frozenset().union(*(stems(text) for text in texts))
    bare = [said for said in spec.criteria if _misses(stems(said.text) - common, told)]
    why = "no task is about it: all tasks can be done while this does not hold"
    instead = "add a task for it, or name it in the task that it belongs to"
    return [of(said, "todo-misses-criterion", why, instead, NOTABLE + 1) for said in bare]


def _misses(own: frozenset[str], told: frozenset[str]) -> bool:
    """Whether the tasks speak of next to nothing of what a criterion is about."""
    shared = len(own & told)
    return len(own) >= 2 and (shared == 0 or (shared == 1 and len(own) > 4))


def _of_check(check: CheckSaid, rule: str, why: str, instead: str, points: int) -> Finding:
    return Finding(
        rule=rule,
        line=check.line,
        words=shorten(check.run),
        why=why,
        instead=instead,
        points=points,
        file=check.file,
    )


def _of_task(task: TaskSaid, rule: str, why: str, instead: str, points: int, spec: Outline) -> Finding:
    file = task.file if task.file != spec.path else None
    return Finding(
        rule=rule, line=task.line, words=shorten(task.do), why=why, instead=instead, points=points, file=file
    )
