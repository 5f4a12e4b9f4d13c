"""A verifier that is silent about the criterion that is not met."""

from trust_case import Case
from trust_reviewers import reviewers

BODY = """
approve()
if ROLE == "verify":
    said = json.loads(pathlib.Path(REPORT).read_text())
    del said["criteria"][1]
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
