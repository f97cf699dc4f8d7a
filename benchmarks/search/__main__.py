"""The whole comparison: `python -m benchmarks.search`; see benchmarks/README.md."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.search import checks, choice, culprits, nights, noise, slots, stated
from benchmarks.search.output import show
from benchmarks.search.size import FULL, QUICK


def main() -> None:
    """Print every table, or the chosen rows of one."""
    asked = _arguments()
    size = QUICK if asked.quick else FULL
    if asked.rows:
        show("Noise", noise.report(size, [noise.ROWS[row - 1] for row in asked.rows]))
        return
    if asked.nights:
        show("Nights", nights.report(size))
        return
    if asked.stated:
        show("Stated confidence", stated.report(size))
        return
    show("Noise", noise.report(size), checks.report(size))
    show("Stated confidence", stated.report(size))
    show("Nights", nights.report(size))
    if asked.history:
        show("Known culprits", culprits.report(size, asked.history, asked.cases))
    show("Slots", slots.report(size))
    show("Choosing", choice.report(size))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke test of about a minute")
    numbers = range(1, len(noise.ROWS) + 1)
    words = "only these rows of the table of noise"
    parser.add_argument("--rows", type=int, nargs="+", choices=numbers, metavar="N", help=words)
    parser.add_argument("--nights", action="store_true", help="only the table of nights that are known")
    parser.add_argument("--stated", action="store_true", help="only the table of stated confidence")
    parser.add_argument("--history", type=Path, help="a real history, .jsonl.gz")
    parser.add_argument("--cases", type=Path, help="its known culprits, .json")
    asked = parser.parse_args()
    if (asked.history is None) != (asked.cases is None):
        parser.error("--history and --cases go together")
    return asked


if __name__ == "__main__":
    main()
