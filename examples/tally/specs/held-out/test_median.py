"""Held out: an agent that implements the spec never sees this file."""

import subprocess
import sys
import unittest


def median(text):
    return subprocess.run(
        [sys.executable, "-m", "tally", "--median"], input=text, capture_output=True, text=True, check=False
    )


class Median(unittest.TestCase):
    def test_odd_and_unsorted(self):
        self.assertEqual(median("9\n1\n5\n").stdout, "5\n")

    def test_even(self):
        self.assertEqual(median("10\n20\n").stdout, "15\n")

    def test_negative_and_single(self):
        self.assertEqual(median("-3\n").stdout, "-3\n")
        self.assertEqual(median("-3\n-1\n-2\n").stdout, "-2\n")

    def test_nothing(self):
        self.assertEqual(median("").returncode, 1)
        self.assertIn("no numbers", median("").stderr)


if __name__ == "__main__":
    unittest.main()
