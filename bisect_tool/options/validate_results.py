"""Reject empty paths of a watch, and options that select results if it reads none."""

from __future__ import annotations

from dataclasses import fields
from typing import Final

from bisect_tool.errors import UsageError
from bisect_tool.options.nightly_options import NightlyOptions, ResultOptions

NEEDS_SOURCE: Final = tuple(
    each.name for each in fields(ResultOptions) if each.name not in ("results", "source", "job")
)
"""The options that need --source; `job` also selects from --results."""
_NEVER_EMPTY: Final = ("repo", "results", "out")
"""An empty path is the current directory."""


def validate_result_options(options: NightlyOptions, where: str = "") -> None:
    """Reject options that select results, if none are read; error messages start with `where`.

    Raises:
        UsageError: an option is empty, or needs another one.
    """
    for name in _NEVER_EMPTY:
        value = getattr(options, name)
        if "" in (value if isinstance(value, tuple) else (value,)):
            raise UsageError(
                f"{where}--{name} is empty", "Give it a value or leave it out. Is a shell variable unset?"
            )
    if options.source is None:
        given = [name for name in NEEDS_SOURCE if getattr(options, name) != getattr(NightlyOptions, name)]
        if given:
            flag = given[0].replace("_", "-")
            raise UsageError(f"{where}--{flag} needs --source", "Add --source buildkite or --source github.")
    if options.job and not options.observes:
        raise UsageError(f"{where}--job needs --source or --results", "Add one of them, or remove --job.")
