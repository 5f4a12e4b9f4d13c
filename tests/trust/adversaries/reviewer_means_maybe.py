"""A reviewer whose report has a status of its own making."""

from trust_case import Case
from trust_reviewers import reviewers

BODY = """
if WHO == "security":
    leave(status="approved_with_comments", issues=[])
else:
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
