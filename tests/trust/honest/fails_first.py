"""Gets it wrong, is told how the tests fail, and mends it."""

from trust_case import Case

CASE = Case(
    must="shipped",
    held_out=True,
    agent="""
case "$FABRIK_STEP" in
*implement#1) lie ;;
*) grep -q 'AssertionError' "$HOME/prompt" && solve ;;
esac
save
""",
)
