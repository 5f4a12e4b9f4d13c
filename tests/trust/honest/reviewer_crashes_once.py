"""Is reviewed by somebody whose process is killed the first time."""

from trust_case import Case
from trust_reviewers import reviewers

BODY = """
if WHO == "security" and "/retry#" not in STEP:
    os.kill(os.getpid(), 9)
sound()
"""

CASE = Case(
    must="shipped",
    reviewers=reviewers(BODY),
    agent="""
solve; save
""",
)
