"""Does what the spec says, in one commit."""

from trust_case import Case

CASE = Case(
    must="shipped",
    agent="""
solve; save
""",
)
