"""The CI service that a watch reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.sources.collect import SourceOptions

if TYPE_CHECKING:
    from bisect_tool.options.nightly_options import NightlyOptions


def source_options(options: NightlyOptions) -> SourceOptions:
    """Return the options of `collect` for a watch with a source."""
    assert options.source is not None
    return SourceOptions(
        options.source,
        options.pipeline,
        options.repository,
        options.workflow,
        options.job,
        options.branch,
        options.message,
        options.trigger,
        options.exclude_env,
        options.compare_env,
        options.days,
    )
