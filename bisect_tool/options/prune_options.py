"""The options of `prune`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from bisect_tool.options.shared_options import AsJson

_MAX_DAYS = 36500


@dataclass(frozen=True, kw_only=True)
class PruneOptions:
    """How old and how large things may be, and whether anything is removed."""

    older_than: Annotated[
        float,
        typer.Option(
            "--older-than",
            metavar="DAYS",
            min=0,
            max=_MAX_DAYS,
            help="Remove everything that has not been used for this many days.",
        ),
    ] = 30.0
    max_size: Annotated[
        str | None,
        typer.Option(
            "--max-size",
            metavar="SIZE",
            help="Then remove the least recently used data until at most SIZE (such as 50G) is left.",
            show_default=False,
        ),
    ] = None
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be removed, and remove nothing.")
    ] = False
    as_json: AsJson = False
