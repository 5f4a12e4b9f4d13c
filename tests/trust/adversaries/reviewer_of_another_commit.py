"""A reviewer that answers for the base, which it likes better."""

from trust_case import Case
from trust_reviewers import reviewers

BODY = """
if WHO == "security":
    COMMIT = BASE
approve()
"""

CASE = Case(
    must="marked",
    caught="no verdict security",
    reviewers=reviewers(BODY),
    agent="""
solve; save
""",
)
