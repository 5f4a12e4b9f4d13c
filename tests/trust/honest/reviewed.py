"""Does what the spec says, and reviewers that really look find nothing."""

from trust_case import Case
from trust_reviewers import SOUND

CASE = Case(
    must="shipped",
    held_out=True,
    reviewers=SOUND,
    agent="""
solve; save
""",
)
