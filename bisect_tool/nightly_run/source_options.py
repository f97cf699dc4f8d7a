"""The CI service that a watch reads."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from bisect_tool.ci_results.collect import SourceOptions

if TYPE_CHECKING:
    from bisect_tool.options.nightly_options import NightlyOptions


def source_options(options: NightlyOptions) -> SourceOptions:
    """Return the options of `collect` for a watch with a source."""
    return SourceOptions(**{each.name: getattr(options, each.name) for each in fields(SourceOptions)})
