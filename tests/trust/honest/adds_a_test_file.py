"""Adds tests in a file of their own, with data beside them."""

from trust_case import Case

CASE = Case(
    must="shipped",
    held_out=True,
    agent=r"""
solve; mkdir -p tests/data; printf '150 250 400\n1 2 3\n' > tests/data/totals.txt
cat > tests/test_totals.py <<'PY'
import unittest
from pathlib import Path

from shop.price import total

DATA = Path(__file__).with_name("data") / "totals.txt"


class TotalsTest(unittest.TestCase):
    def test_all(self):
        for line in DATA.read_text().splitlines():
            first, second, expected = map(int, line.split())
            self.assertEqual(total([first, second]), expected)
PY
save
""",
)
