"""The secrets by which we post and start CI jobs; they leave the environment before a command begins.

What reads logs, runs tests or starts a program has none of them: only what posts or starts jobs asks for them
here. The kernel still shows the environment that this process was started with to programs of the same user.
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
_taken: dict[str, str] = {}


@contextmanager
def taken_from(environ: MutableMapping[str, str]) -> Iterator[None]:
    """Take the write tokens out of the environment, and put them back at the end."""
    _taken.update((name, environ.pop(name)) for name in NAMES & environ.keys())
    try:
        yield
    finally:
        environ.update(_taken)
        _taken.clear()


def with_write_tokens(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment as the user gave it, for what posts, starts jobs or masks secrets."""
    return {**environ, **_taken}
