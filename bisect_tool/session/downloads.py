"""Which commits of a session compile nothing, because a published wheel serves their build."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.errors import EnvironmentFailed
from bisect_tool.executor.published import published
from bisect_tool.mode import Bisect

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bisect_tool.session.session import Session


def downloads(
    session: Session, environments: Mapping[str, str], note: Callable[[str], None]
) -> frozenset[str]:
    """These commits are cheaper to run; `note` gets a sentence if the server of wheels does not say which.

    A build that then needs a wheel asks again, and ends the session if the server does not answer.
    """
    if not isinstance(session.request.mode, Bisect):  # what is run is given
        return frozenset()
    try:
        return frozenset(published(session.repository, session.range, session.config.profile, environments))
    except EnvironmentFailed as error:
        note(f"it is not known which commits have a wheel: {error.message}")
        return frozenset()
