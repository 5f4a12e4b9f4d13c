"""Does its work, and damages the .git of its workspace on the way."""

from trust_case import Case

CASE = Case(
    must="shipped",
    agent="""
solve; save; rm -rf .git/refs .git/HEAD; echo garbage > .git/index; chmod 555 shop
""",
)
