"""The tables of the page `docs/night-cost.md`, between two comments of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.night_cost.rows import NOISES, Row
from benchmarks.search.output import table
from bisect_tool.expected_cost import Interval

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.search.problem import Noise

BEGIN, END = "<!-- begin of the tables -->", "<!-- end of the tables -->"
_HEAD = ("tool", "slots", "right", "trials", "wall time, h", "p10-p90", "GPU-hours", "p10-p90")


def tables(found: Mapping[Noise, Sequence[Row]]) -> str:
    """A heading and a table for each noise."""
    parts = [f"### {title(noise)}\n\n{table(_HEAD, map(cells, rows))}" for noise, rows in found.items()]
    return "\n\n".join(parts)


def title(noise: Noise) -> str:
    """Such as `Bad commits always fail`."""
    if (noise.p_fail_bad, noise.p_fail_good) == (1, 0):
        return "Bad commits always fail, good ones never"
    return f"Bad commits fail in {noise.p_fail_bad:.0%} of the runs, good ones in {noise.p_fail_good:.0%}"


def cells(row: Row) -> tuple[str, ...]:
    """The cells of a row."""
    return (
        row.tool,
        str(row.slots),
        f"{row.right:.2f}",
        f"{row.trials:.1f}",
        *_hours(row.wall),
        *_hours(row.gpus),
    )


def parse(page: str) -> dict[Noise, list[Row]]:
    """The rows of a page: the inverse of `tables`."""
    sections = tables_of(page).split("### ")[1:]
    return {noise: _rows(text) for noise, text in zip(NOISES, sections, strict=True)}


def _rows(text: str) -> list[Row]:
    lines = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("|")]
    return [
        Row(tool, int(slots), float(right), float(trials), _interval(wall, between), _interval(gpus, spread))
        for tool, slots, right, trials, wall, between, gpus, spread in lines[2:]
    ]


def _interval(mean: str, between: str) -> Interval:
    low, high = between.split(" to ")
    return Interval(float(mean), float(low), float(high))


def with_tables(page: str, text: str) -> str:
    """The page with its tables replaced; raises ValueError where it lacks the comments."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the page lacks {BEGIN} or {END}")
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{after}"


def tables_of(page: str) -> str:
    """The tables of a page."""
    return page.partition(BEGIN)[2].partition(END)[0].strip()


def _hours(interval: Interval) -> tuple[str, str]:
    return f"{interval.mean:.2f}", f"{interval.low:.2f} to {interval.high:.2f}"
