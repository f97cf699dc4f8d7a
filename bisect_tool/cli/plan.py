"""`bisect-run plan`: show what `run` would do; runs nothing."""

from __future__ import annotations

from dataclasses import replace

from bisect_tool.errors import UsageError
from bisect_tool.options.declared_options import takes
from bisect_tool.options.run_options import PlanOptions
from bisect_tool.options.validate import validate

EXAMPLES = (
    "bisect-run plan --good v0.8.0 --bad main",
    "bisect-run plan --good v2.1 --bad HEAD -- ./check.sh",
)


@takes(PlanOptions, without=("confirm", "dry_run"))
def plan(options: PlanOptions) -> int:
    """Show the commits, builds and expected cost of `run`."""
    if not options.good or options.bad is None:
        raise UsageError(
            "plan needs --good and --bad", "Name both commits. Only `run` can search for a missing one."
        )
    validate(options)
    from bisect_tool.json_document.plan import plan_document
    from bisect_tool.options.resolve import resolve
    from bisect_tool.paths import home
    from bisect_tool.render.plan import render_plan
    from bisect_tool.session.past_trials import past_trials
    from bisect_tool.session.plan import plan_of
    from bisect_tool.session.store import Store
    from bisect_tool.supervise.machine_load import current_load
    from bisect_tool.terminal.output import notify
    from bisect_tool.terminal.writer import show, write

    here = home()
    resolved = resolve(options, here, notify)
    past = past_trials(Store(here.store, notify), resolved.request)
    found = plan_of(resolved, past, here.cache)
    if resolved.request.runs_here:
        found = replace(found, busy=current_load().busy)
    if options.as_json:
        write(plan_document(found).to_json())
    else:
        show(render_plan(found))
    return 0
