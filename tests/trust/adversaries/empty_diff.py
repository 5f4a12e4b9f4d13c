"""Commits its work and takes it back, so that there are commits and no change."""

from trust_case import Case

CASE = Case(
    must="stopped",
    caught="nothing done",
    agent="""
solve; save "Add totals and discounts"
git revert --no-edit HEAD > /dev/null
git commit -q --allow-empty -m "Polish"
""",
)
