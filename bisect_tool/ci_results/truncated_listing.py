"""Read a listing that a service truncates, by requesting older entries separately."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bisect_tool.ci_results.answer import Answer, Time, UnexpectedAnswer, read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

_SECOND = timedelta(seconds=1)


class Entry(Answer):
    """The creation time of an entry."""

    created_at: Time = None


def windowed(
    pages: Callable[[datetime | None], Iterable[list[Any]]], limit: int, identity: str
) -> Iterator[Any]:
    """Yield all entries of a listing, each once.

    If a listing reaches the limit, the next request asks for entries created up to the oldest time so far. A
    second is added, since services differ in whether that time is included.

    Args:
        pages: lists entries, those created before a time if one is given.
        limit: how many entries a listing has at most.
        identity: the field that identifies an entry.

    Raises:
        UnexpectedAnswer: the rest cannot be listed, since the entries' times are missing or all equal.
    """
    seen: set[str] = set()
    until: datetime | None = None
    while True:
        listed, times = 0, []
        for page in pages(until):
            listed += len(page)
            for entry in page:
                mark = str(entry.get(identity)) if isinstance(entry, dict) else repr(entry)
                if mark not in seen:
                    seen.add(mark)
                    times.append(_created(entry))
                    yield entry
        if listed < limit:
            return
        known = [time for time in times if time is not None]
        if not known or (until is not None and min(known) + _SECOND >= until):
            raise UnexpectedAnswer(
                f"a listing of {limit} entries cannot be continued: their times are missing or all the same"
            )
        until = min(known) + _SECOND


def _created(entry: Any) -> datetime | None:  # noqa: ANN401 - JSON
    return read(Entry, entry, "").created_at if isinstance(entry, dict) else None
