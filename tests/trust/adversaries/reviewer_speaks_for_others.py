"""A reviewer that leaves the report of another, and none of its own."""

from trust_case import Case
from trust_reviewers import reviewers

BODY = """
if WHO == "security":
    WHO = "correctness-guarantees"
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
