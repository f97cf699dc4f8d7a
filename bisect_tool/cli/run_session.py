"""Run a session in a terminal: progress, the report at the end, the exit code."""

from __future__ import annotations

import shlex
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from bisect_tool.build import BuildInterrupted
from bisect_tool.cli.dry_run import dry_run
from bisect_tool.cli.endpoint_advice import endpoint_advice
from bisect_tool.cli.interrupt import Interrupt, interruptible
from bisect_tool.errors import EnvironmentFailed, ExitCode, UsageError, exit_code_of
from bisect_tool.format import listing, short
from bisect_tool.json_document.compose import compose, native_changes
from bisect_tool.json_document.confirmation import confirmed, next_searches
from bisect_tool.json_document.step_exit_code import cell_verdict, exit_code
from bisect_tool.mode import Bisect, Repro, Walk
from bisect_tool.options.resolve import resolve
from bisect_tool.paths import home
from bisect_tool.reproduction_script.script import needed, origin, script
from bisect_tool.session import confirmation, runner, walk
from bisect_tool.session import session as sessions
from bisect_tool.session.executors import executor_of
from bisect_tool.session.past_trials import past_trials
from bisect_tool.session.store import Store, StoreRemoved
from bisect_tool.supervise.machine_load import BusyWatch
from bisect_tool.terminal.output import notify, write_json, write_report
from bisect_tool.terminal.progress import Progress
from bisect_tool.trial.run import TrialAborted

if TYPE_CHECKING:
    from bisect_tool.json_document.document import Document
    from bisect_tool.options.run_options import ReproOptions, RunOptions, StepOptions
    from bisect_tool.planner import State
    from bisect_tool.session.session import Session


def start(options: RunOptions | ReproOptions, command: Literal["run", "demo"] = "run") -> int:
    """Run a new session to its end and print its report; returns the exit code."""
    here = home()
    resolved = resolve(options, here, notify, command)
    if options.dry_run:
        return dry_run(resolved, here)
    store = Store(here.store, notify)
    session = sessions.create(resolved, store, here)
    return run_and_report(session, store, options.as_json)


def run_step(options: StepOptions) -> int:
    """Run one commit and print a line for each cell; returns the exit code for `git bisect run`."""
    here = home()
    options = options if options.repo is not None else replace(options, repo=".")
    store = Store(here.store, notify)
    session = sessions.create(resolve(options, here, notify), store, here)
    with interruptible() as interrupt, sessions.held(session):
        _, document = _run_to_end(session, store, interrupt)
    store.finish(session.id, document.to_json())
    last = store.trials(session.id)[-1].result
    for cell in last.cells:
        reason = cell.failure.signature if cell.failure else cell.reason
        notify(f"{cell.cell}: {cell_verdict(cell, options.signature)}, {cell.outcome} {reason}".rstrip())
    return exit_code(last.cells, options.signature)


class SessionInterrupted(Exception):
    """A signal ended the session; it can be resumed."""

    def __init__(self, exit_code: ExitCode) -> None:
        super().__init__(f"exit code {int(exit_code)}")
        self.exit_code = exit_code


def run_and_report(session: Session, store: Store, as_json: bool) -> int:
    """Run the session to its end, store its document and print it; returns the exit code."""
    try:
        document = finish(session, store)
    except SessionInterrupted as interrupted:
        return interrupted.exit_code
    _write_script(session, document)
    if as_json:
        write_json(document)
    else:
        write_report(document)
    if document.exit_code == ExitCode.ENDPOINTS:
        notify(endpoint_advice(document))
    return document.exit_code


def finish(session: Session, store: Store) -> Document:
    """Run the session to its end, and store its document.

    Raises:
        SessionInterrupted: a signal ended it.
        EnvironmentFailed: the environment failed; resumable.
    """
    return _finish(session, store)[0]


def finish_or_stop(session: Session, store: Store) -> Document:
    """Like `finish`, for one of several sessions: a signal that came too late for this one ends the others.

    Raises:
        SessionInterrupted: a signal came, even after the last trial.
        EnvironmentFailed: the environment failed; resumable.
    """
    document, interrupt = _finish(session, store)
    if interrupt.received:
        raise SessionInterrupted(interrupt.exit_code)
    return document


def _finish(session: Session, store: Store) -> tuple[Document, Interrupt]:
    with interruptible() as interrupt:
        try:
            with sessions.held(session):
                document = _run(session, store, interrupt)
        except (TrialAborted, BuildInterrupted) as error:
            remains = f", {error.remains}" if isinstance(error, TrialAborted) and error.remains else ""
            notify(f"interrupted{remains}; resume with: bisect-run resume {session.id}")
            sessions.note_end(session.home, session.id, interrupt.exit_code)
            raise SessionInterrupted(interrupt.exit_code) from error
        except (sessions.SessionBusy, UsageError, StoreRemoved):
            raise
        except Exception as error:
            sessions.note_end(session.home, session.id, exit_code_of(error))
            notify(f"the session can be resumed: bisect-run resume {session.id}")
            raise
    store.finish(session.id, document.to_json())
    return document, interrupt


def _run(session: Session, store: Store, interrupt: Interrupt) -> Document:
    mode, began, before = session.request.mode, time.monotonic(), len(store.trials(session.id))
    state, document = _run_to_end(session, store, interrupt)
    if isinstance(mode, Walk):
        bisecting = None if state.stopped else walk.follow(session, store)
        if bisecting is None:
            return document
        _announce(bisecting)
        budget = session.budget.minus(len(store.trials(session.id)) - before, (time.monotonic() - began) / 60)
        with sessions.held(bisecting):
            document = _run(replace(bisecting, budget=budget), store, interrupt)
        store.finish(bisecting.id, document.to_json())
        return document
    if not isinstance(mode, Bisect) or mode.confirm is None:
        return document
    if reason := confirmation.why_not(session, state):
        notify(reason)
        return document
    confirming_session = _confirmation_session(session, state, store)
    budget = session.budget.minus(len(store.trials(session.id)) - before, (time.monotonic() - began) / 60)
    with sessions.held(confirming_session):
        reverting, confirming = _run_to_end(replace(confirming_session, budget=budget), store, interrupt)
    if reverting.stopped:
        reason = "the budget was used up before all reverts were tested"
        notify(f"{reason}; resume with: bisect-run resume {session.id}")
    store.finish(confirming_session.id, confirming.to_json())
    tried = confirming.fixes.candidates if confirming.fixes else ()
    results = [row.result for row in sessions.trials(session, store)]
    return confirmed(document, confirming, next_searches(session, tried, results))


def _announce(bisecting: Session) -> None:
    """Print the commits between which is bisected after a walk."""
    (found,), start = bisecting.request.goods, bisecting.request.bad
    verb = "fails" if bisecting.request.finds_fix else "passes"
    notify(f"{short(found)} {verb}: bisecting between it and {short(start)}")


def _run_to_end(session: Session, store: Store, interrupt: Interrupt) -> tuple[State, Document]:
    request = session.request
    busy = BusyWatch() if request.runs_here else str  # the load of another machine is not known
    past = past_trials(store, request).get(request.executor, ())
    with Progress(session, busy=busy, past=past) as progress:
        own = [row.result for row in store.trials(session.id)]

        def ask(question: str) -> bool:
            return interrupt.can_ask and progress.ask(question)

        executor = executor_of(session, interrupt.cancel, own, ask)
        state = runner.run(session, session.planner, store, progress, executor)
    session = sessions.assembled(session, store)
    return state, compose(session, sessions.trials(session, store), state, native_changes(session))


def _confirmation_session(session: Session, state: State, store: Store) -> Session:
    """Return the session that confirms the culprits of this one: an existing one, else a new one."""
    found = confirmation.culprits(session, state)
    shas = tuple(dict.fromkeys(short(item.culprit) for item in found if item.culprit))
    notify(f"confirming: reverting {listing(shas, limit=len(shas))} on {short(session.request.bad)}")
    return confirmation.existing_session(session, found, store) or confirmation.begin(session, found, store)


def _write_script(session: Session, document: Document) -> None:
    mode = session.request.mode
    if not isinstance(mode, Repro) or mode.script is None:
        return
    try:
        Path(mode.script).write_text(script(session, document), encoding="utf-8")
    except OSError as error:
        raise EnvironmentFailed(
            f"cannot write the script {mode.script}: {error.strerror}",
            f"`bisect-run report {session.id}` prints the result.",
        ) from error
    what = f"run {short(session.request.bad)} alone" if mode.against else "do the same"
    python = f"PYTHON={shlex.quote(sys.executable)} " if needed(session) else ""
    repository = "" if origin(session) else f" {shlex.quote(session.request.repo)}"
    notify(f"to {what} without bisect-run:  {python}bash {shlex.quote(mode.script)}{repository}")
