"""`--dry-run` of a CI job: what each commit would cost; starts nothing, and creates no session."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from bisect_tool.errors import ExitCode
from bisect_tool.render.survey import render_survey
from bisect_tool.terminal.writer import show

if TYPE_CHECKING:
    from bisect_tool.options.resolve import Resolved
    from bisect_tool.paths import Home


def dry_run(resolved: Resolved, here: Home) -> int:
    """Print what would be done at each commit that the request could test; returns the exit code.

    Raises:
        EnvironmentFailed: the service cannot be reached.
        UsageError: the token for reading is missing or rejected, or the pattern matches several jobs.
    """
    from bisect_tool.executor.ci.connect import ci_survey

    job = resolved.request.check.as_job
    assert job is not None
    span = resolved.range
    shas = (*span.goods, *(each.sha for each in span.commits))
    found = ci_survey(job, os.environ, here.cache / "ci", shas, resolved.request.slots)
    commits = (*map(resolved.repository.commit, span.goods), *span.commits)
    show(render_survey(found, {each.sha: each.subject for each in commits}))
    return ExitCode.DONE
