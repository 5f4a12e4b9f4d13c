"""Is reviewed by somebody who needs a second try to write a valid report."""

from trust_case import Case
from trust_reviewers import reviewers

BODY = """
if WHO == "security" and not STEP.endswith("/repair"):
    pathlib.Path(REPORT).write_text("Looks good to me!")
else:
    sound()
"""

CASE = Case(
    must="shipped",
    reviewers=reviewers(BODY),
    agent="""
solve; save
""",
)
