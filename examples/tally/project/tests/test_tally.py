import subprocess
import sys
import unittest


def tally(text, *options):
    return subprocess.run(
        [sys.executable, "-m", "tally", *options], input=text, capture_output=True, text=True, check=False
    )


class Tally(unittest.TestCase):
    def test_counts_and_adds_up(self):
        self.assertEqual(tally("4\n1\n3\n").stdout, "count 3\nsum 8\n")

    def test_one_figure_alone(self):
        self.assertEqual(tally("4\n1\n", "--count").stdout, "2\n")
        self.assertEqual(tally("4\n0.5\n", "--sum").stdout, "4.5\n")

    def test_what_is_no_number(self):
        self.assertEqual(tally("four\n").returncode, 1)


if __name__ == "__main__":
    unittest.main()
