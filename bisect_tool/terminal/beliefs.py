"""Render the posterior of each open cell: its likeliest commits, as a bar and as text."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING

from rich.text import Text

from bisect_tool.format import count, percent, short
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bisect_tool.planner import Belief

_LINES = 4
_NAMED = 3
_SUSPECT = 0.05
"""From this chance on a commit is named: before, it is one of many."""
_BAR = 24
_INK = (("█", "red"), ("▓", "red"), ("▒", "red"))
_FLAKY = ("░", "yellow")
_LABEL_LIMIT = 60


def render_beliefs(beliefs: Sequence[Belief]) -> list[Text]:
    """Render one line for all cells with the same posterior; further lines are counted."""
    groups = _groups(beliefs)
    names = [_name(group, beliefs) for group in groups[:_LINES]]
    width = max(map(len, names), default=0)
    lines = [
        Text.assemble(f"  {name:<{width}}  ", _bar(group[0]), f"  {_text_of(group[0], '  ', '  | ')}")
        for name, group in zip(names, groups, strict=False)
    ]
    more = sum(len(group) for group in groups[_LINES:])
    return [*lines, Text(f"  and {count(more, 'cell')} more", "dim")] if more else lines


def belief_line(beliefs: Sequence[Belief]) -> str:
    """Format the posteriors as one plain line."""
    groups = _groups(beliefs)
    return "; ".join(f"{_name(group, beliefs)}: {_text_of(group[0], ', ', ', ')}" for group in groups)


def _groups(beliefs: Sequence[Belief]) -> list[list[Belief]]:
    groups: dict[object, list[Belief]] = {}
    for belief in beliefs:
        groups.setdefault((belief.top, belief.flaky), []).append(belief)
    return list(groups.values())


def _name(group: Sequence[Belief], beliefs: Sequence[Belief]) -> str:
    """Return the first cell of a group without the prefix that all share; node ids are not shortened."""
    plain = not any("/" in belief.cell or "::" in belief.cell for belief in beliefs)
    name = group[0].cell.removeprefix(_beginning(beliefs) if plain else "")
    others = f" and {len(group) - 1} more" if len(group) > 1 else ""
    return clean_line(name, _LABEL_LIMIT) + others


def _beginning(beliefs: Sequence[Belief]) -> str:
    words = [belief.cell.partition("[")[0].split("_")[:-1] for belief in beliefs]
    shared = [each[0] for each in takewhile(lambda each: len(set(each)) == 1, zip(*words, strict=False))]
    return "".join(f"{word}_" for word in (shared if len(beliefs) > 1 else ["test"]))


def _text_of(belief: Belief, between: str, before_flaky: str) -> str:
    suspects = [
        f"{short(sha)} {percent(chance)}" for sha, chance in belief.top[:_NAMED] if chance >= _SUSPECT
    ]
    most = max((chance for _, chance in belief.top), default=0.0)
    summary = between.join(suspects) or f"no commit above {percent(most)}"
    return f"{summary}{before_flaky}flaky {percent(belief.flaky)}"


def _bar(belief: Belief) -> Text:
    """Draw the posterior as a bar: each suspect's share, then that of all others, then `flaky`."""
    shares = [round(chance * _BAR) for _, chance in belief.top[:_NAMED]]
    flaky = min(round(belief.flaky * _BAR), _BAR)
    bar = Text()
    for (ink, style), share in zip(_INK, shares, strict=False):
        bar.append(ink * min(share, _BAR - flaky - len(bar)), style)
    bar.append("·" * (_BAR - flaky - len(bar)), "dim")
    bar.append(_FLAKY[0] * flaky, _FLAKY[1])
    return bar
