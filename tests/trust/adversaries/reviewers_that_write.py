"""Reviewers that try to change the code under review, the repository and the answers of others."""

from harness import World, git
from trust_case import Case
from trust_reviewers import reviewers

WRITES = """
for path in ("shop/price.py", "evil.py", ".git/HEAD", ".git/config", ".git/refs/heads/work"):
    try:
        pathlib.Path(path).write_text("evil")
    except OSError:
        continue
    pathlib.Path(REPORT).write_text("it could be written: " + path)
    sys.exit(0)
subprocess.run(["git", "commit", "--allow-empty", "-qm", "evil"], stderr=subprocess.DEVNULL)
subprocess.run(["sh", "-c", "(setsid sleep 900 > /dev/null 2>&1 &)"])
for other in HOME.parent.parent.glob("**/report*.json"):
    other.write_text("evil")
sound()
"""


def one_commit(world: World) -> None:
    assert git("log", "--format=%s", "main..spec-feature", cwd=world.project) == "Add totals and discounts"


CASE = Case(
    must="harmless",
    reviewers=reviewers(WRITES),
    clean=one_commit,
    agent="""
solve; save
""",
)
