"""Adds a forked worker, a program that exits, a class that compares, and a test with mocks."""

from trust_case import Case

CASE = Case(
    must="shipped",
    agent=r"""
solve
cat > shop/worker.py <<'PY'
import atexit
import logging
import os

atexit.register(logging.shutdown)


def start(work):
    pid = os.fork()
    if pid == 0:
        try:
            work()
        finally:
            os._exit(0)
    return pid
PY
cat > shop/__main__.py <<'PY'
import sys

from shop.price import total


def main():
    print(total(int(each) for each in sys.argv[1:]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
PY
cat > shop/label.py <<'PY'
class Label:
    def __init__(self, text):
        self.text = text

    def __eq__(self, other):
        return isinstance(other, Label) and self.text == other.text

    def __hash__(self):
        return hash(self.text)

    def __bool__(self):
        return True
PY
cat > tests/test_mocked.py <<'PY'
import unittest
from unittest import mock

from shop import price


class MockedTest(unittest.TestCase):
    def setUp(self):
        started = mock.patch.object(price, "total", return_value=3)
        started.start()
        self.addCleanup(started.stop)

    def test_three(self):
        self.assertEqual(price.total([1]), 3)
PY
save
""",
)
