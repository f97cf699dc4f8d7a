"""Run a session in a terminal: signals, progress, the report at the end, the exit code."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from bisect_tool import session as sessions
from bisect_tool.cli.output import say, write_json, write_report
from bisect_tool.errors import ExitCode
from bisect_tool.report.compose import compose, native_changes
from bisect_tool.report.progress import Progress
from bisect_tool.session import Session
from bisect_tool.store import Store
from bisect_tool.trial.run import TrialAborted


def drive(session: Session, store: Store, as_json: bool) -> int:
    """Run the session to its end, keep its document and print it; returns the exit code."""
    cancel = threading.Event()
    with _signals(cancel) as received:
        try:
            with Progress(session) as progress:
                state = sessions.run(session, store, progress, cancel)
        except TrialAborted as error:
            say(f"{error.message}; go on with: bisect-run resume {session.id}")
            return ExitCode.INTERRUPTED if signal.SIGINT in received else ExitCode.TERMINATED
    document = compose(session, store.trials(session.id), state, native_changes(session))
    store.finish(session.id, document.to_json())
    if as_json:
        write_json(document)
    else:
        write_report(document)
    return document.exit_code


@contextmanager
def _signals(cancel: threading.Event) -> Iterator[list[signal.Signals]]:
    """The first SIGINT, SIGTERM or SIGHUP ends the running trial in order; a second SIGINT ends us at once."""
    received: list[signal.Signals] = []

    def handle(number: int, _: FrameType | None) -> None:
        if received and number == signal.SIGINT:
            raise KeyboardInterrupt
        received.append(signal.Signals(number))
        cancel.set()

    watched = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, handle) for number in watched}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
