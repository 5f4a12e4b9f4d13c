"""A reviewer that dies in the middle of its report, each time."""

from trust_case import Case
from trust_reviewers import reviewers

BODY = """
if WHO == "security":
    pathlib.Path(REPORT).write_text('{"v": 1, "reviewer": "security", "status": "appr')
    os.kill(os.getpid(), 9)
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
