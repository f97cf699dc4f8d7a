"""Find the sessions that a watch started under a former name: their causes are not new. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from bisect_tool.nightly_run.past_sessions import PastSession
    from bisect_tool.options.watches import Watch


def former_names(
    watch: Watch, past: Sequence[PastSession], is_same: Callable[[PastSession], bool]
) -> tuple[str, ...]:
    """Return the former names of a watch, latest first.

    A name is a former one if it had the same check or cells, no watch has it now, and it started no session
    after the first one of this watch: otherwise both exist side by side.

    Args:
        watch: the watch under its current name.
        past: the sessions of its branch, oldest first.
        is_same: whether a session has the check, or is about the cells, of the watch.
    """
    first = next((at for at, each in enumerate(past) if each.belongs_to(watch.name)), len(past))
    others = {*watch.names_in_file, *(each.watch for each in past[first:]), watch.name, ""}
    names = dict.fromkeys(each.watch for each in reversed(past[:first]) if is_same(each))
    return tuple(name for name in names if name not in others)


def renamed(past: Iterable[PastSession], former: Collection[str], name: str) -> tuple[PastSession, ...]:
    """Return the sessions, with former names of the watch replaced by its current one."""
    return tuple(_renamed(each, name) if each.watch in former else each for each in past)


def _renamed(past: PastSession, name: str) -> PastSession:
    watched = past.request.watched
    assert watched is not None
    cells = tuple((name, *cell[1:]) for cell in watched.cells)
    now = watched.model_copy(update={"name": name, "cells": cells})
    return replace(past, request=past.request.model_copy(update={"watched": now}))
