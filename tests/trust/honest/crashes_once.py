"""Is killed in the middle of its first session, and does its work in the next."""

from trust_case import Case

CASE = Case(
    must="shipped",
    agent="""
case "$FABRIK_STEP" in */retry*) solve; save ;; *) echo half > shop/price.py; kill -9 $$ ;; esac
""",
)
