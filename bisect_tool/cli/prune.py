"""`bisect-run prune`: remove environments, worktrees and logs that are old or too many."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bisect_tool.options.declared import takes
from bisect_tool.options.prune_options import PruneOptions

EXAMPLES = (
    "bisect-run prune --dry-run",
    "bisect-run prune --older-than 14 --max-size 50G",
)


@takes(PruneOptions)
def prune(options: PruneOptions) -> int:
    """Remove old environments, worktrees and logs.

    Nothing that a run uses is removed. The results of sessions stay in the store: `report` still prints
    them, and later searches use them.
    """
    from bisect_tool.disk.inventory import inventory
    from bisect_tool.disk.plan import Limits, plan
    from bisect_tool.disk.remove import Ended, remove, remove_leftovers
    from bisect_tool.disk.size import parse_size
    from bisect_tool.paths import home
    from bisect_tool.render.prune import render_prune
    from bisect_tool.results.prune import prune_document
    from bisect_tool.session.store import Store
    from bisect_tool.terminal import terminal
    from bisect_tool.terminal.output import say

    size = parse_size(options.max_size) if options.max_size is not None else None
    limits = Limits(timedelta(days=options.older_than), size)
    here, now = home(), datetime.now(UTC)
    if not options.dry_run:
        remove_leftovers(here)
    found = inventory(here, Store(here.store, say).sessions())
    chosen = plan(found.items, found.total, now, limits)
    ended = [Ended(each) if options.dry_run else remove(each, here, now) for each in chosen.removals]
    document = prune_document(chosen, ended, found.total, limits, dry=options.dry_run)
    if options.as_json:
        terminal.write(document.to_json())
    else:
        terminal.show(render_prune(document, now))
    return document.exit_code
