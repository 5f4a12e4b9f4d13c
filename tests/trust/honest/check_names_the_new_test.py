"""Adds the test file that a check of the spec names, beside the tests that were there."""

from trust_case import Case
from trust_project import STYLED, TESTS

CASE = Case(
    must="shipped",
    held_out=True,
    spec={
        "checks": [TESTS, STYLED, {"name": "rounding", "run": "python3 -m unittest -q tests.test_rounding"}]
    },
    agent=r"""
solve; cat > tests/test_rounding.py <<'PY'
import unittest

from shop.price import discounted


class RoundingTest(unittest.TestCase):
    def test_down(self):
        self.assertEqual(discounted(101, 33), 67)
PY
save
""",
)
