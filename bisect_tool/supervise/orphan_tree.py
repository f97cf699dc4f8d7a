"""End the processes of a trial whose guardian was killed."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from bisect_tool.supervise.guardian_protocol import Leftovers
from bisect_tool.supervise.journal import read_guardian, read_journal
from bisect_tool.supervise.process_set import sweep
from bisect_tool.supervise.processes import Process, below, environment, table
from bisect_tool.supervise.shared_memory import remove_leftovers

if TYPE_CHECKING:
    from pathlib import Path

GRACE_S = 1.0
EMPTY_POLLS = 3


def end_abandoned(folder: Path, token: str) -> tuple[Leftovers, dict[int, int]]:
    """End the rest of the tree recorded in `folder`; returns the leftovers, and all processes' parents."""
    abandoned = OrphanTree(folder, token)
    ends = time.monotonic() + GRACE_S
    signals = sweep(abandoned, lambda: ends, time.sleep)
    known = {info.identity: info for info in read_journal(folder)}
    processes = tuple(replace(known[who], ended_by=name) for who, name in signals.items() if who in known)
    parents = {info.pid: info.ppid for info in known.values()}
    return Leftovers(processes, (), remove_leftovers(folder)), parents


class OrphanTree:
    """The processes with the token in their environment or recorded by the guardian, and their descendants.

    Both are needed: a process that changes its title may overwrite its environment, and one that started
    right before the guardian was killed is not recorded. No process older than the guardian belongs to the
    tree. Without a token (its record is damaged), only recorded processes belong to it.
    """

    def __init__(self, folder: Path, token: str) -> None:
        guardian = read_guardian(folder)
        self._mark = token.encode()
        self._known = {info.identity for info in read_journal(folder)} if guardian else set()
        self._oldest = guardian[1] if guardian else 0
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
        found = [*ours, *below([process.pid for process in ours], processes)]
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
