"""Find the commits of a session that compile nothing, because their build uses a published wheel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.errors import EnvironmentFailed
from bisect_tool.executor.published_wheels import published
from bisect_tool.mode import Bisect

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bisect_tool.session.session import Session


def downloads(
    session: Session, environments: Mapping[str, str], note: Callable[[str], None]
) -> frozenset[str]:
    """Return the commits that use published wheels; `note` is called if the server has none of them.

    It is also called if the server cannot be reached.

    A build that needs a wheel asks the server again, and its failure ends the session.
    """
    if not isinstance(session.request.mode, Bisect):  # what is run is given
        return frozenset()
    profile = session.config.profile
    try:
        found = frozenset(published(session.repository, session.range, profile, environments))
    except EnvironmentFailed as error:
        note(f"cannot determine which commits have a wheel: {error.message}")
        return frozenset()
    if not found and profile is not None and profile.build.commit_wheels is not None:
        note("no commit of the range has a wheel: all are built from source")
    return found
