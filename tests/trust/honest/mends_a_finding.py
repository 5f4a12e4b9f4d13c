"""Is sent back once by a reviewer, mends what was found, and ships."""

from trust_case import Case
from trust_reviewers import SOUND

CASE = Case(
    must="shipped",
    reviewers=SOUND,
    agent="""
case "$FABRIK_STEP" in
task/1/*) solve; sed -i 's/not 0 <= percent <= 100/percent > 100/' shop/price.py ;;
*) solve ;;
esac
save
""",
)
