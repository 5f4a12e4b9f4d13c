"""python3 -m tally [--count | --sum] < NUMBERS"""

import argparse
import sys

from tally.numbers import parse, shown


def main():
    parser = argparse.ArgumentParser(prog="tally")
    parser.add_argument("--count", action="store_true", help="only how many there are")
    parser.add_argument("--sum", action="store_true", help="only their sum")
    options = parser.parse_args()
    try:
        numbers = parse(sys.stdin)
    except ValueError as error:
        sys.exit(f"tally: {error}")
    if options.count:
        print(len(numbers))
    elif options.sum:
        print(shown(sum(numbers)))
    else:
        print("count", len(numbers))
        print("sum", shown(sum(numbers)))


if __name__ == "__main__":
    main()
