"""Check the options of a watch that say which results of others are read."""

from __future__ import annotations

from typing import Final

from bisect_tool.errors import UsageError
from bisect_tool.options.nightly_options import NightlyOptions

OF_SOURCE: Final = (
    "pipeline",
    "repository",
    "workflow",
    "branch",
    "message",
    "trigger",
    "exclude_env",
    "compare_env",
    "days",
)
"""Need --source."""


def check_results(options: NightlyOptions, where: str = "") -> None:
    """Refuse what has no meaning without the results that it chooses from; `where` begins the message.

    Raises:
        UsageError: an option needs another one.
    """
    if options.source is None:
        given = [name for name in OF_SOURCE if getattr(options, name) != getattr(NightlyOptions, name)]
        if given:
            flag = given[0].replace("_", "-")
            raise UsageError(f"{where}--{flag} needs --source", "Add --source buildkite or --source github.")
    if options.job and not options.observes:
        raise UsageError(f"{where}--job needs --source or --results", "It chooses from results of others.")
