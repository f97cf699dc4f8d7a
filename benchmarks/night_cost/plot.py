"""Draw wall time and GPU-hours over the number of slots, as SVG: a row of panels for each noise."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from math import ceil, floor, log2, log10
from typing import TYPE_CHECKING

from benchmarks.night_cost.page import title
from benchmarks.night_cost.rows import OURS, SLOTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from benchmarks.night_cost.rows import Row
    from benchmarks.search.problem import Noise
    from bisect_tool.expected_cost import Interval

_WIDTH, _HEIGHT = 300.0, 200.0
_LEFT, _TOP, _BETWEEN, _LABELS = 60.0, 60.0, 260.0, 70.0
_OURS, _PEERS = "#1f6feb", ("#57606a", "#9a6700", "#a40e26")
_STEPS = (1.0, 2.0, 5.0)
_STYLE = (
    "text { font: 12px sans-serif; fill: #24292f } .grid { stroke: #d0d7de } "
    ".peer { stroke-dasharray: 5 3; fill: none } .ours { fill: none; stroke-width: 2 } "
    ".band { fill-opacity: 0.15 }"
)


@dataclass(frozen=True)
class _Panel:
    """The position of a panel, in pixels, and the hours at its lower and upper end."""

    x: float
    y: float
    low: float
    high: float

    def at_slots(self, slots: int) -> float:
        """The x of a number of slots, on a logarithmic axis."""
        return self.x + _WIDTH * log2(slots) / log2(SLOTS[-1])

    def at_hours(self, hours: float) -> float:
        """The y of a number of hours, on a logarithmic axis."""
        share = log10(hours / self.low) / log10(self.high / self.low)
        return self.y + _HEIGHT * (1 - share)


def draw(found: Mapping[Noise, Sequence[Row]]) -> str:
    """The plot as SVG."""
    width = _LEFT + 2 * (_WIDTH + _BETWEEN)
    height = _TOP + len(found) * (_HEIGHT + _LABELS)
    what = "Wall time and GPU-hours of a bisection over the number of slots"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" role="img">',
        f"<title>{what}</title>",
        f"<style>{_STYLE}</style>",
        f'<rect width="{width:.0f}" height="{height:.0f}" fill="white"/>',
    ]
    for number, (noise, rows) in enumerate(found.items()):
        top = _TOP + number * (_HEIGHT + _LABELS)
        parts.append(_text(_LEFT, top - 26, title(noise), style="font-weight: bold"))
        parts += _panel(rows, "wall time, hours", _LEFT, top, lambda row: row.wall)
        right = _LEFT + _WIDTH + _BETWEEN
        parts += _panel(rows, "GPU-hours", right, top, lambda row: row.gpus)
    return "\n".join((*parts, "</svg>", ""))


def _panel(
    rows: Sequence[Row], name: str, x: float, y: float, of: Callable[[Row], Interval]
) -> Iterator[str]:
    hours = [of(row).mean for row in rows] + [of(row).high for row in rows if row.tool == OURS]
    ticks = _ticks(min(hours + [of(row).low for row in rows if row.tool == OURS]), max(hours))
    panel = _Panel(x, y, ticks[0], ticks[-1])
    yield _text(x, y - 8, name)
    for tick in ticks:
        height = panel.at_hours(tick)
        yield f'<path class="grid" d="M{x:.1f} {height:.1f}h{_WIDTH:.0f}"/>'
        yield _text(x - 6, height + 4, f"{tick:g}", "end")
    for slots in SLOTS:
        yield _text(panel.at_slots(slots), y + _HEIGHT + 18, str(slots), "middle")
    yield _text(x + _WIDTH + 12, y + _HEIGHT + 18, "slots")
    yield from _curve([row for row in rows if row.tool == OURS], panel, of)
    yield from _lines(rows, panel, of)


def _curve(ours: Sequence[Row], panel: _Panel, of: Callable[[Row], Interval]) -> Iterator[str]:
    """The mean over the number of slots, in the band from the 10th to the 90th percentile."""

    def points(end: str, rows: Sequence[Row]) -> str:
        places = ((panel.at_slots(row.slots), panel.at_hours(getattr(of(row), end))) for row in rows)
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)

    band = f"{points('low', ours)} {points('high', ours[::-1])}"
    yield f'<polygon class="band" fill="{_OURS}" points="{band}"/>'
    yield f'<polyline class="ours" stroke="{_OURS}" points="{points("mean", ours)}"/>'


def _lines(rows: Sequence[Row], panel: _Panel, of: Callable[[Row], Interval]) -> Iterator[str]:
    """A line for each other tool, and labels beside the panel that do not cover each other."""
    last = [row for row in rows if row.tool == OURS][-1]
    peers = [row for row in rows if row.tool != OURS]
    colours = dict(zip([row.tool for row in peers], _PEERS, strict=True)) | {OURS: _OURS}
    free = panel.y - 20
    for row in sorted((*peers, last), key=lambda row: -of(row).mean):
        height = panel.at_hours(of(row).mean)
        if row.tool != OURS:
            start = f"M{panel.x:.1f} {height:.1f}"
            yield f'<path class="peer" stroke="{colours[row.tool]}" d="{start}h{_WIDTH:.0f}"/>'
        free = max(height + 4, free + 14)
        label = f"{row.tool}: {row.right:.0%} right"
        yield _text(panel.x + _WIDTH + 6, free, label, style=f"fill: {colours[row.tool]}")


def _ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten, from below the lowest value to above the highest; at least two."""
    powers = range(floor(log10(low)), ceil(log10(high)) + 1)
    every = [step * 10.0**power for power in powers for step in _STEPS]
    first = max(number for number, tick in enumerate(every) if tick <= low)
    last = min(number for number, tick in enumerate(every) if tick >= high)
    return every[first : max(last, first + 1) + 1]


def _text(x: float, y: float, text: str, anchor: str = "start", style: str = "") -> str:
    extra = f' style="{style}"' if style else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{extra}>{escape(text)}</text>'
