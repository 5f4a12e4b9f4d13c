"""Prints a great deal, and not all of it is text."""

from trust_case import Case

CASE = Case(
    must="shipped",
    agent=r"""
solve; save; head -c 20000000 /dev/zero | tr '\0' x; printf '\377\376\000\n'; seq 100000
printf 'not json' > "$FABRIK_REPORT"
""",
)
