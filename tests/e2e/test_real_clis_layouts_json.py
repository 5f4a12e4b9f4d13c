"""A folder of JSON specs with todos, as the original fabrik's users have it, shipped by the real CLIs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_reviews import APPROVAL, playing, report
from cli_world import COMMIT, CliWorld, Require, cli_world, installed
from harness import git
from layouts_kit import (
    Contents,
    assert_metered,
    begin_repository,
    every_cli,
    has,
    lay_out,
    passes_in_a_fresh_clone,
    prompts,
    runs,
    types,
)

from fabrik.testing.model_server import ModelServer, Script, Shell, Text, WriteFile

REVIEW = '[review]\nreviewers = ["code-quality"]\nlight = []\n'  # of eight, to save time
MAIN = """import sys

with open("notes.txt") as notes:
    lines = notes.read().splitlines()
match sys.argv[1:]:
    case ["list"]:
        print(*lines, sep="\\n")
    case _:
        sys.exit("usage: python3 -m notes list")
"""
PROJECT = {
    ".gitignore": "__pycache__/\n*.min.json\n",
    "notes.txt": "Buy milk #home\nCall Bo #work\n",
    "notes/__init__.py": "",
    "notes/__main__.py": MAIN,
    "tests/__init__.py": "",
    "tests/test_list.py": """import subprocess
import sys
import unittest


class List(unittest.TestCase):
    def test_all_notes(self) -> None:
        told = subprocess.check_output([sys.executable, "-m", "notes", "list"], text=True)
        self.assertIn("Buy milk", told)
""",
}
SEARCH = """def find(lines: list[str], word: str) -> list[str]:
    return [line for line in lines if word.lower() in line.lower()]
"""
SEARCH_TEST = """import unittest

from notes.search import find


class Find(unittest.TestCase):
    def test_case_does_not_matter(self) -> None:
        self.assertEqual(find(["Buy milk", "Call Bo"], "MILK"), ["Buy milk"])

    def test_nothing(self) -> None:
        self.assertEqual(find(["Buy milk"], "tea"), [])
"""
SEARCHING = MAIN.replace("import sys\n", "import sys\n\nfrom notes.search import find\n", 1).replace(
    "    case _:",
    """    case ["search", word]:
        found = find(lines, word)
        print(*found, sep="\\n")
        sys.exit(0 if found else 1)
    case _:""",
)
COMMAND = f"""cat > notes/__main__.py <<'END'
{SEARCHING}END
python3 -m notes search milk && ! python3 -m notes search tea
"""
TAGS = """def tags(lines: list[str]) -> list[str]:
    return sorted({word[1:] for line in lines for word in line.split() if word.startswith("#")})
"""
TAGS_TEST = """import unittest

from notes.tags import tags


class Tags(unittest.TestCase):
    def test_sorted_and_once(self) -> None:
        self.assertEqual(tags(["#home a", "b #work #home"]), ["home", "work"])
"""
RUN_TESTS = "python3 -m unittest discover -s tests"


def shown(place: str, why: str, *rest: tuple[str, str]) -> Shell:
    """The verifier's report: criterion by criterion, with the place of what shows it."""
    found = [("test", place, why), *(("code", where, reason) for where, reason in rest)]
    criteria = [
        {"n": n, "met": True, "kind": kind, "where": where, "why": reason}
        for n, (kind, where, reason) in enumerate(found, start=1)
    ]
    return report(criteria=criteria, protected=[], issues=[])


SCRIPT = Script(
    sessions=(
        playing(
            "# Task 1 of 2: find",
            WriteFile("/workspace/tests/test_search.py", SEARCH_TEST),
            WriteFile("/workspace/notes/search.py", SEARCH),
            Shell(f"{RUN_TESTS} && {COMMIT} 'Find notes by a word'"),
            Text("Notes are found."),
        ),
        playing(
            "# Task 2 of 2: command",
            Shell(COMMAND),
            Shell(f"{RUN_TESTS} && {COMMIT} 'Search on the command line'"),
            Text("It can be asked for."),
        ),
        playing(
            "# Task 1 of 1: tags",
            Shell("ls notes && cat notes/search.py"),  # is there: what this spec depends on
            Shell(
                f"cat > notes/tags.py <<'END'\n{TAGS}END\ncat > tests/test_tags.py <<'END'\n{TAGS_TEST}END"
            ),
            Shell(f"{RUN_TESTS} && {COMMIT} 'List tags'"),
            Text("Tags are listed."),
        ),
        playing("# Review of ", APPROVAL, Text("Good.")),
        playing(
            '# Does the change do what "Find notes by a word"',
            Shell(f"cp -r /workspace /tmp/copy && cd /tmp/copy && {RUN_TESTS} && python3 -m notes search BO"),
            shown("tests/test_search.py:8", "it asserts it", ("notes/__main__.py:13", "it exits so")),
            Text("Both are met."),
        ),
        playing(
            '# Does the change do what "List the tags of all notes"',
            shown("tests/test_tags.py:8", "it asserts it"),
            Text("It is met."),
        ),
    )
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[CliWorld]:
    with cli_world(tmp_path) as made:
        yield made


def with_leftovers(world: CliWorld) -> Path:
    """The project, with what the original minified and left beside the specs."""
    project = lay_out("json", world.directory / "notebook", PROJECT)
    begin_repository(project)
    specs = project / "specs"
    for name in ("search-notes", "search-notes.todo"):
        small = json.dumps(json.loads((specs / f"{name}.json").read_text()), separators=(",", ":"))
        (specs / f"{name}.min.json").write_text(small)
    prd = {"_type": "markdown", "path": "specs/PRD-notes.md", "content": (specs / "PRD-notes.md").read_text()}
    (specs / "PRD-notes.md.min.json").write_text(json.dumps(prd))
    return project


@every_cli
def test_a_folder_of_json_specs_is_shipped(name: str, world: CliWorld, require: Require) -> None:
    cli = installed(name, require)
    has(world, cli, REVIEW)
    project = with_leftovers(world)
    own = Contents.of(project / "specs", project / "AGENTS.md", project / "notes", project / "tests")
    world.here = project

    assert "4 files, 0 errors, 2 warnings" in types(world, "fabrik spec validate").stdout
    with ModelServer(SCRIPT, key=world.canary.key) as server:
        world.connect(server)
        first = types(world, "fabrik backlog run --dir specs", status=4)
        between = types(world, "fabrik backlog run --dry-run").stdout.splitlines()
        approved = types(world, "fabrik approve last")
        second = types(world, "fabrik backlog run --dir specs", status=4)
        types(world, "fabrik approve last")
        last = types(world, "fabrik backlog run --dir specs").stdout

    # A human decides before it ships, for the project's own checks passed before the work as well.
    assert "the project's are used (Tests, build, from AGENTS.md)" in first.stderr
    assert "search-notes" in first.stdout and "held back" in first.stdout
    assert between[0].startswith("search-notes.json: waits for you (run ")
    assert between[1] == "tag-notes.json: would be run after search-notes"
    assert "shipped" in approved.stdout and "waits for you" in second.stdout
    assert "all 2 specs are done" in last
    assert [(run.spec_id, run.status) for run in runs(world)] == [
        ("search-notes", "shipped"),
        ("tag-notes", "shipped"),
    ]

    # Verified work on the branches: the second begins where the first has ended.
    assert git("log", "--reverse", "--format=%s", "main..spec-tag-notes", cwd=project).splitlines() == [
        "Find notes by a word",
        "Search on the command line",
        "List tags",
    ]
    ends, begins = git("rev-parse", "spec-search-notes", "spec-tag-notes~1", cwd=project).split()
    assert ends == begins
    clone = world.directory / "clone"
    passes_in_a_fresh_clone(project, "spec-tag-notes", clone, *RUN_TESTS.split(), "-v")
    assert (clone / "tests" / "test_search.py").exists() and (clone / "tests" / "test_tags.py").exists()
    assert own.changed() == [] and git("status", "--porcelain", cwd=project) == ""

    # The model was given the user's own specifications: each task, a reviewer and the verifier.
    for spec, tasks in (("search-notes", 2), ("tag-notes", 1)):
        text = (project / "specs" / f"{spec}.json").read_text().strip()
        assert len(prompts(server, text)) == tasks + 2

    assert_metered(world, server, cli)
    world.assert_clean()
