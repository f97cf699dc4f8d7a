"""One night of one watch: read results, rerun where needed, bisect, and report."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from dataclasses import astuple, dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from bisect_tool import __version__
from bisect_tool.errors import BisectError, EnvironmentFailed, ExitCode, UsageError
from bisect_tool.format import count, listing, short
from bisect_tool.git import Repository
from bisect_tool.git.commit_relations import ancestors, existing
from bisect_tool.git.range import DEEPEN
from bisect_tool.json_document.nightly import NightlyDocument
from bisect_tool.nightly_rules.decide import decide, known_runs
from bisect_tool.nightly_rules.decision import Bisect, Rerun
from bisect_tool.nightly_rules.history import History
from bisect_tool.nightly_rules.recent_results import recent
from bisect_tool.nightly_run.causes import causes
from bisect_tool.nightly_run.cell_statuses import cells, range_of
from bisect_tool.nightly_run.failures import failures
from bisect_tool.nightly_run.findings import exit_codes_of_given_up, findings, known_bisections
from bisect_tool.nightly_run.former_names import former_names, renamed
from bisect_tool.nightly_run.observations_of_others import observations_of_others
from bisect_tool.nightly_run.own_observations import own_observations
from bisect_tool.nightly_run.past_sessions import abandon, has_check, is_about, last_profile, past_sessions
from bisect_tool.nightly_run.queue import Queued
from bisect_tool.nightly_run.requests import bisection, check_at, with_observations
from bisect_tool.nightly_run.reverts import reverted_by
from bisect_tool.nightly_run.unknown_commits import is_behind, unknown_commits
from bisect_tool.sanitise import clean_line
from bisect_tool.session import session as sessions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from bisect_tool.ci_results.observation import CellKey, Observation
    from bisect_tool.json_document.document import Document
    from bisect_tool.nightly_rules.decision import Decision, KnownTrials
    from bisect_tool.nightly_rules.earlier_bisections import KnownBisection
    from bisect_tool.nightly_run.past_sessions import PastSession
    from bisect_tool.nightly_run.reported_causes import Reported
    from bisect_tool.options.resolve import Resolved
    from bisect_tool.options.watches import Watch
    from bisect_tool.paths import Home
    from bisect_tool.request import Request
    from bisect_tool.session.session import Session
    from bisect_tool.session.store import Store

_log = logging.getLogger("bisect_run.nightly_run")
_COMMITS = 10_000
_ROUNDS = 8
"""Rounds of reruns in a night. A backstop: the limit of runs for each commit is reached first."""
_USUAL_TRIAL_S = 60.0


@dataclass(frozen=True)
class Tools:
    """The resources of a night.

    `run` runs a session and returns its document.
    """

    home: Home
    store: Store
    environment: Mapping[str, str]
    now: datetime
    notify: Callable[[str], None]
    run: Callable[[Session, Store], Document]


class Night:
    """The night of one watch. Decisions are based on stored trials only."""

    def __init__(self, watch: Watch, tools: Tools, reported: Reported) -> None:
        self.watch, self._tools, self._reported = watch, tools, reported
        self._began = time.monotonic()
        self._codes: list[ExitCode] = []
        self._errors: list[ExitCode] = []
        self._notes: list[str] = []
        self._reverted: dict[str, str] = {}
        self._former: tuple[str, ...] = ()
        options, notify = watch.options, tools.notify
        self._own = None if options.observes else check_at(watch, options.ref, 1, tools.home, notify)
        self._require_same_profile()
        self._repository = (
            Repository.open(options.repo or ".", tools.home.cache, notify)
            if self._own is None
            else self._own.repository
        )
        head = self._repository.resolve(options.ref)
        self._history = History(self._repository.first_parents(head, _COMMITS))
        self._observed = (
            observations_of_others(
                watch, self._history, tools.environment, tools.home.cache / "ci", notify, tools.now
            )
            if options.observes
            else ()
        )
        self._former = self._former_names()
        self._note_unknown_commits()

    def run_check(self) -> None:
        """Resume interrupted bisections, run the check at the ref, and rerun it where decisions need it."""
        self._resume()
        if self._own is None:
            return
        try:
            self._run_until_decided(self._own)
        except BisectError as error:
            self._record_error(error)

    def preview(self) -> None:
        """Print what a dry run skips, and the errors that bisections would meet."""
        if self._own is not None:
            head = short(self._history.commits[-1])
            earlier = "earlier runs show:" if self._observations(self._past()) else "it did not run before"
            self._tools.notify(f"{self.watch.name}: would run the check at {head}; {earlier}")
            return
        for queued in self.queue():
            try:
                bisection(self.watch, queued.bisect, None, self._tools.home, self._tools.notify)
            except BisectError as error:
                self._record_not_bisected(queued.bisect, error)

    def queue(self) -> tuple[Queued, ...]:
        """Return the bisections that were decided on."""
        position = self._history.position
        return tuple(
            Queued(self.watch.name, each, position(each.bad) - position(each.good), self._trial_s)
            for key, each in self._decide().items()
            if isinstance(each, Bisect) and key == each.cells[0]  # its other cells share it
        )

    def bisect(self, decision: Bisect) -> None:
        """Run a bisection, unless the budget is used up; its errors are recorded, not raised."""
        if self._used_up:
            self._postpone("not bisected")
            return
        notify, home = self._tools.notify, self._tools.home
        notify(f"{self.watch.name}: bisecting {range_of(decision)}")
        try:
            resolved = bisection(self.watch, decision, self._minutes_left, home, notify)
            seen = self._reused_commits(resolved)
            known = [each for each in self._known_runs(decision, resolved) if each.commit not in seen]
            document = self._run(with_observations(resolved, known))
        except BisectError as error:
            self._record_not_bisected(decision, error)
            return
        self._codes.append(ExitCode(document.exit_code))

    def document(self, *, dry_run: bool) -> NightlyDocument:
        """Compose the document of the night."""
        past = self._past()
        decisions = self._decide()
        ended = findings(self.watch.name, self._request, self._of_this_branch(past))
        found = causes((self.watch.name, *self._former), ended, decisions, self._reported.states)
        new = {each.suspects for each in found if each.state == "new"}
        observations = self._observations(past)
        seen = tuple(cells(decisions, new, recent(observations, self._history.positions)))
        # The bisection of an own check has the chain already; that of other runs may be another one.
        explained = {cell for each in found for cell in each.cells} if self._own is not None else set()
        return NightlyDocument(
            schema=1,
            version=__version__,
            created=self._tools.now.isoformat(timespec="seconds"),
            watch=self.watch.name,
            repo=self.watch.options.repo or ".",
            ref=self.watch.options.ref,
            commit=self._history.commits[-1],
            observed=len(observations),
            dry_run=dry_run,
            cells=seen,
            causes=found,
            failures=failures(seen, observations, self._history.positions, explained),
            notes=tuple(filter(None, (self._reported.problem, *self._notes))),
            exit_code=self._exit_code(
                exit_codes_of_given_up(ended, decisions),
                is_new=any(each.state == "new" for each in found)
                or (
                    dry_run
                    and not self._errors
                    and any(isinstance(each, Bisect) for each in decisions.values())
                ),
            ),
        )

    def _exit_code(self, given_up: Iterable[ExitCode], *, is_new: bool) -> ExitCode:
        """Return the exit code. A new regression takes precedence: no later night reports it as new."""
        if is_new:
            return ExitCode.REGRESSION
        if self._errors:
            return self._errors[0]
        codes = (*self._codes, *given_up)
        return max((code for code in codes if code is not ExitCode.REGRESSION), default=ExitCode.DONE)

    def _resume(self) -> None:
        """Resume interrupted bisections of earlier nights."""
        for past in self._past():
            if not past.unfinished or not past.bisects_for(self.watch.name):
                continue
            if self._is_on_other_branch(past.request.bad):
                self._tools.notify(
                    f"{self.watch.name}: {past.id} belongs to a branch that was abandoned or rewritten"
                )
                continue
            if self._request is not None and not has_check(past, self._request):
                self._give_up(past, "the check of the watch has changed")
                continue
            if self._used_up:
                self._postpone(f"{past.id} is not resumed")
                return
            self._tools.notify(f"{self.watch.name}: resuming {past.id}")
            try:
                document = self._tools.run(self._loaded(past), self._tools.store)
            except UsageError as error:
                self._give_up(past, error.message)
            except BisectError as error:
                self._record_error(error)
            else:
                self._codes.append(ExitCode(document.exit_code))

    def _is_on_other_branch(self, commit: str) -> bool:
        """Whether a commit exists and is neither older nor newer than the history."""
        git, head = self._repository.git, self._history.commits[-1]
        if commit in self._history.positions or not existing(git, [commit]):
            return False
        return not ancestors(git, [commit], [head]) and not ancestors(git, [head], [commit])

    def _give_up(self, past: PastSession, why: str) -> None:
        self._note(f"{why}. {past.id} is not resumed again")
        abandon(past, self._tools.home)

    def _loaded(self, past: PastSession) -> Session:
        """Load an interrupted bisection, with the time left of this night as its budget."""
        session = sessions.load(past.id, self._tools.store, self._tools.home, self._tools.notify)
        sessions.require_same_scenario(session)
        return replace(session, budget=session.budget.model_copy(update={"minutes": self._minutes_left}))

    def _run_until_decided(self, own: Resolved) -> None:
        document = self._run(own)
        if document.exit_code in (ExitCode.INCONCLUSIVE, ExitCode.ENVIRONMENT):
            self._tools.notify(f"{self.watch.name}: {document.conclusion}")
            self._codes.append(ExitCode(document.exit_code))
        for _ in range(_ROUNDS):
            wanted = self._reruns()
            if not wanted:
                return
            if self._used_up:
                self._postpone("not run again")
                return
            for commit, runs in wanted.items():
                if self._used_up:
                    break
                self._tools.notify(f"{self.watch.name}: running {short(commit)} {count(runs, 'more time')}")
                self._run(check_at(self.watch, commit, runs, self._tools.home, self._tools.notify))

    def _reruns(self) -> dict[str, int]:
        """Return how often to rerun each commit: the maximum over its cells."""
        wanted: defaultdict[str, int] = defaultdict(int)
        for decision in self._decide().values():
            for runs in decision.runs if isinstance(decision, Rerun) else ():
                wanted[runs.commit] = max(wanted[runs.commit], runs.number)
        return dict(wanted)

    def _decide(self) -> dict[CellKey, Decision]:
        past = self._past()
        known = known_bisections(self.watch.name, self._request, self._of_this_branch(past))
        walks = self._own is not None
        # Of results of others nobody runs a commit again.
        reverts = self._reverts(known) if walks else {}
        return decide(self._observations(past), self._history.commits, known, walks=walks, reverts=reverts)

    def _reverts(self, known: Iterable[KnownBisection]) -> dict[str, str]:
        """Return the reverting commit of each culprit on the branch that was reverted."""
        culprits = {each for one in known for each in one.culprits.values()} & self._history.positions.keys()
        for each in culprits - self._reverted.keys():
            self._reverted[each] = reverted_by(self._repository, each, self._history.commits[-1])
        return {culprit: self._reverted[culprit] for culprit in culprits if self._reverted[culprit]}

    def _observations(self, past: tuple[PastSession, ...]) -> tuple[Observation, ...]:
        if self._request is None:
            return self._observed
        same = [each for each in past if has_check(each, self._request)]
        return own_observations(self.watch.name, self._request, same)

    def _of_this_branch(self, past: tuple[PastSession, ...]) -> list[PastSession]:
        """Return the sessions of commits in the history, not of another repository or rewritten history."""
        git, head = self._repository.git, self._history.commits[-1]
        unknown = {each.request.bad for each in past} - self._history.positions.keys()
        older = ancestors(git, existing(git, unknown), [head])
        return [each for each in past if each.request.bad not in unknown or each.request.bad in older]

    def _known_runs(self, decision: Bisect, resolved: Resolved) -> tuple[KnownTrials, ...]:
        """Return the known runs of its cells, and of other cells in its trials, which may be flaky."""
        if resolved.request.check.by_exit_code:
            return decision.trials
        runs = known_runs(self._observations(self._past()), self._history.commits)
        return (*decision.trials, *(each for each in runs if each.cell not in decision.cells))

    def _reused_commits(self, resolved: Resolved) -> frozenset[str]:
        """Return the commits whose runs a bisection reuses anyway, as shared trials of its range.

        Trials of commands are not shared, and a repeated bisection reuses none.
        """
        if self._request is None or self._request.check.by_exit_code or resolved.request.fresh:
            return frozenset()
        return frozenset((*resolved.range.parents, *resolved.request.ends))

    def _run(self, resolved: Resolved) -> Document:
        return self._tools.run(
            sessions.create(resolved, self._tools.store, self._tools.home), self._tools.store
        )

    def _postpone(self, what: str) -> None:
        self._note(f"the budget is used up; {what} tonight")
        self._codes.append(ExitCode.INCONCLUSIVE)

    def _record_not_bisected(self, decision: Bisect, error: BisectError) -> None:
        self._record_error(error, f"{range_of(decision)} is not bisected: ")

    def _record_error(self, error: BisectError, what: str = "") -> None:
        _log.warning("%s: %s", self.watch.name, error.message, exc_info=not isinstance(error, UsageError))
        self._note(f"{what}{error.message}. {error.hint}".rstrip())
        self._errors.append(ExitCode(error.exit_code))  # its traceback would keep the store open

    def _note(self, why: str) -> None:
        """Print and record what this night could not do."""
        self._tools.notify(f"{self.watch.name}: {why}")
        self._notes.append(why)

    def _require_same_profile(self) -> None:
        """Reject another profile than that of earlier nights, e.g. after the machine lost a GPU."""
        if self._request is None or self.watch.options.profile is not None:
            return
        last = last_profile(self._past(), self.watch.name, self._request)
        if last != self._request.profile:
            raise EnvironmentFailed(
                f"this machine fits profile {self._request.profile}, but earlier nights ran {last}",
                f'See `bisect-run doctor`, or choose one: profile = "{self._request.profile}".',
            )

    def _note_unknown_commits(self) -> None:
        """Say which results do not count; without the newest ones, that nothing is new is not known."""
        cuts, history = self._repository.cuts, self._history.positions
        observed = self._observed if self._own is None else self._observations(self._past() if cuts else ())
        if commits := unknown_commits(observed, history):
            ref, named = clean_line(self.watch.options.ref, 100), listing([short(each) for each in commits])
            hint = f"The clone is shallow: {DEEPEN}" if cuts else "Fetch the repository, and check --branch"
            self._note(
                f"results of {count(len(commits), 'commit')} are ignored, because they are not in the "
                f"history of {ref}: {named}. {hint}"
            )
        if is_behind(observed, history):
            self._codes.append(ExitCode.INCONCLUSIVE)

    def _former_names(self) -> tuple[str, ...]:
        """The earlier names of the watch; a message names those that it continues."""
        request, observed = self._request, {astuple(each.key)[1:] for each in self._observed}
        found = former_names(
            self.watch,
            self._of_this_branch(self._past()),
            lambda each: is_about(each, observed) if request is None else has_check(each, request),
        )
        if found:
            self._tools.notify(f"{self.watch.name}: continues the history of {listing(found)}")
        return found

    def _past(self) -> tuple[PastSession, ...]:
        return renamed(past_sessions(self._tools.store, self._tools.home), self._former, self.watch.name)

    @property
    def _request(self) -> Request | None:
        return None if self._own is None else self._own.request

    @cached_property
    def _trial_s(self) -> float:
        """The expected duration of a trial, in seconds."""
        if self._request is None:
            return _USUAL_TRIAL_S
        same = [each for each in self._past() if has_check(each, self._request)]
        seconds = [row.result.seconds for each in same for row in each.trials]
        return sum(seconds) / len(seconds) if seconds else _USUAL_TRIAL_S

    @property
    def _minutes_left(self) -> float | None:
        budget = self.watch.options.budget_minutes
        return None if budget is None else max(budget - (time.monotonic() - self._began) / 60, 0.01)

    @property
    def _used_up(self) -> bool:
        left = self._minutes_left
        return left is not None and left <= 0.01
