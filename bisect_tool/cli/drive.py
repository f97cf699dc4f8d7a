"""Run a session in a terminal: progress, the report at the end, the exit code."""

from __future__ import annotations

import shlex
from pathlib import Path

from bisect_tool import session as sessions
from bisect_tool.build import BuildInterrupted
from bisect_tool.cli.interrupt import interruptible
from bisect_tool.cli.output import say, write_json, write_report
from bisect_tool.errors import EnvironmentFailed, ExitCode
from bisect_tool.report.compose import compose, native_changes
from bisect_tool.report.document import Document
from bisect_tool.report.progress import Progress
from bisect_tool.report.script import script
from bisect_tool.session import Session
from bisect_tool.store import Store
from bisect_tool.trial.command import CheckAborted
from bisect_tool.trial.run import TrialAborted


def drive(session: Session, store: Store, as_json: bool) -> int:
    """Run the session to its end, keep its document and print it; returns the exit code."""
    with interruptible() as interrupt:
        try:
            with Progress(session) as progress:
                state = sessions.run(session, store, progress, interrupt.cancel)
        except (TrialAborted, BuildInterrupted):
            say(f"interrupted; go on with: bisect-run resume {session.id}")
            return interrupt.exit_code
        except (EnvironmentFailed, CheckAborted):
            say(f"the session can be resumed: bisect-run resume {session.id}")
            raise
    session = sessions.assembled(session, store)
    document = compose(session, sessions.trials(session, store), state, native_changes(session))
    store.finish(session.id, document.to_json())
    _write_script(session, document)
    if as_json:
        write_json(document)
    else:
        write_report(document)
    if document.exit_code == ExitCode.ENDPOINTS:
        runs = "--runs" if document.fixes else "--endpoint-runs"
        say(f"Are these the commits that CI tested? Does it need other hardware, or more {runs}?")
    return document.exit_code


def _write_script(session: Session, document: Document) -> None:
    asked = session.request.repetition
    if asked is None or asked.script is None:
        return
    Path(asked.script).write_text(script(session, document), encoding="utf-8")
    say(f"to do the same without this tool: bash {shlex.quote(asked.script)}")
