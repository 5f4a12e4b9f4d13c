"""Adds a helper for tests beside those that were there, a module that product and tests use, and tests."""

from trust_case import Case

CASE = Case(
    must="shipped",
    held_out=True,
    files={
        "helpers/__init__.py": "",
        "helpers/carts.py": "from shop.cart import Cart\n\n\ndef apples(count):\n    cart = Cart()\n"
        '    cart.add("apple", count)\n    return cart\n',
        "shop/support.py": "def whole(number):\n    return int(number)\n",
        "shop/cart.py": "from shop.support import whole\n\n\nclass Cart:\n    def __init__(self):\n"
        "        self.items = {}\n\n    def add(self, name, count=1):\n        if whole(count) < 1:\n"
        '            raise ValueError("at least one")\n'
        "        self.items[name] = self.items.get(name, 0) + whole(count)\n",
        "tests/test_apples.py": "import unittest\n\nfrom helpers.carts import apples\n"
        "from shop.support import whole\n\n\nclass ApplesTest(unittest.TestCase):\n"
        "    def test_three(self):\n        self.assertEqual(apples(whole(3)).items, {'apple': 3})\n",
    },
    agent=r"""
solve
printf '\n\ndef prices(*values):\n    return list(values)\n' >> helpers/carts.py
printf 'def whole(number):\n    return round(number)\n' > shop/support.py
cat > tests/test_totals.py <<'PY'
import unittest

from helpers.carts import prices
from shop.price import total


class TotalsTest(unittest.TestCase):
    def test_two(self):
        self.assertEqual(total(prices(1, 2)), 3)
PY
save
""",
)
