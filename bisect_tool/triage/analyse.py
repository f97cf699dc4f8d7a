"""From a page to what it says about the regression. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bisect_tool.triage.ends import find_ends, from_green_builds, from_red_builds
from bisect_tool.triage.error_excerpt import find_error
from bisect_tool.triage.facts import End, Fact, Source, Triage
from bisect_tool.triage.failing_tests import find_tests
from bisect_tool.triage.fix_candidates import find_fixes
from bisect_tool.triage.links import Links
from bisect_tool.triage.mentions import builds
from bisect_tool.triage.missing import find_missing
from bisect_tool.triage.named_things import find_builds, find_commits, find_dates, find_references
from bisect_tool.triage.next_commands import Context, next_commands
from bisect_tool.triage.remarks import find_notes
from bisect_tool.triage.sentences import source
from bisect_tool.triage.suspects import find_suspects
from bisect_tool.triage.trackers import PIPELINES

if TYPE_CHECKING:
    from bisect_tool.triage.page import Page


def analyse(page: Page) -> Triage:
    """Everything that the page says; what is missing and the commands come later (`completed`)."""
    page, guessed = _with_project(page)
    links = Links(page)
    ends, fixes = find_ends(links), find_fixes(links)
    tests, commands = find_tests(page)
    named = find_builds(links)
    good = ends.good if ends.good != End() else from_green_builds(named)
    bad = ends.bad if ends.bad != End() else from_red_builds(named)
    return Triage(
        title=page.title,
        project=page.project,
        issue=page.number,
        good=good,
        bad=bad,
        suspects=find_suspects(links, fixes.candidates),
        fix_candidates=fixes.candidates,
        ended_by=fixes.ended_by,
        final=fixes.final,
        tests=tests,
        test_commands=commands,
        builds=named,
        commits=find_commits(links),
        references=find_references(links),
        dates=find_dates(links),
        notes=(*find_notes(links), *ends.rivals, *guessed, *_unread(page)),
        error=find_error(page),
        missing=(),
        commands=(),
    )


def _unread(page: Page) -> tuple[Fact, ...]:
    """That a page is too long to be read to its end, where it is."""
    if not page.cut:
        return ()
    reason = f"the page is too long: it was not read from {page.cut} on"
    where = Source(place=page.cut, text="the first line that was not read")
    return (Fact(value="read in part", certainty="stated", reason=reason, source=where),)


def _with_project(page: Page) -> tuple[Page, tuple[Fact, ...]]:
    """For a page that names no project, use the one that its pipeline builds; a guess."""
    if page.project:
        return page, ()
    for line in page.lines:
        for build in builds(line.text, linked=True):
            if project := PIPELINES.get(build.pipeline):
                reason = f"the pipeline {build.pipeline} builds this project"
                fact = Fact(value=project, certainty="guess", reason=reason, source=source(line))
                return replace(page, project=project), (fact,)
    return page, ()


def completed(found: Triage, context: Context) -> Triage:
    """The same with what is missing and the commands to run next."""
    return found.model_copy(
        update={"missing": find_missing(found), "commands": next_commands(found, context)}
    )
