"""What the page does not say, and the calls that find it. Pure."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from bisect_tool.triage.facts import Missing
from bisect_tool.triage.trackers import PIPELINES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bisect_tool.triage.facts import Build, End, Triage


def find_missing(found: Triage) -> tuple[Missing, ...]:
    """One entry for each gap, the ends first."""
    return (
        *_end(found, found.good, "good", "the commit at which it passed last (good end)"),
        *_end(found, found.bad, "bad", "the first commit at which it failed (bad end)"),
        *_fixes(found),
        *_culprit(found),
        *_tests(found),
        *_error(found),
        *_linked(found),
    )


def _end(found: Triage, end: End, side: str, what: str) -> Iterator[Missing]:
    if end.commit:
        return
    if end.build:
        yield Missing(
            what=f"the commit of build #{end.build.value} ({side} end)",
            calls=_commit_of_build(found, end.build),
        )
    elif end.date:
        yield Missing(
            what=f"{what}: only its day is known, {end.date.value}", calls=_on_day(found, end.date.value)
        )
    else:
        yield Missing(what=what, calls=_history(found, side))


def _commit_of_build(found: Triage, build: Build) -> tuple[str, ...]:
    if build.service == "github":
        return (f"https://api.github.com/repos/{build.pipeline}/actions/runs/{build.value} (field head_sha)",)
    pipeline = build.pipeline or _pipeline(found) or "ORGANISATION/PIPELINE"
    return (
        f"https://buildkite.com/{pipeline}/builds/{build.value}",
        f"{_buildkite(pipeline)}/builds/{build.value}?exclude_jobs=true (field commit)",
    )


def _on_day(found: Triage, day: str) -> tuple[str, ...]:
    after = (dt.date.fromisoformat(day) + dt.timedelta(days=1)).isoformat()
    pipeline = _pipeline(found)
    builds = (
        (f"{_buildkite(pipeline)}/builds?branch=main&created_from={day}&created_to={after}",)
        if pipeline
        else ()
    )
    return (*builds, f"git log --first-parent --since={day} --until={after} --format='%h %cI %s' origin/main")


def _history(found: Triage, side: str) -> tuple[str, ...]:
    state = "passed" if side == "good" else "failed"
    if pipeline := _pipeline(found):
        return (f"{_buildkite(pipeline)}/builds?branch=main&state={state}",)
    runs = [build.pipeline for build in found.builds if build.service == "github"]
    project = runs[0] if runs else found.project or "OWNER/NAME"
    status = "success" if side == "good" else "failure"
    return (f"https://api.github.com/repos/{project}/actions/runs?branch=main&status={status}",)


def _pipeline(found: Triage) -> str:
    """The pipeline that the page links, or that of the project; empty where neither is known."""
    named = [build.pipeline for build in found.builds if build.service == "buildkite" and build.pipeline]
    own = [pipeline for pipeline, project in PIPELINES.items() if project == found.project]
    return next(iter((*named, *own)), "")


def _buildkite(pipeline: str) -> str:
    organisation, _, slug = pipeline.partition("/")
    return f"https://api.buildkite.com/v2/organizations/{organisation}/pipelines/{slug}"


def _fixes(found: Triage) -> Iterator[Missing]:
    for each in found.fix_candidates:
        if each.role == "trial" or each.landed is False:
            continue
        if each.landed is None:
            yield Missing(
                what=f"whether PR #{each.pull} was merged", calls=_pull(found, each.pull, "merged_at")
            )
        if not each.commit:
            yield Missing(
                what=f"the commit of PR #{each.pull} on the main branch",
                calls=(*_pull(found, each.pull, "merge_commit_sha"), _grep(each.pull)),
            )


def _pull(found: Triage, number: int, name: str) -> tuple[str, ...]:
    project = found.project or "OWNER/NAME"
    return (f"https://api.github.com/repos/{project}/pulls/{number} (field {name})",)


def _grep(number: int) -> str:
    return f"git log --fixed-strings --grep='(#{number})' --format='%h %s' origin/main"


def _culprit(found: Triage) -> Iterator[Missing]:
    for each in () if found.has_ends else found.suspects:
        if each.pull and not each.commit and each.certainty != "guess":
            yield Missing(
                what=f"the commit of PR #{each.pull} (suspect)",
                calls=(*_pull(found, each.pull, "merge_commit_sha"), _grep(each.pull)),
            )


def _tests(found: Triage) -> Iterator[Missing]:
    if not found.tests:
        yield Missing(what="which tests fail", calls=_logs(found) or ("the log of the failing job",))
    for name in dict.fromkeys(each.name.partition("[")[0] for each in found.tests if not each.file):
        function = name.rpartition("::")[2]
        yield Missing(
            what=f"the file of {function}", calls=(f"git grep -l 'def {function}' origin/main -- '*.py'",)
        )


def _error(found: Triage) -> Iterator[Missing]:
    if found.error is None:
        yield Missing(what="the error", calls=_logs(found) or ("the log of the failing job",))


def _logs(found: Triage) -> tuple[str, ...]:
    calls = [log for build in found.builds if build.state != "passed" and (log := log_of(build))]
    return tuple(calls[:3])


def log_of(build: Build) -> str:
    """The call for the log of the job that a link points to, or for the list of jobs; empty if unknown."""
    if build.service == "github":
        job = f" --job {build.job}" if build.job else ""
        return f"gh run view {build.value}{job} --log-failed --repo {build.pipeline}"
    if build.service != "buildkite" or not build.pipeline:
        return ""
    api = f"{_buildkite(build.pipeline)}/builds/{build.value}"
    if build.job:
        return f"{api}/jobs/{build.job}/log.txt"
    return f"{api} (its jobs{f', those of step {build.step}' if build.step else ''}: field raw_log_url)"


def _linked(found: Triage) -> Iterator[Missing]:
    if found.issue and found.project and not found.fix_candidates:
        api = f"https://api.github.com/repos/{found.project}/issues/{found.issue}/timeline?per_page=100"
        yield Missing(what="pull requests that refer to this issue", calls=(api,))
