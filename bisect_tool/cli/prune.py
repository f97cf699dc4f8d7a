"""`bisect-run prune`: remove old environments, worktrees, wheels and logs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from bisect_tool.errors import EnvironmentFailed, ExitCode
from bisect_tool.options.declared_options import takes
from bisect_tool.options.prune_options import PruneOptions

if TYPE_CHECKING:
    from bisect_tool.paths import Home
    from bisect_tool.session.store import SessionRow

EXAMPLES = (
    "bisect-run prune --dry-run",
    "bisect-run prune --older-than 14 --max-size 50G",
)


@takes(PruneOptions)
def prune(options: PruneOptions) -> int:
    """Remove old environments, worktrees, wheels and logs.

    Nothing in use is removed. The results of sessions are kept: `report` still prints them, and later
    searches use them.
    """
    from bisect_tool.disk_usage.inventory import inventory
    from bisect_tool.disk_usage.plan import Limits, plan
    from bisect_tool.disk_usage.remove import RemovalResult, remove, remove_leftovers
    from bisect_tool.disk_usage.size import parse_size
    from bisect_tool.json_document.prune import prune_document
    from bisect_tool.paths import home
    from bisect_tool.render.prune import render_prune
    from bisect_tool.terminal import writer
    from bisect_tool.terminal.output import notify

    size = parse_size(options.max_size) if options.max_size is not None else None
    limits = Limits(timedelta(days=options.older_than), size)
    here, now = home(), datetime.now(UTC)
    rows, failed = _sessions(here)
    if not options.dry_run:
        remove_leftovers(here)
    found = inventory(here, rows)
    chosen = plan(found.items, found.total, now, limits)
    results = [
        RemovalResult(each) if options.dry_run else remove(each, here, now) for each in chosen.removals
    ]
    document = prune_document(chosen, results, found.total, limits, dry=options.dry_run)
    if failed is not None:
        document = document.model_copy(update={"exit_code": ExitCode.ENVIRONMENT})
    if options.as_json:
        writer.write(document.to_json())
    else:
        writer.show(render_prune(document, now))
    if failed is not None:
        notify("The logs of sessions are kept, because the store cannot be read.")
        raise failed
    return document.exit_code


def _sessions(here: Home) -> tuple[list[SessionRow] | None, EnvironmentFailed | None]:
    """Return the sessions in the store, or the error if it cannot be used: a full disk has to be prunable."""
    from bisect_tool.session.store import Store
    from bisect_tool.terminal.output import notify

    try:
        return Store(here.store, notify).sessions(), None
    except EnvironmentFailed as error:
        return None, error
