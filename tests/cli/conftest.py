"""The fixtures of the tests of the commands; what they are stands in ledgers.py."""

from ledgers import books, fabrik

__all__ = ["books", "fabrik"]
