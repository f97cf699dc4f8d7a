"""End a tree of processes whose guardian was killed, and which nothing holds together any more."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from bisect_tool.supervise.journal import read_guardian, read_journal
from bisect_tool.supervise.leftovers import remove_leftovers
from bisect_tool.supervise.processes import Identity, Process, below, environment, table
from bisect_tool.supervise.spec import Leftovers
from bisect_tool.supervise.sweep import sweep

if TYPE_CHECKING:
    from pathlib import Path

GRACE_S = 1.0
QUIET_LOOKS = 3


def end_abandoned(folder: Path, token: str) -> tuple[Leftovers, dict[int, int]]:
    """End what is left of the tree recorded in `folder`; what that was, and the parents of all ever seen."""
    abandoned = Abandoned(folder, token)
    ends = time.monotonic() + GRACE_S
    told = sweep(abandoned, lambda: ends, time.sleep)
    known = {info.identity: info for info in read_journal(folder)}
    processes = tuple(replace(known[who], ended_by=name) for who, name in told.items() if who in known)
    parents = {info.pid: info.ppid for info in known.values()}
    return Leftovers(processes, (), remove_leftovers(folder)), parents


class Abandoned:
    """What carries the token in its environment, was written down by the guardian, or is below one of these.

    Both are needed: a process that changes its title may overwrite its environment, and one that was born
    right before the guardian died is in no record.
    """

    def __init__(self, folder: Path, token: str) -> None:
        self._mark = token.encode()
        trusted = read_guardian(folder) is not None
        self._recorded = {info.identity for info in read_journal(folder)} if trusted else set()
        self._marked: dict[Identity, bool] = {}
        self._seen: list[Process] = []
        self._quiet = 0

    def alive(self) -> list[Process]:
        """What the last look found."""
        return self._seen

    def empty(self) -> bool:
        """Whether several looks in a row have found nothing: one can miss a process that is being born."""
        processes = table()
        marked = [process for process in processes.values() if self._is_ours(process)]
        found = [*marked, *below([process.pid for process in marked], processes)]
        self._seen = [process for process in found if not process.dead and process.pid != os.getpid()]
        self._quiet = 0 if self._seen else self._quiet + 1
        return self._quiet >= QUIET_LOOKS

    def _is_ours(self, process: Process) -> bool:
        who = process.identity
        if who in self._recorded:
            return True
        if who not in self._marked:
            self._marked[who] = self._mark in environment(process.pid)
        return self._marked[who]
