"""A session: its request, repository, commit range and planner, and the trials it may reuse."""

from __future__ import annotations

import logging
import os
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from bisect_tool import scenario as scenarios
from bisect_tool.checks import SuiteCheck
from bisect_tool.diagnostics import open_log
from bisect_tool.errors import EnvironmentFailed, ExitCode, UsageError
from bisect_tool.file_lock import is_held, try_lock
from bisect_tool.fix_candidates import candidate_commits
from bisect_tool.git import Range, Repository
from bisect_tool.git.clone import is_url
from bisect_tool.git.repository import ignore
from bisect_tool.mode import UNLIMITED, Bisect, Budget, Fixes, Repro, Walk
from bisect_tool.options.resolve_mode import span_of
from bisect_tool.options.resolve_wheels import profile_of
from bisect_tool.request import Request
from bisect_tool.session.session_planner import planner_of
from bisect_tool.session.store import another_version
from bisect_tool.supervise.files import read_regular, write_atomically
from bisect_tool.trial.config import TrialConfig
from bisect_tool.trial.result_key import scenario_digest, version
from bisect_tool.trial.user_environment import own_paths, paths_inside
from bisect_tool.verdict import CONCLUSIVE, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from bisect_tool.options.resolve import Resolved
    from bisect_tool.paths import Home
    from bisect_tool.planner import Planner
    from bisect_tool.scenario import Profile
    from bisect_tool.session.store import Store, TrialRow
    from bisect_tool.trial.result import TrialResult

ENDED_WITH, LOCK = "ended-with", "running.lock"
"""Files in a session's folder: the exit code of its last run, and the lock of a running one."""
_log = logging.getLogger("bisect_run.session")


@dataclass(frozen=True)
class Session:
    """A stored session: its id, request, repository, commit range and folders, and the budget of a run."""

    id: str
    created: str
    request: Request
    repository: Repository
    range: Range
    home: Home
    budget: Budget = UNLIMITED

    @cached_property
    def config(self) -> TrialConfig:
        """The settings shared by all trials of the session."""
        return _trial_config(self)

    @cached_property
    def version(self) -> str:
        """The key under which sessions share trials; empty if this session shares none."""
        return _version(self)

    @cached_property
    def planner(self) -> Planner:
        """The planner that chooses the trials."""
        return planner_of(self.request, self.repository, self.range)


def create(resolved: Resolved, store: Store, home: Home) -> Session:
    """Start a new session in the store."""
    request = with_scenario(resolved.request)
    row = store.session(store.create(request.model_dump_json()))
    budget = _budget(request)
    return Session(row.id, row.created, request, resolved.repository, resolved.range, home, budget)


def with_scenario(request: Request) -> Request:
    """Return the request with the current hash of its scenario."""
    if request.scenario is None:
        return request
    return request.model_copy(update={"scenario_sha256": scenario_digest(scenarios.load(request.scenario))})


def require_same_scenario(session: Session) -> None:
    """Raise UsageError if the scenario was edited since the session began."""
    request = session.request
    if request.scenario_sha256 and request != with_scenario(request):
        raise UsageError(
            f"scenario {request.scenario} was edited since session {session.id} started:"
            " its trials ran another suite",
            f"Restore it, start over ({request.rerun}), or keep those results: "
            f"bisect-run resume {session.id} --edited-check",
        )


def load(session: str, store: Store, home: Home, on_wait: Callable[[str], None] = ignore) -> Session:
    """Load a stored session; raises UsageError if it or its repository no longer exists.

    `on_wait` is called with a sentence about a resource that another run holds.
    """
    row = store.session(session)
    try:
        request = Request.model_validate_json(row.request)
    except ValidationError:
        raise another_version(row.id) from None
    repository = _open(request.repo, row.id, home, on_wait)
    span = _span(request, repository)
    return Session(row.id, row.created, request, repository, span, home, _budget(request))


def _budget(request: Request) -> Budget:
    """Return the budget of one run; a resumed session gets a full one."""
    return request.mode.budget if isinstance(request.mode, Bisect | Walk) else UNLIMITED


def _span(request: Request, repository: Repository) -> Range:
    if isinstance(request.mode, Fixes):
        return candidate_commits.span(request, repository)
    return span_of(request, repository)


def _open(repo: str, session: str, home: Home, on_wait: Callable[[str], None]) -> Repository:
    try:
        return Repository.open(repo, home.cache, on_wait)
    except UsageError:
        if is_url(repo) or Path(repo).is_dir():
            raise
        raise UsageError(
            f"the repository of session {session} is no longer at {repo}",
            f"If it has moved, use: bisect-run resume {session} --repo PATH",
        ) from None


def _trial_config(session: Session) -> TrialConfig:
    request = session.request
    scenario = scenarios.load(request.scenario) if request.scenario else None
    profile = profile_of(request)
    mode = request.mode
    return TrialConfig(
        request.check,
        session.home,
        scenario,
        profile,
        request.deadline_s,
        request.cells,
        request.slots,
        stress=(mode.stress, mode.stress_roles) if isinstance(mode, Repro) and mode.stress else None,
        passed=request.pass_env,
        own=_own_paths(session),
        devices=request.gpus,
        share_gpu=request.share_gpu,
        nodes=_nodes(request, profile),
    )


def _nodes(request: Request, profile: Profile | None) -> int:
    """Return how many machines a trial spans: only a suite starts servers on further ones."""
    spans = request.executor == "ray" and isinstance(request.check, SuiteCheck)
    return profile.nodes if profile and spans else 1


def _own_paths(session: Session) -> Mapping[str, str]:
    """Return the paths in variables that a trial replaces by those of the commit's tree."""
    checkout = session.repository.checkout if session.request.check.inherits_variables else None
    if checkout is None:
        return {}
    inside = paths_inside(os.environ, checkout)
    below = {path for path in inside.values() if path != "."}
    return own_paths(inside, session.repository.tree_hashes(session.request.bad, below))


def trials(session: Session, store: Store) -> list[TrialRow]:
    """Return the trials of a session: shared ones of earlier sessions, then its own."""
    first = _confirmed(session, store)
    known = {row.number for row in first}
    earlier = [row for row in _earlier(session, store) if row.number not in known]
    return [*first, *earlier, *store.trials(session.id)]


def _confirmed(session: Session, store: Store) -> list[TrialRow]:
    """Return the always reused trials: of the confirmed bisection at the bad end, or of the walk."""
    mode = session.request.mode
    if isinstance(mode, Bisect) and mode.walk:
        known = {*session.request.ends, *session.range.parents}
        return [replace(row, shared=True) for row in store.trials(mode.walk) if row.result.sha in known]
    rows = store.trials(mode.confirms) if isinstance(mode, Fixes) and mode.confirms else []
    return [replace(row, shared=True) for row in rows if row.result.sha == session.request.bad]


def _earlier(session: Session, store: Store) -> list[TrialRow]:
    request = session.request
    mark = "" if request.fresh or isinstance(request.mode, Repro) else session.version
    if not mark:  # the runs of `repro` are its own: it measures a rate
        return []
    ends = request.ends
    shas = dict.fromkeys((*ends, *session.range.parents))
    return [row for row in store.earlier(session.id, mark, shas) if _is_reusable(row.result, ends)]


def _version(session: Session) -> str:
    own = version(session.config) if session.request.mode.shares_trials else ""
    # Names of commits do not say what replacements, grafts and line ends make of them.
    variant = session.repository.parts.variant
    return f"{own}+{variant}" if own and variant else own


def _is_reusable(result: TrialResult, ends: Sequence[str]) -> bool:
    """Whether a trial of another session can be reused: it gave a result.

    At a good or bad end it must have run every cell, because runs of the ends show which cells exist.
    """
    conclusive = any(cell.outcome in CONCLUSIVE for cell in result.cells)
    spoiled = result.outcome in (Outcome.INFRASTRUCTURE, Outcome.UNBUILDABLE)
    return conclusive and not spoiled and (result.whole or result.sha not in ends)


def assembled(session: Session, store: Store) -> Session:
    """Return the session with the combinations of candidates that its trials need, each as a commit.

    They are not stored: they follow from the trials, and equal edits make equal commits.
    """
    while isinstance(session.request.mode, Fixes):
        results = [row.result for row in trials(session, store)]
        wanted = session.planner.decide(results).wanted
        if not wanted:
            break
        request = candidate_commits.build_combination(session.request, session.repository, wanted)
        session = replace(session, request=request, range=candidate_commits.span(request, session.repository))
    return session


class SessionBusy(EnvironmentFailed):
    """Another process is running the session."""


@contextmanager
def held(session: Session) -> Iterator[None]:
    """Lock the session, so that no other process runs it, and log into its folder.

    Raises:
        SessionBusy: another process is running it.
    """
    with try_lock(_lock(session.home, session.id)) as lock:
        if lock is None:
            raise SessionBusy(
                f"session {session.id} is being run by another process",
                "Wait for it to end, or give the id of another session: `bisect-run status` lists them.",
            )
        _end(session.home, session.id).unlink(missing_ok=True)
        open_log(session.home.session(session.id))
        yield


def note_end(home: Home, session: str, code: ExitCode) -> None:
    """Record the exit code of a process that leaves the session unfinished; a full disk is ignored."""
    try:
        write_atomically(_end(home, session), str(int(code)))
    except OSError as error:
        _log.warning("exit code %d is not recorded: %s", code, error)


def ended_with(home: Home, session: str) -> ExitCode:
    """Return the exit code of the last run of an unfinished session; INTERRUPTED if it was killed."""
    try:
        return ExitCode(int(read_regular(_end(home, session))))
    except (OSError, ValueError):  # it was killed before it could say so
        return ExitCode.INTERRUPTED


def is_running(home: Home, session: str) -> bool:
    """Whether a process holds the session's lock."""
    return is_held(_lock(home, session))


@contextmanager
def not_running(home: Home, session: str) -> Iterator[bool]:
    """Keep the session from being run; yields False if a process runs it."""
    file = _lock(home, session)
    if not file.parent.is_dir():
        yield True
        return
    with try_lock(file) as lock:
        yield lock is not None


def _end(home: Home, session: str) -> Path:
    return home.session(session) / ENDED_WITH


def _lock(home: Home, session: str) -> Path:
    return home.session(session) / LOCK
