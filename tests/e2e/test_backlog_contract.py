"""The exit contracts as a table: what an implementer and a verifier may answer, and what comes of it.

Each row is a command on a real repository with one attempt; the agent is a program that answers just so.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from backlog_kit import PHRASE, VERIFY, WORK, Backlog
from harness import git

HASH = "$(git rev-parse HEAD)"
YES = 'printf "VERIFICATION REPORT\\n%s\\n' + PHRASE + '\\n" "$FABRIK_COMMIT"'
REPORT = r"""
printf '{"v": 1, "reviewer": "verifier", "commit": "%s", "criteria": [{"n": 1, "met": MET, "kind": "KIND",
  "where": "WHERE", "why": "it was looked at"}], "protected": [], "issues": []}' \
  "$FABRIK_COMMIT" > "$FABRIK_REPORT"
"""


def report(*, met: bool) -> str:
    """A verifier's report on the one criterion."""
    kind, where = ("code", "done-0001.txt") if met else ("none", "")
    return REPORT.replace("MET", str(met).lower()).replace("KIND", kind).replace("WHERE", where)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One promise of the contract."""

    name: str
    implement: str = WORK + f'say "{HASH}"'
    verify: str = VERIFY
    why: str = ""  # what is told when it is refused; "": it is accepted
    options: tuple[str, ...] = ()
    verification: str | None = None  # the spec's own command
    files: tuple[str, ...] = ("done-0001.txt",)  # what an accepted commit brings


ACCEPTED = [
    Row(name="the hash on its own line, the phrase as the last one"),
    Row(
        name="a code fence before them that is never closed: the last lines count",
        implement=WORK + f"echo '```text'; say \"{HASH}\"",
    ),
    Row(
        name="line ends of Windows",
        implement=WORK + f'printf "DONE REPORT\\r\\n%s\\r\\n{PHRASE}\\r\\n" "{HASH}"',
    ),
    Row(
        name="blanks around the lines, and empty lines at the end",
        implement=WORK + f'printf "DONE\\n  %s  \\n{PHRASE}  \\n\\n \\n" "{HASH}"',
    ),
    Row(
        name="no newline at the end",
        implement=WORK + f'printf "%s\\n{PHRASE}" "{HASH}"',
    ),
    Row(
        name="other commits named before: the last one counts",
        implement=WORK + f'git rev-parse HEAD^; echo "is where I began"; say "{HASH}"',
    ),
    Row(
        name="several commits",
        implement="echo 1 > one.txt; git add -A; git commit -q -m One\n" + WORK + f'say "{HASH}"',
        files=("done-0001.txt", "one.txt"),
    ),
    Row(
        name="uncommitted files are no part of the candidate",
        implement=WORK + f'say "{HASH}"; echo x > left.txt',
    ),
    Row(
        name="another phrase, asked for",
        implement=WORK + f'printf "%s\\nTRULY DONE\\n" "{HASH}"',
        verify='printf "%s\\nTRULY DONE\\n" "$FABRIK_COMMIT"',
        options=("--magic-phrase", "TRULY DONE"),
    ),
    Row(name="the verifier's report alone: every criterion has evidence", verify=report(met=True)),
    Row(name="the verifier's report, and the contract", verify=report(met=True) + YES),
    Row(
        name="a verifier that tries to edit and commit changes nothing",
        verify="echo x > sly.txt || true; git commit -qam Sly || true\n" + YES,
    ),
    Row(name="no verification commands: the verifier alone decides", verification="# none"),
]

REFUSED = [
    Row(name="no phrase", implement=WORK + f'echo "{HASH}"', why="the last line is not"),
    Row(
        name="something after the phrase",
        implement=WORK + f'say "{HASH}"; echo "Bye!"',
        why="nothing may come after it",
    ),
    Row(
        name="the phrase within a line",
        implement=WORK + f'printf "%s\\nWell, {PHRASE}\\n" "{HASH}"',
        why="it must stand alone on its line",
    ),
    Row(
        name="another phrase than the one agreed on",
        options=("--magic-phrase", "TRULY DONE"),
        why="the last line is not `TRULY DONE`",
    ),
    Row(
        name="the phrase in small letters",
        implement=WORK + f'printf "%s\\n{PHRASE.lower()}\\n" "{HASH}"',
        why="the last line is not",
    ),
    Row(name="no hash", implement=WORK + f'echo "{PHRASE}"', why="no line is exactly a commit's id"),
    Row(
        name="a short hash",
        implement=WORK + 'say "$(git rev-parse --short HEAD)"',
        why="no line is exactly a commit's id",
    ),
    Row(
        name="a hash with words around it",
        implement=WORK + f'say "commit {HASH}"',
        why="does not stand alone on its line",
    ),
    Row(name="a hash in backticks", implement=WORK + f"say '`'{HASH}'`'", why="has something around it"),
    Row(
        name="a hash in capitals",
        implement=WORK + 'say "$(git rev-parse HEAD | tr a-f A-F)Z"',
        why="no line is exactly a commit's id",
    ),
    Row(
        name="a code fence around the end",
        implement=WORK + f"""echo '```'; say "{HASH}"; echo '```'""",
        why="no code fence may stand around it",
    ),
    Row(
        name="a commit that does not exist",
        implement=WORK + "say 0123456789012345678901234567890123456789",
        why="there is no commit 0123456789012345678901234567890123456789",
    ),
    Row(name="nothing committed", implement=f'say "{HASH}"', why="was there before"),
    Row(
        name="an empty commit",
        implement=f'git commit -q --allow-empty -m Empty; say "{HASH}"',
        why="changes nothing",
    ),
    Row(
        name="a history of its own",
        implement="git checkout -q --orphan other\n" + WORK + f'say "{HASH}"',
        why="does not build on",
    ),
    Row(
        name="a tree instead of a commit",
        implement=WORK + "say \"$(git rev-parse 'HEAD^{tree}')\"",
        why="there is no commit",
    ),
    Row(
        name="git's own files damaged",
        implement=WORK + f'say "{HASH}"; rm -rf .git/objects .git/refs .git/HEAD',
        why="there is no commit",
    ),
    Row(name="the spec's own commands fail", verification="test -e never.txt", why="checks failed"),
    Row(
        name="the commands pass only with what was not committed",
        implement=WORK + f'say "{HASH}"; echo x > left.txt',
        verification="test -e left.txt",
        why="checks failed",
    ),
    Row(
        name="the verifier names another commit",
        verify=f'printf "%s\\n{PHRASE}\\n" 0123456789012345678901234567890123456789',
        why="which is not the one that it was to verify",
    ),
    Row(
        name="the verifier leaves the phrase out",
        verify='echo "VERIFICATION REPORT"; echo "$FABRIK_COMMIT"',
        why="the verifier did not say that it is done",
    ),
    Row(
        name="the verifier leaves the hash out",
        verify=f'echo "{PHRASE}"',
        why="the verifier did not say that it is done",
    ),
    Row(name="the verifier says nothing", verify="true", why="it said nothing and left no report"),
    Row(name="the verifier crashes, having said yes", verify=YES + "; exit 2", why="process crashed"),
    Row(
        name="the verifier's report says no, its contract yes",
        verify=report(met=False) + YES,
        why="criterion 1 is not met",
    ),
    Row(
        name="the verifier's report is broken, its contract kept",
        verify='echo nonsense > "$FABRIK_REPORT"\n' + YES,
        why="the verifier says no",
    ),
    Row(
        name="the verifier's report names evidence that is not there",
        verify=report(met=True).replace("done-0001.txt", "never.txt") + YES,
        why="never.txt",
    ),
]


@pytest.mark.parametrize("row", ACCEPTED, ids=lambda row: row.name)
def test_accepted(row: Row, tmp_path: Path) -> None:
    world = Backlog(tmp_path)
    world.begin()
    world.spec("0001-first.md", verification=row.verification)
    base = world.head()
    world.backlog("--max-attempts-per-spec", "1", *row.options, agent=world.agent(row.implement, row.verify))

    marker, candidate = world.done("0001-first.md"), world.candidate("0001-first.md")
    assert marker is not None and world.head() in marker
    assert candidate is not None and candidate["commit"] == world.head()
    changed = git("diff", "--name-only", base, "HEAD", cwd=world.project).splitlines()
    assert changed == sorted(row.files)
    assert git("status", "--porcelain", cwd=world.project) == ""


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: row.name)
def test_refused(row: Row, tmp_path: Path) -> None:
    world = Backlog(tmp_path)
    world.begin()
    world.spec("0001-first.md", verification=row.verification)
    base = world.head()
    told = world.backlog(
        "--max-attempts-per-spec", "1", *row.options, agent=world.agent(row.implement, row.verify), status=4
    ).stdout

    assert world.done("0001-first.md") is None
    assert world.head() == base and git("status", "--porcelain", cwd=world.project) == ""
    run = world.last()
    assert run.status == "exhausted"
    told += (run.failure_reason or "") + world.log()
    assert row.why in told
    assert world.status()["0001-first.md"]["state"] == "exhausted"


TEST = "from shop import price\\n\\ndef test_price():\\n    assert price() == 1\\n"
WEAKEN = "sed -i 's/== 1/!= 7/' tests/test_price.py\n"
PROTECTED = r"""
printf '{"v": 1, "reviewer": "verifier", "commit": "%s", "criteria": [{"n": 1, "met": true, "kind": "code",
  "where": "done-0001.txt", "why": "seen"}], "protected": [{"path": "tests/test_price.py", "asked": ASKED,
  "quote": "QUOTE"}], "issues": []}' "$FABRIK_COMMIT" > "$FABRIK_REPORT"
"""


@pytest.mark.parametrize(
    ("asked", "quote", "contract", "accepted"),
    [
        ("true", "tests/test_price.py may say anything but 7", "", True),
        ("true", "tests/test_price.py may say whatever it likes", YES, False),
        ("false", "", YES, False),
        (None, "", YES, False),
    ],
    ids=["quoted", "misquoted", "not asked for", "the contract alone"],
)
def test_a_weakened_test_needs_the_words_of_the_spec(
    asked: str | None, quote: str, contract: str, accepted: bool, tmp_path: Path
) -> None:
    world = Backlog(tmp_path)
    world.begin()
    (world.project / "tests").mkdir()
    (world.project / "tests" / "test_price.py").write_text(TEST.replace("\\n", "\n"))
    git("add", "-A", cwd=world.project)
    git("commit", "-q", "-m", "Test", cwd=world.project)
    world.spec("0001-first.md", more="\n## Notes\ntests/test_price.py may say anything but 7 now.\n")
    answer = PROTECTED.replace("ASKED", asked).replace("QUOTE", quote) if asked else ""
    agent = world.agent(WEAKEN + WORK + f'say "{HASH}"', answer + contract)
    world.backlog("--max-attempts-per-spec", "1", agent=agent, status=0 if accepted else 4)
    assert (world.done("0001-first.md") is not None) == accepted
