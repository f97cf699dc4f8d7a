"""Report what may invalidate a command check: withheld variables, imports from the user's checkout."""

from __future__ import annotations

import os
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from bisect_tool.format import joined, listing
from bisect_tool.git.missing_contents import cut_off
from bisect_tool.options.visibility import absent_files_of, missing_contents_of
from bisect_tool.planner import Finding
from bisect_tool.shadowing import may_be_unseen
from bisect_tool.trial.user_environment import withheld
from bisect_tool.verdict import CONCLUSIVE, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bisect_tool.planner import State
    from bisect_tool.request import CommandCheck, Request
    from bisect_tool.session.session import Session
    from bisect_tool.shadowing import Shadow
    from bisect_tool.trial.result import TrialResult

_UNSEEN = "the check imports {} from your checkout at every commit, so changes to it were not tested"


class ShadowReport(BaseModel):
    """Something that may hide the commits from the check; `rerun` is a command line that avoids it, or empty.

    `certain`: what the check imports from there is the same at every commit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    found: str
    rerun: str = ""
    certain: bool = False


def shadowed(
    session: Session, shadows: Sequence[Shadow], rerun: str, results: Sequence[TrialResult]
) -> tuple[ShadowReport, ...]:
    """What may hide the commits from a command check; `rerun` is the command line that runs it again.

    Content that a trial's worktree lacks is included only if the check gave the same result at all commits.
    """
    check = session.request.check.as_command
    if check is None:
        return ()
    found = tuple(_hidden(shadows, check, rerun))
    return (*found, *(_lacking(session, check, rerun) if _alike(results) else ()))


def doubting(session: Session, state: State, shadows: Sequence[Shadow]) -> State:
    """Turn culprits into suspects if the check may not have seen what they change."""
    hides = [folder for shadow in shadows for folder in shadow.hides]
    found = {item.culprit for item in state.conclusions if item.culprit and item.finding is Finding.CULPRIT}
    command = session.request.check.command
    if not hides or not found or not command:
        return state
    changed = session.repository.changed_by(found)
    unseen = {sha for sha, paths in changed.items() if may_be_unseen(paths, hides, command)}
    note = _UNSEEN.format(listing(["the project" if hide == "." else hide for hide in dict.fromkeys(hides)]))
    doubted = (
        replace(item, finding=Finding.SUSPECT, unseen=True, note=joined(item.note, note))
        if item.culprit in unseen and item.finding is Finding.CULPRIT
        else item
        for item in state.conclusions
    )
    return replace(state, conclusions=tuple(doubted))


def _lacking(session: Session, check: CommandCheck, rerun: str) -> Iterator[ShadowReport]:
    """Yield reports of contents that trials lack, so that the check may not see the changes."""
    before = rerun.removesuffix(shlex.join(check.argv))
    if cut := cut_off(session.repository, session.range):
        yield ShadowReport(found=cut)
    if away := absent_files_of(session.request, session.repository):
        yield ShadowReport(found=away.found, rerun=before + shlex.join(away.command) if away.command else "")
    for lack in missing_contents_of(session.request, session.repository):
        script = f'{lack.command} || exit 125; exec "$0" "$@"'
        line = shlex.join(("sh", "-c", script, *check.argv))
        yield ShadowReport(found=lack.sentence, rerun=before + line if lack.command else "")


def _hidden(shadows: Sequence[Shadow], check: CommandCheck, rerun: str) -> Iterator[ShadowReport]:
    """Yield reports of what leads the check into the user's checkout."""
    before = rerun.removesuffix(shlex.join(check.argv))
    for each in shadows:
        again = before + shlex.join(each.command) if each.command else ""
        yield ShadowReport(found=each.found, rerun=again, certain=bool(each.hides))


def withheld_from(request: Request, *, failed: bool) -> tuple[str, ...]:
    """Return the variables withheld from a failed check; those that its command mentions are first."""
    if not failed:
        return ()
    check = request.check
    text = " ".join((*check.command, *(file.text for file in check.command_files)))
    return tuple(sorted(withheld(os.environ, request.pass_env), key=lambda name: name not in text))


def _alike(results: Sequence[TrialResult]) -> bool:
    """Whether all conclusive runs have the same result."""
    outcomes = {cell.outcome for result in results for cell in result.cells} & {*CONCLUSIVE}
    return len({outcome is Outcome.PASSED for outcome in outcomes}) == 1
