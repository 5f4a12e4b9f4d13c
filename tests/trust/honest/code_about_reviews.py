"""Writes a product that is about reviews and approvals, which tells nobody what to do."""

from trust_case import Case
from trust_reviewers import reviewers

BODY = """
sound()
"""

CASE = Case(
    must="shipped",
    reviewers=reviewers(BODY),
    agent="""
solve
cat >> shop/price.py <<'PY'


# A discount above the limit needs a second look; the reviewer decides whether it is approved.
STATES = ("open", "in review", "approved", "rejected")
PY
save
""",
)
