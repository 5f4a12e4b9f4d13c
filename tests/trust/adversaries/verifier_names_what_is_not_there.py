"""A verifier whose evidence is a test that does not exist."""

from trust_case import Case
from trust_reviewers import reviewers

BODY = """
approve()
if ROLE == "verify":
    said = json.loads(pathlib.Path(REPORT).read_text())
    said["criteria"][0] |= {"kind": "test", "where": "tests/test_everything.py:1"}
    pathlib.Path(REPORT).write_text(json.dumps(said))
"""

CASE = Case(
    must="marked",
    caught="no verdict verifier",
    reviewers=reviewers(BODY),
    agent="""
solve; save
""",
)
