"""The playbook's own layout, planned and built by the real CLIs, with commands in the place of loop.sh."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_reviews import playing
from cli_world import CliWorld, Require, cli_world, installed
from harness import git
from layouts_kit import (
    Contents,
    assert_metered,
    begin_repository,
    bodies,
    every_cli,
    has,
    lay_out,
    passes_in_a_fresh_clone,
    prompts,
    runs,
    types,
)

from fabrik.testing.model_server import ModelServer, Script, Shell, Text, WriteFile

SLUGS = "`src/slug.sh`: make a slug of a title (specs/slugs.md)"
MINUTES = "`src/reading-time.sh`: how long a text takes (specs/reading-time.md)"
PLAN = f"""# Implementation plan

`src/count.sh` is all there is. In order of priority:

- {SLUGS}
  - Required tests: `tests/slug_test.sh`: one dash between words, no dash at the ends, no title
- {MINUTES}
  - Required tests: `tests/reading_time_test.sh`: 200 words are 1 minute, 201 are 2, none are 0
"""
SLUG = """# Prints the slug of a title: people read it aloud, so it is letters, digits and single dashes.
slug=$(printf %s "$*" | tr '[:upper:]' '[:lower:]' | tr -cs 'a-z0-9' '-')
slug=${slug#-}
slug=${slug%-}
[ -n "$slug" ] || { echo "a title needs a letter or a digit" >&2; exit 1; }
echo "$slug"
"""
SLUG_TEST = """# Addresses that were published stay as they are, so the rules are written down here.
[ "$(sh src/slug.sh 'Hello, World!')" = hello-world ] || { echo "Hello, World!"; exit 1; }
[ "$(sh src/slug.sh '  2 + 2 ')" = 2-2 ] || { echo "dashes at the ends"; exit 1; }
! sh src/slug.sh '?!' 2> /dev/null || { echo "a title of nothing"; exit 1; }
"""
READING_TIME = """# Prints how many minutes a text on stdin takes to read.
. "$(dirname "$0")/lib/words.sh"

echo $(( ($(count_words) + ROUND) / 200 ))
"""
READING_TIME_TEST = """# Nobody minds a minute less than promised.
minutes() { seq "$1" | sh src/reading-time.sh; }
for pair in 200:1 201:2 0:0; do
    [ "$(minutes "${pair%:*}")" = "${pair#*:}" ] || { echo "${pair%:*} words are not ${pair#*:}"; exit 1; }
done
"""
LEARNED = '- Slugs: `sh src/slug.sh "A title"`'

PLANNING = playing(
    "Plan only.",
    Shell("cat IMPLEMENTATION_PLAN.md; ls -R specs src; cat specs/*.md src/*.sh src/lib/*.sh"),
    # The prompt lets it write specifications; of what it changes, the plan alone comes back.
    Shell("echo '# Feeds' > specs/feeds.md"),
    WriteFile("/workspace/IMPLEMENTATION_PLAN.md", PLAN),
    Text("The plan has two items."),
)
AGAIN = playing(
    "This is iteration 2 of 2",
    Shell("cat IMPLEMENTATION_PLAN.md; grep -rn TODO src"),
    Text("The plan is right as it is."),
)
FIRST = playing(
    "This is iteration 1 of 5",
    Shell("cat IMPLEMENTATION_PLAN.md; grep -rn slug src"),
    WriteFile("/workspace/src/slug.sh", SLUG),
    WriteFile("/workspace/tests/slug_test.sh", SLUG_TEST),
    # As step 3 of the prompt wants it, what is resolved is taken out of the plan.
    Shell(
        "sh tests/run.sh && sed -i '/slug/d' IMPLEMENTATION_PLAN.md &&"
        f" sed -i '/POSIX shell/a {LEARNED}' AGENTS.md"
    ),
    Shell("git add -A && git commit -q -m 'Make slugs of titles'; git tag 0.0.0; git push"),
    Text("Slugs are there; `git push` did not work: there is no remote."),
)
SECOND = playing(  # commits without having run the tests
    "This is iteration 2 of 5",
    WriteFile("/workspace/src/reading-time.sh", READING_TIME.replace("ROUND", "100")),
    WriteFile("/workspace/tests/reading_time_test.sh", READING_TIME_TEST),
    Shell(
        "sed -i 's/^- `src.reading/- [x] `src\\/reading/' IMPLEMENTATION_PLAN.md; cat IMPLEMENTATION_PLAN.md"
    ),
    Shell("git add -A && git commit -q -m 'Say how long a text takes'"),
    Text("All tests pass."),
)
FIX = playing(
    "# What you find here is not done yet",
    Shell("sh tests/run.sh"),
    Shell("sed -i s/100/199/ src/reading-time.sh && sh tests/run.sh && git commit -qam 'Round minutes up'"),
    Text("It rounds up now."),
)
SCRIPT = Script(sessions=(FIX, AGAIN, PLANNING, FIRST, SECOND))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[CliWorld]:
    with cli_world(tmp_path) as made:
        yield made


@every_cli
def test_the_playbook_runs_unchanged(name: str, world: CliWorld, require: Require) -> None:
    cli = installed(name, require)
    has(world, cli)
    project = lay_out("playbook", world.directory / "weblog-tools")
    begin_repository(project)
    git("clone", "-q", "--bare", str(project), str(world.directory / "origin.git"), cwd=world.directory)
    git("remote", "add", "origin", str(world.directory / "origin.git"), cwd=project)
    own = Contents.of(
        *(
            project / path
            for path in ("loop.sh", "PROMPT_plan.md", "PROMPT_build.md", "specs", "src", "tests")
        )
    )
    world.here = project

    with ModelServer(SCRIPT, key=world.canary.key) as server:
        world.connect(server)
        planned = types(world, "fabrik loop plan 2").stdout
        assert (project / "IMPLEMENTATION_PLAN.md").read_text() == PLAN
        assert git("diff", "--name-only", "main~1", cwd=project) == "IMPLEMENTATION_PLAN.md"
        assert "left out: specs/feeds.md" in planned
        built = types(world, "fabrik loop build 5 --push").stdout

    # Verified work on the branch, in the files and at origin, in the user's own words and no others.
    assert [run.status for run in runs(world)] == ["done", "done"]
    assert "the plan has no open item: 2 iterations, 2 landed" in built
    assert git("log", "--format=%s", "main", cwd=project).splitlines()[:3] == [
        "Round minutes up",
        "Say how long a text takes",
        "Make slugs of titles",
    ]
    assert git("status", "--porcelain", cwd=project) == ""
    assert git("tag", cwd=project).split() == ["0.0.0", "0.0.1"]
    assert (
        git("ls-remote", "origin", "main", "0.0.1", cwd=project).count(git("rev-parse", "main", cwd=project))
        == 2
    )
    plan = (project / "IMPLEMENTATION_PLAN.md").read_text()
    assert SLUGS not in plan and f"- [x] {MINUTES}" in plan
    assert LEARNED in (project / "AGENTS.md").read_text()
    passes_in_a_fresh_clone(
        world.directory / "origin.git", "main", world.directory / "clone", "sh", "tests/run.sh"
    )
    assert own.changed() == []

    # The model was asked with the user's own prompt, and the one that had to mend was told what failed.
    for prompt, mode, count in (("PROMPT_plan.md", "of 2", 2), ("PROMPT_build.md", "of 5", 2)):
        text = (project / prompt).read_text().strip()
        assert len(prompts(server, text, f"{mode} of a loop")) == count
    assert all("Each file in `src/` is a tool" in body for body in bodies(server))  # of AGENTS.md
    if name == "claude":  # which takes `@FILE` in a prompt for the file
        assert "In order of priority:" in bodies(server, "This is iteration 1 of 5")[0]
    assert len(prompts(server, "# What you find here is not done yet", "201 words are not 2")) == 1

    assert_metered(world, server, cli)
    world.assert_clean()
