"""Find the sessions that a watch began under an earlier name: what they found is not new. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from bisect_tool.options.watches import Watch
    from bisect_tool.watch.past_sessions import PastSession


def former_names(
    watch: Watch, past: Sequence[PastSession], looks_at_the_same: Callable[[PastSession], bool]
) -> tuple[str, ...]:
    """The names that a watch had before, the latest first.

    A name is one of them if it looked at the same, no watch has it by now, and it began no session since this
    watch began its first one: else both go on side by side.

    Args:
        watch: the watch by its name of today.
        past: the sessions of its branch, oldest first.
        looks_at_the_same: whether a session has the check, or is about the cells, of the watch.
    """
    first = next((at for at, each in enumerate(past) if each.belongs_to(watch.name)), len(past))
    others = {*watch.beside, *(each.watch for each in past[first:]), watch.name, ""}
    names = dict.fromkeys(each.watch for each in reversed(past[:first]) if looks_at_the_same(each))
    return tuple(name for name in names if name not in others)


def renamed(past: Iterable[PastSession], former: Collection[str], name: str) -> tuple[PastSession, ...]:
    """The sessions, with those of former names as if the watch had begun them under its name of today."""
    return tuple(_renamed(each, name) if each.watch in former else each for each in past)


def _renamed(past: PastSession, name: str) -> PastSession:
    watched = past.request.watched
    assert watched is not None
    cells = tuple((name, *cell[1:]) for cell in watched.cells)
    now = watched.model_copy(update={"name": name, "cells": cells})
    return replace(past, request=past.request.model_copy(update={"watched": now}))
