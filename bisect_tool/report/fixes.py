"""What heals it: what `fixes` has to tell, as a part of the JSON document and as a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bisect_tool.campaign.fixes import Healing, Standing, least
from bisect_tool.errors import ExitCode
from bisect_tool.report.phrase import listing, percent, short
from bisect_tool.search.intervals import luck
from bisect_tool.text import clean_line
from bisect_tool.verdict import RED, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bisect_tool.campaign import Goal, State
    from bisect_tool.evidence import Failure
    from bisect_tool.history import Range
    from bisect_tool.request import Fixes, Graft
    from bisect_tool.trial.result import TrialResult

CUT = "Not every combination was tried: a smaller one may heal all, too."
_OPEN = "not known"
_MUTE = "told nothing"
_TEXT_LIMIT = 300
_CELLS = 8
_FILES = 5
_MOST = 100
DOUBTFUL = 0.05


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Tried(_Model):
    """A candidate, some of them together, or a commit that was verified.

    `parts` are the candidates' names, `sha` is the commit that was run; it is empty where they do not fit:
    `conflicts` are the files then, and `why` is the reason. Of the cells that fail at the failing commit,
    `healed` pass here and `red` fail still; of those that pass there, `broken` fail here; `untold` said
    nothing. `commit` is the one that is reverted or picked, where it is one alone.
    """

    name: str
    title: str
    parts: tuple[str, ...] = ()
    sha: str = ""
    conflicts: tuple[str, ...] = ()
    why: str = ""
    heals: bool = False
    healed: tuple[str, ...] = ()
    red: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    untold: tuple[str, ...] = ()
    commit: str = ""


class Unsteady(_Model):
    """A cell that passed at the failing commit as well: it failed in `failed` of `runs`.

    `luck` is the chance that it passes as often as it takes to count as healed although nothing heals it.
    """

    cell: str
    runs: int
    failed: int
    luck: float


class Healings(_Model):
    """What was tried on the failing commit, at which `red` fail and `green` pass; `unsteady` did both.

    A pass counts when it was seen `runs` times. `smallest` are the candidates that heal all, none of which
    can be left out; `cut` tells that not every combination was tried that this takes.
    """

    runs: int
    red: tuple[str, ...]
    green: tuple[str, ...]
    candidates: tuple[Tried, ...]
    combinations: tuple[Tried, ...]
    verified: tuple[Tried, ...]
    smallest: tuple[str, ...] = ()
    cut: bool = False
    unsteady: tuple[Unsteady, ...] = ()


@dataclass(frozen=True)
class TriedRow:
    """One row of the table; counts are empty where nothing is known."""

    name: str
    heals: str
    breaks: str
    verdict: str
    title: str


@dataclass(frozen=True)
class Note:
    """What is to be said of something that was tried: `words` of ours, then cells, files, or git's reason."""

    name: str
    words: str
    items: tuple[str, ...]


def healings(asked: Fixes | None, goal: Goal, span: Range, results: Sequence[TrialResult]) -> Healings | None:
    """What the trials say of every candidate; None where no fix was asked about."""
    if asked is None:
        return None
    healing = Healing(goal, results)
    found = least(healing)
    titles = {commit.sha: commit.subject for commit in span.commits}
    tried = [_tried(healing, asked, made) for made in asked.grafts]
    ran = {result.sha for result in results}
    verified = (
        _standing(healing, Tried(name=short(sha), title=titles[sha], sha=sha)) for sha in asked.verify
    )
    return Healings(
        runs=goal.endpoint_runs,
        red=healing.red,
        green=healing.green,
        candidates=tuple(each for each in tried if len(each.parts) == 1),
        combinations=tuple(each for each in tried if len(each.parts) > 1 and (each.sha in ran or each.why)),
        verified=tuple(verified),
        smallest=tuple(asked.candidates[part].name for part in sorted(found.parts)) if found else (),
        cut=found.cut if found else False,
        unsteady=tuple(_unsteady(healing)),
    )


def concluded(
    found: Healings, bad: str, state: State, results: Sequence[TrialResult]
) -> tuple[ExitCode, str]:
    """The exit code and the sentence that goes with it."""
    if not found.verified and not any(each.sha for each in found.candidates):
        return ExitCode.INCONCLUSIVE, "no candidate fits the failing commit, so nothing was run"
    if not state.over:
        return ExitCode.INTERRUPTED, "not finished: candidates are left"
    if not found.red:
        return _not_red(found, bad, results)
    if found.smallest:
        also = f"; also: {listing(others)}" if (others := _others(found)) else ""
        return ExitCode.DONE, f"healed by {listing(found.smallest, limit=len(found.smallest))}{also}"
    if healed := [each.name for each in found.verified if each.heals]:
        return ExitCode.DONE, f"healed at {listing(healed)}"
    return ExitCode.INCONCLUSIVE, "nothing that was tried heals all that fails"


def first_failure(
    found: Healings, bad: str, results: Sequence[TrialResult]
) -> tuple[str, str, Failure] | None:
    """The evidence at the failing commit: the cell, the commit, and why it failed."""
    at = (cell for result in results if result.sha == bad for cell in result.cells if cell.cell in found.red)
    failed = next((cell for cell in at if cell.outcome in RED and cell.failure is not None), None)
    return (failed.cell, bad, failed.failure) if failed and failed.failure else None


def render_healings(found: Healings) -> RenderableType:
    """A row for whatever was tried; below it the cells it heals or breaks, and the files that conflict."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    table.add_column("tried", overflow="fold")
    table.add_column("heals", justify="right", no_wrap=True)
    table.add_column("breaks", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("what it is")
    for row in tried_rows(found):
        style = _VERDICT_STYLE[row.verdict]
        title = Text(clean_line(row.title, _TEXT_LIMIT), no_wrap=True, overflow="ellipsis")
        table.add_row(_text(row.name), row.heals, row.breaks, Text(row.verdict, style), title)
    fails = _text(f"Fails: {listing(found.red, _CELLS) or ('nothing' if found.green else _OPEN)}")
    lines = [*map(_noted, notes(found)), *map(_noted, doubts(found)), *([CUT] if found.cut else [])]
    return Group(fails, Text(), table, *(Text(line, "dim") for line in lines))


def tried_rows(found: Healings) -> Iterator[TriedRow]:
    """A row for whatever was tried: candidates, combinations, commits that were verified."""
    for each in _everything(found):
        verdict = _verdict(each, found)
        told = bool(each.sha) and verdict not in (_OPEN, _MUTE)
        heals = f"{len(each.healed)} of {len(found.red)}" if told else ""
        breaks = f"{len(each.broken)} of {len(found.green)}" if told else ""
        yield TriedRow(each.name, heals, breaks, verdict, each.title)


def notes(found: Healings) -> Iterator[Note]:
    """The cells that are healed or broken by what was tried, and the files that conflict."""
    for each in _everything(found):
        if each.conflicts:
            yield Note(each.name, "conflicts in", each.conflicts)
        elif each.why:
            yield Note(each.name, "", (each.why,))
        if each.healed and not each.heals:
            yield Note(each.name, "heals", each.healed)
        if each.broken:
            yield Note(each.name, "breaks", each.broken)
        if each.untold:
            yield Note(each.name, "said nothing of", each.untold)


def doubts(found: Healings) -> Iterator[Note]:
    """The cells that may have been lucky where they are said to be healed."""
    healed = {cell for each in _everything(found) for cell in each.healed}
    for each in found.unsteady:
        if each.cell in healed and each.luck > DOUBTFUL:
            passes = f"{found.runs} passes are luck in {percent(each.luck)} of all cases"
            seen = f"failed in {each.failed} of {each.runs} runs there"
            yield Note(each.cell, f"{seen}, so {passes}: --runs {_enough(each)} says more", ())


def _enough(cell: Unsteady) -> int:
    """How many passes are hardly luck."""
    return next((more for more in range(2, _MOST) if luck(cell.failed, cell.runs, more) <= DOUBTFUL), _MOST)


def _unsteady(healing: Healing) -> Iterator[Unsteady]:
    for cell in healing.red:
        seen = healing.seen(cell)
        if seen.failed < seen.runs:
            chance = luck(seen.failed, seen.runs, healing.goal.endpoint_runs)
            yield Unsteady(cell=cell, runs=seen.runs, failed=seen.failed, luck=chance)


def _tried(healing: Healing, asked: Fixes, made: Graft) -> Tried:
    chosen = [asked.candidates[part] for part in made.parts]
    names = tuple(candidate.name for candidate in chosen)
    row = Tried(
        name=" + ".join(names),
        title=chosen[0].title if len(chosen) == 1 else "",
        parts=names,
        sha=made.sha,
        conflicts=made.conflicts,
        why=made.why,
        commit=chosen[0].commit if len(chosen) == 1 else "",
    )
    return _standing(healing, row) if made.sha else row


def _standing(healing: Healing, row: Tried) -> Tried:
    def cells(among: Sequence[str], standing: Standing) -> tuple[str, ...]:
        return tuple(cell for cell in among if healing.standing(row.sha, cell) is standing)

    return row.model_copy(
        update={
            "heals": healing.heals(row.sha),
            "healed": healing.healed(row.sha),
            "red": cells(healing.red, Standing.FAILS),
            "broken": healing.broken(row.sha),
            "untold": cells((*healing.red, *healing.green), Standing.UNTOLD),
        }
    )


def _others(found: Healings) -> list[str]:
    """What else was seen to heal all, without the smallest set in it."""
    tried = (*found.candidates, *found.combinations)
    others = [each.name for each in tried if each.heals and not set(found.smallest) <= set(each.parts)]
    return [*others, *(f"{each.name} as it is" for each in found.verified if each.heals)]


def _not_red(found: Healings, bad: str, results: Sequence[TrialResult]) -> tuple[ExitCode, str]:
    if found.green:
        return ExitCode.ENDPOINTS, f"every cell is green at {short(bad)}: there is nothing to heal"
    reason = next((result.reason for result in results if result.reason), "no cell ran")
    spoiled = any(result.outcome is Outcome.INFRASTRUCTURE for result in results)
    code = ExitCode.ENVIRONMENT if spoiled else ExitCode.ENDPOINTS
    return code, f"the failing commit told nothing: {reason}"


def _everything(found: Healings) -> tuple[Tried, ...]:
    return (*found.candidates, *found.combinations, *found.verified)


_VERDICT_STYLE = {
    "conflicts": "yellow",
    "does not fit": "yellow",
    "heals all": "bold green",
    "heals some": "green",
    "heals nothing": "red",
    _MUTE: "yellow",
    _OPEN: "dim",
}


def _verdict(tried: Tried, found: Healings) -> str:
    if not tried.sha:
        return "conflicts" if tried.conflicts else "does not fit"
    if tried.heals:
        return "heals all"
    if tried.healed:
        return "heals some"
    if tried.red:
        return "heals nothing"
    return _MUTE if set(tried.untold) & set(found.red) else _OPEN


def _noted(note: Note) -> str:
    items = listing(note.items, _FILES if note.words == "conflicts in" else _CELLS)
    return clean_line(f"{note.name}: {f'{note.words} {items}'.lstrip()}", 4 * _TEXT_LIMIT)


def _text(text: str) -> Text:
    return Text(clean_line(text, _TEXT_LIMIT))
