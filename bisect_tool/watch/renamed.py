"""Find what a watch bisected under another name: causes are those of a name. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from bisect_tool.results.nightly import NightlyCell
    from bisect_tool.watch.past_sessions import PastSession


def other_names(
    watch: str, tonight: Collection[str], cells: Iterable[NightlyCell], past: Iterable[PastSession]
) -> Iterator[str]:
    """Yield a sentence about each name under which these cells were bisected before.

    Args:
        watch: the name of the watch.
        tonight: the names of all watches of the night: each of these has causes of its own on purpose.
        cells: those that are new tonight.
        past: the sessions of the branch, oldest first.
    """
    new = {(each.job, each.shard, each.cell, each.environment) for each in cells}
    found: dict[str, str] = {}
    for each in past:
        watched = each.request.watched
        if watched and watched.name not in tonight and not new.isdisjoint(key[1:] for key in watched.cells):
            found[watched.name] = each.id
    for name, session in found.items():
        yield (
            f"watch {clean_line(name)} bisected cells that are new here ({session}): "
            f"a watch that is renamed, as {clean_line(watch)} may have been, reports its causes anew"
        )
