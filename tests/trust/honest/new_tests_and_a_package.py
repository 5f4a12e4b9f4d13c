"""Adds tests in a new package and a target that runs them, where the spec asks for all tests."""

from trust_case import Case
from trust_project import STYLED

CASE = Case(
    must="shipped",
    held_out=True,
    files={"Makefile": "test:\n\tpython3 -m unittest discover -q\n"},
    spec={"checks": ["make test", STYLED, "python3 -m unittest discover -q -s tests -t ."]},
    agent=r"""
solve; mkdir tests/more
echo 'from shop.price import total' > tests/more/__init__.py
cat > tests/more/test_more.py <<'PY'
import unittest

from tests.more import total


class MoreTest(unittest.TestCase):
    def test_more(self):
        self.assertEqual(total([5, 6]), 11)
PY
printf '\ntest-more:\n\tpython3 -m unittest -q tests.more.test_more\n' >> Makefile
save
""",
)
