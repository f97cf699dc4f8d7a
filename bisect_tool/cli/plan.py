"""`bisect-run plan`: what `run` would do; runs nothing."""

from __future__ import annotations

from dataclasses import replace

from bisect_tool.errors import UsageError
from bisect_tool.options.declared import takes
from bisect_tool.options.run_options import RunOptions
from bisect_tool.options.validate import validate

EXAMPLES = (
    "bisect-run plan --good v0.8.0 --bad main",
    "bisect-run plan --good v2.1 --bad HEAD -- ./check.sh",
)


@takes(RunOptions, without=("confirm", "as_json", "dry_run"))
def plan(options: RunOptions) -> int:
    """Show the commits, builds and trials that `run` would need."""
    if not options.good or options.bad is None:
        raise UsageError("plan needs --good and --bad", "`run` finds one of them by running commits.")
    validate(options)
    from bisect_tool.options.resolve import resolve
    from bisect_tool.paths import home
    from bisect_tool.render.plan import render_plan
    from bisect_tool.session.plan import mean_trial_s, plan_of
    from bisect_tool.session.store import Store
    from bisect_tool.supervise.load import current_load
    from bisect_tool.terminal.output import say
    from bisect_tool.terminal.terminal import show

    here = home()
    resolved = resolve(options, here, say)
    found = plan_of(resolved, mean_trial_s(Store(here.store, say), resolved.request))
    show(render_plan(found if found.in_ci else replace(found, busy=current_load().busy)))
    return 0
