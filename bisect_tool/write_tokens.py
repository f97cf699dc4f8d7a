"""Keep the secrets for posting and for starting CI jobs out of the environment while a command runs.

Code that reads logs, runs tests or starts programs cannot see them; code that posts or starts jobs gets them
here. The kernel still shows programs of the same user the environment that this process was started with.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, MutableMapping

BUILDKITE: Final = "BISECT_RUN_BUILDKITE_WRITE_TOKEN"
GITHUB: Final = "BISECT_RUN_GITHUB_WRITE_TOKEN"
WEBHOOK: Final = "BISECT_RUN_SLACK_WEBHOOK"
NAMES: Final = frozenset({BUILDKITE, GITHUB, WEBHOOK})
_removed: dict[str, str] = {}


@contextmanager
def removed_from(environ: MutableMapping[str, str]) -> Iterator[None]:
    """Remove the write tokens from the environment, and restore them at the end."""
    _removed.update((name, environ.pop(name)) for name in NAMES & environ.keys())
    try:
        yield
    finally:
        environ.update(_removed)
        _removed.clear()


def with_write_tokens(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment with the write tokens, for code that posts, starts jobs or masks secrets."""
    return {**environ, **_removed}
