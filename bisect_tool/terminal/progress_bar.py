"""A progress bar with an ETA over a sequence, on stderr if it is a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bisect_tool.terminal import writer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


Item = TypeVar("Item")


def counting(items: Sequence[Item], noun: str) -> Iterator[Item]:
    """Yield the items with a progress bar, which is shown only on a terminal."""
    console = writer.stderr()
    bar = Progress(
        TextColumn(noun),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with bar:
        yield from bar.track(items)
