"""Write the tables and the plot of the page `docs/night-cost.md`.

python -m benchmarks.night_cost docs/night-cost.md
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.night_cost import windows
from benchmarks.night_cost.page import tables, title, with_tables
from benchmarks.night_cost.plot import draw
from benchmarks.night_cost.rows import NOISES, rows
from benchmarks.search.output import progress


def main() -> None:
    """Record nights, if a history is given; simulate, and write the page and its plot."""
    asked = _arguments()
    if asked.history is not None:
        windows.write(windows.record(asked.history, asked.cases), windows.RECORDED)
    nights, found = windows.read(), {}
    for noise in NOISES:
        progress(title(noise))
        found[noise] = rows(nights, noise)
    page = with_tables(asked.page.read_text(encoding="utf-8"), tables(found))
    asked.page.write_text(page, encoding="utf-8")
    asked.page.with_suffix(".svg").write_text(draw(found), encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.night_cost", description=(__doc__ or "").split("\n", 1)[0]
    )
    parser.add_argument("page", type=Path, help="the page, beside which the plot is written")
    parser.add_argument("--history", type=Path, help="record the nights of this history first, .jsonl.gz")
    parser.add_argument("--cases", type=Path, help="its known culprits, .json")
    asked = parser.parse_args()
    if (asked.history is None) != (asked.cases is None):
        parser.error("--history and --cases go together")
    return asked


if __name__ == "__main__":
    main()
