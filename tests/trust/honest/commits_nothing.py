"""Leaves its work uncommitted, and says nothing."""

from trust_case import Case

CASE = Case(
    must="shipped",
    held_out=True,
    agent="""
solve
""",
)
