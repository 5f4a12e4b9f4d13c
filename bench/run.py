"""`make bench`: every figure beside its bound. `python -m bench.run [NAME…]` measures some of them."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from bench import checkpoints, dead_time, flood, listing, loop, many, reviews, trust

MEASUREMENTS = {
    "dead-time": dead_time.measure,
    "trust": trust.measure,
    "reviews": reviews.measure,
    "loop": loop.measure,
    "runs-list": listing.measure,
    "flood": flood.measure,
    "fifty": many.measure,
    "checkpoints": checkpoints.measure,
}


def main(names: list[str]) -> int:
    """Exit status 1 when a figure is over its bound."""
    if unknown := [name for name in names if name not in MEASUREMENTS]:
        print(f"unknown: {', '.join(unknown)} (known: {', '.join(MEASUREMENTS)})", file=sys.stderr)
        return 2
    held = True
    for name in names or MEASUREMENTS:
        with tempfile.TemporaryDirectory(prefix=f"fabrik-bench-{name}-") as directory:
            for figure in MEASUREMENTS[name](Path(directory)):
                print(figure, flush=True)
                held = held and figure.holds
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
