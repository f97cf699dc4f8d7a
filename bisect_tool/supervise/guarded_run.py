"""Run a program under a guardian, and clean up after a guardian that was killed itself."""

from __future__ import annotations

import contextlib
import json
import logging
import shlex
import shutil
import signal
import time
from typing import TYPE_CHECKING

from bisect_tool.errors import EnvironmentFailed
from bisect_tool.supervise.files import read_regular, write_atomically
from bisect_tool.supervise.fork_server import SERVER, GuardianChannel
from bisect_tool.supervise.guardian_protocol import (
    RESULT_FILE,
    SPEC_FILE,
    UNREADABLE,
    GuardianResult,
    GuardianSpec,
    Reason,
    digest,
    seconds,
    valid_token,
)
from bisect_tool.supervise.journal import GUARDIAN_FILE, JOURNAL_FILE, read_guardian, read_keeper
from bisect_tool.supervise.orphan_tree import (
    KEEPER_S,
    end_abandoned,
    record_lost,
    records_removed,
    spec_written,
)
from bisect_tool.supervise.process_set import KILL_LIMIT_S
from bisect_tool.supervise.processes import is_alive, send
from bisect_tool.supervise.shared_memory import SHM_FILE

if TYPE_CHECKING:
    import threading
    from pathlib import Path

    from bisect_tool.supervise.processes import Identity

# No warnings: processes that have only this package log, too, and Python would print them there.
_log = logging.getLogger("bisect_run.supervise")
POLL_S = 0.1
MARGIN_S = 20.0
"""How much longer than its own limits a guardian may take before it counts as lost."""
CLEAN_UP_S = 10.0
OUTPUT_FILE = "guardian.out"
FULL_BYTES = 64 * 1024
_WORDS = 50


def run_guarded(spec: GuardianSpec, cancel: threading.Event | None = None) -> GuardianResult:
    """Run `spec` to its end and return when none of its processes is left.

    Set `cancel` to end it early. An exception in here (Ctrl-C) ends it, too, before it propagates. If the
    guardian is killed, or is stuck for `MARGIN_S` after deadline and grace and for `CLEAN_UP_S` more, this
    process ends the tree (`Reason.LOST`).

    Raises:
        EnvironmentFailed: `spec.folder` cannot be written, or the guardian failed. Nothing runs any more.
    """
    began = time.monotonic()
    _log.debug("start %s in %s, deadline %.0f s", _shown_command(spec), spec.cwd, spec.deadline_s)
    guardian = _start(spec)
    try:
        guardian.send(json.dumps(dict(spec.env)))
        _wait(guardian, spec, cancel)
    finally:
        _finish(guardian, spec)
        result = _result(spec, guardian, began)
        code = "unknown" if result.exit_code is None else result.exit_code
        _log.debug(
            "end %s: %s, exit code %s, %.3f s", _shown_command(spec), result.reason, code, result.seconds
        )
    if result.reason is Reason.LOST and guardian.failed and not records_removed(spec.folder):
        raise _failure(spec)
    return result


def _shown_command(spec: GuardianSpec) -> str:
    return shlex.join(spec.argv[:_WORDS])


def _start(spec: GuardianSpec) -> GuardianChannel:
    spec_file, output_file = spec.folder / SPEC_FILE, spec.folder / OUTPUT_FILE
    try:
        spec.folder.mkdir(parents=True, exist_ok=True)
        for name in (RESULT_FILE, GUARDIAN_FILE, JOURNAL_FILE, SHM_FILE):
            (spec.folder / name).unlink(missing_ok=True)
        if spec.complete:
            spec.complete.unlink(missing_ok=True)
        write_atomically(spec_file, spec.without_env().to_json())
        with output_file.open("wb") as output:
            return SERVER.start(spec_file, output)
    except OSError as error:
        raise EnvironmentFailed(
            f"cannot start a trial in {spec.folder}: {error}", "Check its disk space and permissions."
        ) from error


def _failure(spec: GuardianSpec) -> EnvironmentFailed:
    """Return why the guardian failed, including a full disk, which it cannot record itself."""
    if shutil.disk_usage(spec.folder).free < FULL_BYTES:
        return EnvironmentFailed(f"the disk of {spec.folder} is full", "Free some space, then resume.")
    lines = []
    with contextlib.suppress(OSError):  # it printed nothing
        lines = read_regular(spec.folder / OUTPUT_FILE).decode(errors="replace").splitlines()
    last_line = lines[-1] if lines else "no output"
    return EnvironmentFailed(f"the guardian failed: {last_line}", f"See {spec.folder}.")


def _wait(guardian: GuardianChannel, spec: GuardianSpec, cancel: threading.Event | None) -> None:
    ends = time.monotonic() + spec.deadline_s + spec.grace_s + MARGIN_S
    while time.monotonic() < ends and not guardian.ended(POLL_S):
        if cancel is not None and cancel.is_set():
            _log.info("cancelled: %s", _shown_command(spec))
            return


def _finish(guardian: GuardianChannel, spec: GuardianSpec) -> None:
    """Let the guardian clean up if it still runs; a second interrupt stops waiting for it."""
    try:
        guardian.send("cancel")
        if not guardian.ended(spec.grace_s + KILL_LIMIT_S + CLEAN_UP_S):
            guardian.kill()
    finally:
        guardian.close()


def recover(folder: Path) -> GuardianResult | None:
    """Return the result of the run in `folder`, whose caller was killed; None if none was started.

    Waits for its guardian if that is still cleaning up, and cleans up if it was killed. Nothing of the run is
    left afterwards, and no process is signalled that is older than the run. Unreadable records, e.g. after a
    power loss, are those of an unfinished run; without its token, its processes are those of the journal.
    """
    if not any((folder / name).exists() for name in (SPEC_FILE, GUARDIAN_FILE, JOURNAL_FILE)):
        return None
    token, grace_s = "", GuardianSpec.grace_s
    with contextlib.suppress(OSError, *UNREADABLE):  # as a power loss leaves it
        spec = GuardianSpec.from_json(read_regular(folder / SPEC_FILE))
        token, grace_s = valid_token(spec.token), seconds(spec.grace_s)
    ends = time.monotonic() + grace_s + KILL_LIMIT_S + CLEAN_UP_S
    oldest = spec_written(folder)
    guardian, keeper = read_guardian(folder, oldest), read_keeper(folder, oldest)
    _await(guardian, ends)
    if guardian:
        send(guardian, signal.SIGKILL)
    began = time.monotonic()
    left = end_abandoned(folder, token, oldest)  # also beside a result: the program may have written that
    _await(keeper, time.monotonic() + KEEPER_S)
    with contextlib.suppress(OSError, *UNREADABLE):  # the guardian was killed before it wrote one
        return GuardianResult.from_json(read_regular(folder / RESULT_FILE))
    return record_lost(folder, began, *left)


def _await(process: Identity | None, ends: float) -> None:
    while process and is_alive(process) and time.monotonic() < ends:
        time.sleep(POLL_S)


def _result(spec: GuardianSpec, guardian: GuardianChannel, began: float) -> GuardianResult:
    """Return the result if it has the digest that the guardian sent; the program may have written another."""
    with contextlib.suppress(OSError, *UNREADABLE):  # the guardian was killed before it wrote one
        record = read_regular(spec.folder / RESULT_FILE)
        if digest(record) == guardian.result_digest:
            return GuardianResult.from_json(record)
    _log.info("the guardian of %s left no result: ending what is left", spec.folder)
    return record_lost(spec.folder, began, *end_abandoned(spec.folder, spec.token, guardian.began))
