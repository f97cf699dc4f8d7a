"""Run the night of each watch, one after the other, with the home locked; then report."""

from __future__ import annotations

import os
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bisect_tool.cli.dry_home import dry_home
from bisect_tool.cli.run_session import SessionInterrupted, finish_or_stop
from bisect_tool.delivery.check_options import check_delivery
from bisect_tool.delivery.deliver import deliver
from bisect_tool.errors import CODES_BY_PRIORITY, BisectError, ExitCode
from bisect_tool.file_lock import lease
from bisect_tool.git.clone import is_cloned, is_url
from bisect_tool.nightly_run.night import Night, Tools
from bisect_tool.nightly_run.queue import in_order
from bisect_tool.nightly_run.reported_causes import record, reported
from bisect_tool.options.watches import watches
from bisect_tool.paths import home
from bisect_tool.render.nightly import render_nights
from bisect_tool.sanitise import redact, secret_values
from bisect_tool.session.store import Store
from bisect_tool.terminal import writer
from bisect_tool.terminal.output import notify
from bisect_tool.write_tokens import with_write_tokens

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    from bisect_tool.json_document.nightly import NightlyDocument
    from bisect_tool.options.nightly_options import NightlyOptions
    from bisect_tool.options.watches import Watch
    from bisect_tool.paths import Home


def run_nights(options: NightlyOptions, given: frozenset[str]) -> int:
    """Run a night of each watch, deliver and print the results; returns the exit code."""
    selected, environment = watches(options, given, Path.cwd()), with_write_tokens(os.environ)
    for watch in selected:
        check_delivery(watch.options, environment, dry_run=options.dry_run)
    here = home()
    with _open_home(here, selected, dry_run=options.dry_run) as (used, store):
        tools = Tools(used, store, os.environ, datetime.now(UTC), notify, finish_or_stop)
        try:
            nights, failed = _create_nights(selected, tools)
            _preview(nights) if options.dry_run else _run(nights)
        except SessionInterrupted as interrupted:
            notify("interrupted; the next `bisect-run nightly` continues")
            return interrupted.exit_code
        documents = [night.document(dry_run=options.dry_run) for night in nights]
        codes = [_deliver(night, each, here) for night, each in zip(nights, documents, strict=True)]
    if documents or options.as_json:
        writer.write(_redacted(_json(documents) if options.as_json else render_nights(documents)))
    return max((*codes, *failed), key=CODES_BY_PRIORITY.index)


@contextmanager
def _open_home(here: Home, selected: Sequence[Watch], *, dry_run: bool) -> Iterator[tuple[Home, Store]]:
    """Yield the home and its store, with the home locked; a dry run gets copies, which it may write to."""
    if not dry_run:
        store = Store(here.store, notify)
        with _nights_lock(here):
            yield here, store
        return
    for watch in selected:
        repo = watch.options.repo
        if repo is not None and is_url(repo) and not is_cloned(repo, here.cache):
            notify(f"{watch.name}: cloning into a temporary directory, because a dry run keeps nothing")
    with dry_home(here, notify) as copied:
        yield copied


def _nights_lock(here: Home) -> AbstractContextManager[int]:
    """Lock the home for `nightly`, without waiting; the error names the process that holds the lock."""
    return lease(
        here.state / "nightly" / "running.lock", 0, "another `bisect-run nightly` is running", notify
    )


def _create_nights(selected: Sequence[Watch], tools: Tools) -> tuple[list[Night], list[ExitCode]]:
    """Return the nights, and the exit codes of watches that failed; with a single watch, its error is raised.

    Raises:
        BisectError: the only watch failed.
    """
    nights, failed = [], []
    known = reported(tools.home)
    if known.problem:
        notify(known.problem)
    for watch in selected:
        try:
            nights.append(Night(watch, tools, known))
        except BisectError as error:
            if len(selected) == 1:
                raise
            notify(f"{watch.name}: {error.message}. {error.hint}".rstrip())
            failed.append(error.exit_code)
    return nights, failed


def _preview(nights: Sequence[Night]) -> None:
    for night in nights:
        night.preview()


def _run(nights: Sequence[Night]) -> None:
    """Run the checks of all watches, then all bisections, the most valuable first."""
    for night in nights:
        night.run_check()
    by_name = {night.watch.name: night for night in nights}
    for queued in in_order(each for night in nights for each in night.queue()):
        by_name[queued.watch].bisect(queued.bisect)


def _deliver(night: Night, document: NightlyDocument, here: Home) -> ExitCode:
    """Deliver a document, and record what it reported; returns the exit code of its watch.

    What could not be posted is posted the next night: open causes are posted like new ones, and a fixed cause
    is reported as fixed again.
    """
    options, environment, dry_run = night.watch.options, with_write_tokens(os.environ), document.dry_run
    code = ExitCode(document.exit_code)
    report = deliver(document, options, environment, here, notify, dry_run=dry_run)
    if report.failed:
        code = _report_failure(night.watch, report.summary, code)
    causes = (each for each in document.causes if each.state != "fixed" or not report.misses(each))
    try:
        if not dry_run:
            record(here, causes)
    except BisectError as error:
        code = _report_failure(night.watch, f"{error.message}. {error.hint}", code)
    return code


def _report_failure(watch: Watch, message: str, code: ExitCode) -> ExitCode:
    """Print what was not delivered; returns `code` if it has a higher priority than the failure."""
    notify(f"{watch.name}: {message}".rstrip())
    return max(ExitCode.ENVIRONMENT, code, key=CODES_BY_PRIORITY.index)


def _json(documents: Sequence[NightlyDocument]) -> str:
    """Return the document of a single watch, or an array of all documents."""
    texts = [each.to_json() for each in documents]
    return texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"


def _redacted(text: str) -> str:
    return redact(text, secret_values(with_write_tokens(os.environ)))
