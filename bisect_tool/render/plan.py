"""Render `plan`: the candidates, the environments to build and the expected number of trials."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bisect_tool.format import count, duration, listing, percent, short
from bisect_tool.render.cost_text import cost_text
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bisect_tool.git import Commit
    from bisect_tool.search.prior import Suspicion
    from bisect_tool.session.executor_costs import ExecutorCost
    from bisect_tool.session.plan import Forecast, Plan

_SHOWN = 40
_PATH_LIMIT = 5
_TEXT_LIMIT = 500
_NEGLIGIBLE = 0.05
_BUSY = "tests with deadlines may time out; they are then rerun"


def render_plan(plan: Plan) -> RenderableType:
    """Render the size of the range and the expected cost, then the candidates and their native files."""
    sections = (_summary(plan), _native(plan), _candidates(plan))
    present = [section for section in sections if section is not None]
    return Group(present[0], *(part for section in present[1:] for part in (Text(), section)))


def _summary(plan: Plan) -> RenderableType:
    grid = _grid(2)
    bad = plan.commits[-1]
    grid.add_row(_label("Candidates"), _text(f"{count(len(plan.commits), 'commit')} in {plan.repo}", "bold"))
    older, newer = ("Bad", "Good") if plan.fix else ("Good", "Bad")
    for end in plan.goods:
        grid.add_row(_label(older), _commit(end, "red" if plan.fix else "green"))
    grid.add_row(_label(newer), _commit(bad, "green" if plan.fix else "red"))
    grid.add_row(_label("Check"), _text(plan.check))
    for number, forecast in enumerate(plan.forecasts):
        grid.add_row(_label("" if number else "Trials"), Text(_forecast(forecast)))
    for number, sentence in enumerate(_costs(plan)):
        grid.add_row(_label("" if number else "Cost"), Text(sentence))
    grid.add_row(_label("Environments"), Text(_environments(plan)))
    for number, sentence in enumerate(_wheels(plan)):
        grid.add_row(_label("" if number else "Wheels"), _text(sentence))
    if plan.busy:
        grid.add_row(_label("Machine"), Text(f"busy: {plan.busy}; {_BUSY}", "yellow"))
    return grid


def _forecast(forecast: Forecast) -> str:
    """`about 9 (95th percentile 11) if bad commits always fail`."""
    trials = f"about {forecast.mean:.0f} (95th percentile {forecast.p95:.0f})"
    text = f"{trials} if bad commits {_failure_phrase(forecast)}"
    if forecast.missed < _NEGLIGIBLE:
        return text
    ends = count(forecast.endpoint_runs, "run")
    missed = f"{percent(forecast.missed)} of the time (--endpoint-runs)"
    return f"{text}; {ends} of the bad commit miss the failure {missed}"


def _failure_phrase(forecast: Forecast) -> str:
    return "always fail" if forecast.fail_bad == 1 else f"fail {percent(forecast.fail_bad)} of the time"


def _costs(plan: Plan) -> Iterator[str]:
    """Yield the cost at each executor: a heading, then a line for each forecast."""
    for each in plan.costs:
        where = f"{each.executor}, {count(each.slots, 'slot')}"
        if not each.costs:
            limit = f"; tests time out after {duration(plan.deadline_s)}" if plan.deadline_s else ""
            yield f"{where}: unknown, no past trials of this check{limit}"
            continue
        yield f"{where}, from {count(each.past_trials, 'past trial')}{_builds(each)}:"
        for forecast, cost in zip(plan.forecasts, each.costs, strict=True):
            yield f"  about {cost_text(cost)} if they {_failure_phrase(forecast)}"


def _builds(cost: ExecutorCost) -> str:
    """`, with up to 2 builds`."""
    if not cost.missing:
        return ""
    builds = count(cost.missing, "build")
    return f", with up to {builds}" if cost.builds_timed else f", without {builds} of unknown duration"


def _environments(plan: Plan) -> str:
    if plan.in_ci:
        return "none: CI has its own builds"
    if plan.environments == 0:
        return "none: the command runs in the commit's worktree"
    if plan.pinned:
        return "1, with one compiled base for all commits"
    return f"up to {plan.environments}" if plan.environments > 1 else "1, shared by all commits"


def _wheels(plan: Plan) -> Iterator[str]:
    """`18 of 20 commits have a wheel (variant cu129), 1 uses that of an ancestor, 1 is built from source`."""
    if plan.wheels is None:
        return
    used = {each.sha: plan.wheels.get(each.sha) for each in plan.commits}
    own = sum(wheel is not None and wheel.sha == sha for sha, wheel in used.items())
    compiled = sum(wheel is None for wheel in used.values())
    variants = {wheel.variant for wheel in used.values() if wheel and wheel.variant}
    ancestors = len(used) - own - compiled
    parts = [f"{own} of {count(len(used), 'commit')}{''.join(f', variant {each}' for each in variants)}"]
    parts += [f"{ancestors} from the wheel of an ancestor with the same native files"] if ancestors else []
    parts += [f"{compiled} from source"] if compiled else []
    yield "; ".join(parts)
    if plan.fresh:
        yield plan.fresh


def _native(plan: Plan) -> RenderableType | None:
    if not plan.native:
        return None
    grid = _grid(2)
    if (left_out := len(plan.native) - _SHOWN) > 0:
        grid.add_row(Text("..."), Text(count(left_out, "earlier commit"), "dim"))
    for sha, paths in list(plan.native.items())[-_SHOWN:]:
        grid.add_row(Text(short(sha)), _text(listing(paths, _PATH_LIMIT)))
    title = "Commits that change native files"
    if plan.pinned:
        title = "Commits that change native files (not rebuilt: the compiled base is pinned)"
    return _section(title, grid)


def _candidates(plan: Plan) -> RenderableType:
    commits = plan.commits
    numbered = any(commit.pr is not None for commit in commits)
    columns = 2 + numbered + (plan.wheels is not None)
    grid = _grid(columns)
    half = _SHOWN // 2
    left_out = len(commits) - _SHOWN
    for commit in commits if left_out <= 0 else commits[:half]:
        grid.add_row(*_candidate(plan, commit, numbered))
    if left_out > 0:
        grid.add_row(Text("..."), *[Text()] * (columns - 2), Text(f"{left_out} more", "dim"))
        for commit in commits[-half:]:
            grid.add_row(*_candidate(plan, commit, numbered))
    return _section("Candidates, oldest first", grid)


def _candidate(plan: Plan, commit: Commit, numbered: bool) -> tuple[Text, ...]:
    """Return a row of the table of candidates; below the subject, the reasons of the prior."""
    number = "" if commit.pr is None else f"#{commit.pr}"
    subject = _text(commit.subject.removesuffix(f" ({number})"))
    if (suspicion := plan.suspicions.get(commit.sha)) and _is_informative(suspicion):
        why = clean_line("; ".join(suspicion.reasons))
        subject.append(f"\n{suspicion.weight:.2g} times as likely as the average commit: {why}", "dim")
    pull_request = [Text(number, "cyan")] if numbered else []
    return (Text(short(commit.sha)), *pull_request, *_build(plan, commit), subject)


def _build(plan: Plan, commit: Commit) -> tuple[Text, ...]:
    """Return what a commit is built from, if wheels are published."""
    if plan.wheels is None:
        return ()
    wheel = plan.wheels.get(commit.sha)
    if wheel is None:
        return (Text("source", "yellow"),)
    return (Text("wheel" if wheel.sha == commit.sha else f"wheel of {short(wheel.sha)}", "dim"),)


def _is_informative(suspicion: Suspicion) -> bool:
    """Whether the commit's prior differs from that of the average commit."""
    return bool(suspicion.reasons) and f"{suspicion.weight:.2g}" != "1"


def _section(title: str, body: RenderableType) -> RenderableType:
    return Group(Text(title, "bold"), Padding(body, (0, 0, 0, 2)))


def _grid(columns: int) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    for _ in range(columns - 1):
        grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    return grid


def _label(text: str) -> Text:
    return Text(text, "bold")


def _commit(commit: Commit, style: str) -> Text:
    return Text.assemble((short(commit.sha), style), "  ", clean_line(commit.subject, _TEXT_LIMIT))


def _text(text: str, style: str = "") -> Text:
    return Text(clean_line(text, _TEXT_LIMIT), style)
