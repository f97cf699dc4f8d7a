"""Write `processes.jsonl`: every observed process of a trial, with its first parent and its times.

Append-only, one object a line; the last line about a process is the valid one. `guardian.json` identifies the
guardian that wrote it.
"""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from bisect_tool.supervise.files import append_regular, read_regular, write_atomically
from bisect_tool.supervise.guardian_protocol import UNREADABLE, ProcessInfo, process_info, whole
from bisect_tool.supervise.processes import Identity, Process, read_bytes, read_process, title

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

JOURNAL_FILE = "processes.jsonl"
GUARDIAN_FILE = "guardian.json"
BOOT_ID, STAT = "/proc/sys/kernel/random/boot_id", "/proc/stat"
_BTIME = re.compile(rb"^btime (\d+)$", re.MULTILINE)


class Journal:
    """Records processes, changes of their titles and names, and their ends."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / JOURNAL_FILE
        self._known: dict[Identity, ProcessInfo] = {}

    def poll(self, processes: Iterable[Process], now: float) -> None:
        """Record the processes that are alive now (epoch seconds)."""
        alive = {process.identity: process for process in processes if not process.dead}
        changed = []
        for identity, process in alive.items():
            line, name = title(process.pid), process.name
            known = self._known.get(identity)
            if known is None:
                changed.append(ProcessInfo(process.pid, process.ppid, process.started, line, now, name=name))
            # A process that ends loses its command line first.
            elif not line.startswith("[") and (line, name) != (known.title, known.name):
                changed.append(replace(known, title=line, name=name))
        gone = [info for identity, info in self._known.items() if identity not in alive and info.gone is None]
        changed += [replace(info, gone=now) for info in gone]
        self._write(changed)

    def known(self) -> tuple[ProcessInfo, ...]:
        """All processes ever seen."""
        return tuple(self._known.values())

    def parents(self) -> dict[int, int]:
        """The parent of every pid; of a pid used twice, that of the later process."""
        return {info.pid: info.ppid for info in self._known.values()}

    def _write(self, changed: list[ProcessInfo]) -> None:
        if not changed:
            return
        self._known.update((info.identity, info) for info in changed)
        # A full disk must not end the one process that cleans up.
        with suppress(OSError):
            append_regular(self._path, "".join(json.dumps(asdict(info)) + "\n" for info in changed))


def read_journal(folder: Path) -> tuple[ProcessInfo, ...]:
    """Return every process of a trial, as last recorded, in the order of first sight."""
    known: dict[Identity, ProcessInfo] = {}
    with suppress(OSError):  # it was killed before it wrote one
        for line in read_regular(folder / JOURNAL_FILE).splitlines():
            with suppress(*UNREADABLE):  # a line cut off by the end of its writer
                info = process_info(json.loads(line))
                known[info.identity] = info
    return tuple(known.values())


def write_guardian(folder: Path, keeper: Identity | None = None) -> None:
    """Record that this process is the guardian of the trial in `folder`, and its keeper."""
    own = read_process(os.getpid())
    record = {"identity": own and own.identity, "keeper": keeper, "boot": _boot()}
    write_atomically(folder / GUARDIAN_FILE, json.dumps(record))


def read_guardian(folder: Path, oldest: int) -> Identity | None:
    """Return the trial's guardian; None without one since the machine booted, or if the record is damaged.

    After a boot, pids and start times are reused, so neither this nor the journal identifies a process. The
    trial may have written another process there: none is returned that started before `oldest`.
    """
    return _recorded(folder, "identity", oldest)


def read_keeper(folder: Path, oldest: int) -> Identity | None:
    """Return the keeper of the trial's guardian; None as for `read_guardian`."""
    return _recorded(folder, "keeper", oldest)


def _recorded(folder: Path, role: str, oldest: int) -> Identity | None:
    with suppress(OSError, *UNREADABLE):  # there was none, or its record is damaged
        record = json.loads(read_regular(folder / GUARDIAN_FILE))
        pid, started = record[role]
        boot = _boot()
        if boot and record["boot"] == boot and started >= oldest:
            return whole(pid), whole(started)
    return None


def _boot() -> str:
    """Return the id of this boot, else its time (some sandboxes have no id); empty if neither is known."""
    boot_id = read_bytes(BOOT_ID).decode().strip()
    booted = _BTIME.search(read_bytes(STAT))
    return boot_id or (booted[1].decode() if booted else "")
