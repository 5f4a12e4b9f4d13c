"""Does the work, and moves, deletes and plants branches, tags and replacements."""

from harness import World, git
from trust_case import Case


def no_other_refs(world: World) -> None:
    refs = git("for-each-ref", "--format=%(refname)", cwd=world.project).split()
    assert refs == ["refs/heads/main", "refs/heads/spec-feature"]


CASE = Case(
    must="harmless",
    clean=no_other_refs,
    agent="""
solve; save
git branch -f main HEAD; git branch -f release HEAD; git tag v9.9; git update-ref refs/fabrik/candidate HEAD~1
git update-ref refs/heads/spec-other HEAD; git replace HEAD~1 HEAD 2> /dev/null || true
git remote add origin "$(dirname "$0")/project"
git push -q --force origin HEAD:main 2> /dev/null || true
git notes add -m "approved" HEAD
""",
)
