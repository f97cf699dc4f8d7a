"""Report what may invalidate a command check: withheld variables, and use of the user's checkout."""

from __future__ import annotations

import os
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from bisect_tool.format import joined, listing
from bisect_tool.git.missing_contents import cut_off
from bisect_tool.options.checkout_visibility import absent_files_of, missing_contents_of
from bisect_tool.planner import Finding
from bisect_tool.shadowing import may_be_unseen
from bisect_tool.trial.user_environment import withheld
from bisect_tool.verdict import CONCLUSIVE, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bisect_tool.checks import CommandCheck
    from bisect_tool.planner import State
    from bisect_tool.request import Request
    from bisect_tool.session.session import Session
    from bisect_tool.shadowing import Shadow
    from bisect_tool.trial.result import TrialResult

_UNSEEN_NOTE = "the check imports {} from your checkout at every commit, so changes to it were not tested"


class ShadowReport(BaseModel):
    """Something that may shadow the commits' code; `rerun` is a command line that avoids it, or empty.

    `certain`: the check imports the same files at every commit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    found: str
    rerun: str = ""
    certain: bool = False


def shadow_reports(
    session: Session, shadows: Sequence[Shadow], rerun: str, results: Sequence[TrialResult]
) -> tuple[ShadowReport, ...]:
    """Report what may shadow the commits' code in a command check; `rerun` is the session's command line.

    Content that a trial's worktree lacks is reported only if the check gave the same result at all commits.
    """
    check = session.request.check.as_command
    if check is None:
        return ()
    found = tuple(_shadow_reports(shadows, check, rerun))
    return (*found, *(_missing_content_reports(session, check, rerun) if _all_same_result(results) else ()))


def with_doubted_culprits(session: Session, state: State, shadows: Sequence[Shadow]) -> State:
    """Turn culprits into suspects if the check may have missed their changes."""
    folders = [folder for shadow in shadows for folder in shadow.folders]
    found = {item.culprit for item in state.conclusions if item.culprit and item.finding is Finding.CULPRIT}
    command = session.request.check.command
    if not folders or not found or not command:
        return state
    changed = session.repository.changed_by(found)
    unseen = {sha for sha, paths in changed.items() if may_be_unseen(paths, folders, command)}
    note = _UNSEEN_NOTE.format(
        listing(["the project" if hide == "." else hide for hide in dict.fromkeys(folders)])
    )
    doubted = (
        replace(item, finding=Finding.SUSPECT, unseen=True, note=joined(item.note, note))
        if item.culprit in unseen and item.finding is Finding.CULPRIT
        else item
        for item in state.conclusions
    )
    return replace(state, conclusions=tuple(doubted))


def _missing_content_reports(session: Session, check: CommandCheck, rerun: str) -> Iterator[ShadowReport]:
    """Yield a report for each content that trials lack, because of which the check may miss changes."""
    prefix = rerun.removesuffix(shlex.join(check.argv))
    if cut := cut_off(session.repository, session.range):
        yield ShadowReport(found=cut)
    if absent := absent_files_of(session.request, session.repository):
        yield ShadowReport(
            found=absent.found, rerun=prefix + shlex.join(absent.command) if absent.command else ""
        )
    for content in missing_contents_of(session.request, session.repository):
        script = f'{content.command} || exit 125; exec "$0" "$@"'
        line = shlex.join(("sh", "-c", script, *check.argv))
        yield ShadowReport(found=content.sentence, rerun=prefix + line if content.command else "")


def _shadow_reports(shadows: Sequence[Shadow], check: CommandCheck, rerun: str) -> Iterator[ShadowReport]:
    """Yield a report for each shadow."""
    prefix = rerun.removesuffix(shlex.join(check.argv))
    for each in shadows:
        rerun_line = prefix + shlex.join(each.command) if each.command else ""
        yield ShadowReport(found=each.found, rerun=rerun_line, certain=bool(each.folders))


def withheld_from(request: Request, *, failed: bool) -> tuple[str, ...]:
    """Return the variables withheld from a failed check; those that its command mentions come first.

    A CI job has the variables of its own service.
    """
    if not failed or request.check.as_job:
        return ()
    check = request.check
    text = " ".join((*check.command, *(file.text for file in check.command_files)))
    return tuple(sorted(withheld(os.environ, request.pass_env), key=lambda name: name not in text))


def _all_same_result(results: Sequence[TrialResult]) -> bool:
    """Whether all conclusive runs had the same result."""
    outcomes = {cell.outcome for result in results for cell in result.cells} & {*CONCLUSIVE}
    return len({outcome is Outcome.PASSED for outcome in outcomes}) == 1
