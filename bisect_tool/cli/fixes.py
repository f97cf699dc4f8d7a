"""`bisect-run fixes`: find which revert, patch or cherry-pick fixes a failing commit."""

from __future__ import annotations

from bisect_tool.options.declared_options import takes
from bisect_tool.options.run_options import FixesOptions
from bisect_tool.options.validate import validate

EXAMPLES = (
    "bisect-run fixes --at main",
    "bisect-run fixes --at main --revert 8f8b41594 --apply fix.patch",
)


@takes(FixesOptions)
def fixes(options: FixesOptions) -> int:
    """Find the smallest set of changes that fixes a failing commit.

    A change is a revert, a patch or a cherry-pick. By default, the candidates are reverts of the
    culprit that an earlier bisection found for this commit, and of each later change to the same code.

    `--executor` takes `local` or `ray` only: CI has no build of a revert.
    """
    validate(options)
    from bisect_tool.cli.run_session import run_and_report
    from bisect_tool.fix_candidates.candidate_commits import resolve_request
    from bisect_tool.json_document.earlier_sessions import candidates, with_earlier_check
    from bisect_tool.options.resolve import resolve
    from bisect_tool.paths import home
    from bisect_tool.session import session as sessions
    from bisect_tool.session.store import Store
    from bisect_tool.terminal.output import notify

    here = home()
    store = Store(here.store, notify)
    options = with_earlier_check(options, store, here, notify)
    resolved = resolve(options, here, notify)
    found = candidates(options, resolved, store, notify)
    session = sessions.create(resolve_request(resolved, options, found), store, here)
    return run_and_report(session, store, options.as_json)
