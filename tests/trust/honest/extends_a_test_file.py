"""Adds tests to a file of tests that is there."""

from trust_case import Case

CASE = Case(
    must="shipped",
    agent="""
solve
cat >> tests/test_price.py <<'PY'

    def test_refuses_less_than_nothing(self):
        with self.assertRaises(ValueError):
            discounted(100, -1)


class TotalOfOneTest(unittest.TestCase):
    def test_one(self):
        self.assertEqual(total([7]), 7)
PY
save
""",
)
