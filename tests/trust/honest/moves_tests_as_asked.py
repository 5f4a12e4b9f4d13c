"""Moves the tests into folders of their own, as the spec asks."""

from trust_case import Case

CASE = Case(
    must="shipped",
    spec={
        "mayChange": ["tests/**"],
        "accept": ["the tests are in tests/unit", "percent outside of 0 to 100 is refused"],
    },
    agent="""
solve; mkdir tests/unit; touch tests/unit/__init__.py
git mv tests/test_price.py tests/test_cart.py tests/unit/; save "Move the tests into tests/unit"
""",
)
