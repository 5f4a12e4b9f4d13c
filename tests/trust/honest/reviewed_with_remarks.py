"""Is approved with remarks, which are for people and not to be mended."""

from trust_case import Case
from trust_reviewers import reviewers

BODY = """
approve(issues=["shop/price.py:4: a longer name would do no harm"])
"""

CASE = Case(
    must="shipped",
    reviewers=reviewers(BODY),
    agent="""
solve; save
""",
)
