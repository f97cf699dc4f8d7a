"""End the processes of a trial whose guardian was killed."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from bisect_tool.supervise.files import write_atomically
from bisect_tool.supervise.guardian_protocol import RESULT_FILE, SPEC_FILE, GuardianResult, Leftovers, Reason
from bisect_tool.supervise.journal import read_guardian, read_journal
from bisect_tool.supervise.process_set import KILL_LIMIT_S, sweep
from bisect_tool.supervise.processes import Process, below, environment, started_at, table
from bisect_tool.supervise.shared_memory import remove_leftovers

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

GRACE_S = 1.0
KEEPER_S = GRACE_S + KILL_LIMIT_S + 1.0
"""How long a keeper takes at most to end what a killed guardian leaves."""
EMPTY_POLLS = 3


def end_abandoned(folder: Path, token: str, oldest: int, keeper: int = 0) -> tuple[Leftovers, dict[int, int]]:
    """End the rest of the tree recorded in `folder`, and all processes below a keeper with this pid.

    `oldest` is a start time before which no process of the tree started: the trial may have changed the
    records.

    Returns the leftovers, and the parents of all recorded processes.
    """
    abandoned = OrphanTree(folder, token, oldest, keeper)
    ends = time.monotonic() + GRACE_S
    signals = sweep(abandoned, lambda: ends, time.sleep)
    known = {info.identity: info for info in read_journal(folder)}
    processes = tuple(replace(known[who], ended_by=name) for who, name in signals.items() if who in known)
    parents = {info.pid: info.ppid for info in known.values()}
    return Leftovers(processes, (), remove_leftovers(folder)), parents


def spec_written(folder: Path) -> int:
    """Return when a run's spec was written, as a start time; without one, the current time.

    The run may have changed the records, but cannot set this back (st_ctime, inode(7)).
    """
    try:
        return started_at((folder / SPEC_FILE).lstat().st_ctime)
    except OSError:  # the run has removed it
        return started_at(time.time())


def records_removed(folder: Path) -> bool:
    """Whether the program has removed its folder, or replaced it, or the result by a folder."""
    return folder.is_symlink() or not folder.is_dir() or (folder / RESULT_FILE).is_dir()


def record_lost(
    folder: Path, began: float, leftovers: Leftovers, parents: Mapping[int, int]
) -> GuardianResult:
    """Write and return the result of a run whose guardian was killed; it `began` then (monotonic)."""
    result = GuardianResult(Reason.LOST, None, time.monotonic() - began, time.time(), leftovers, parents)
    try:
        if not folder.is_symlink():
            write_atomically(folder / RESULT_FILE, result.to_json())
    except OSError as error:  # on a full disk the next `recover` finds the same
        import logging  # noqa: PLC0415 - every guardian would pay for its import

        log = logging.getLogger("bisect_run.supervise")
        log.info("%s is not written: %s", folder / RESULT_FILE, error)
    return result


class OrphanTree:
    """The processes with the token in their environment or recorded by the guardian, and their descendants.

    Both are needed: a process that changes its title may overwrite its environment, and one that started
    right before the guardian was killed is not recorded. No process older than the guardian belongs to the
    tree, and no guardian is older than `oldest`. Without a token (its record is damaged), only recorded
    processes belong to it. All that is below a keeper does.
    """

    def __init__(self, folder: Path, token: str, oldest: int, keeper: int = 0) -> None:
        guardian = read_guardian(folder, oldest)
        self._mark = token.encode()
        recorded = {info.identity for info in read_journal(folder)} if guardian else set()
        self._known = {identity for identity in recorded if guardian and identity[1] >= guardian[1]}
        # Whoever has the token is of the tree, even if the records or the clock were changed.
        self._oldest = min(guardian[1], oldest) if guardian else 0
        self._tops = [keeper] if keeper else []
        self._seen: list[Process] = []
        self._quiet = 0

    def alive(self) -> list[Process]:
        """Processes found by the last poll."""
        return self._seen

    def empty(self) -> bool:
        """Whether several polls in a row have found nothing.

        One poll can miss a process that is just forked, or whose environment is empty during execve(2).
        """
        processes = table()
        ours = [process for process in processes.values() if self._is_ours(process)]
        found = [*ours, *below([*self._tops, *(process.pid for process in ours)], processes)]
        self._known.update(process.identity for process in found)
        self._seen = [process for process in found if not process.dead and process.pid != os.getpid()]
        self._quiet = 0 if self._seen else self._quiet + 1
        return self._quiet >= EMPTY_POLLS

    def _is_ours(self, process: Process) -> bool:
        if process.identity in self._known:
            return True
        if not self._mark:
            return False
        return process.started >= self._oldest and self._mark in environment(process.pid)
