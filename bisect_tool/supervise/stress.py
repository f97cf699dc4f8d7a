"""Run a program under load or scheduling pressure: `stress.py KIND ROLE,... -- PROGRAM...`.

It runs inside a trial, below its guardian, so that nothing outlives the trial:

- `cpu`: two burners a core, at a lower priority than the program;
- `memory`: one process, at the same low priority, that repeatedly writes to a part of the free memory;
- `delay`: random processes are stopped for an instant, one after the other (SIGSTOP, SIGCONT): those with
  one of the roles (`Worker`), else those with any role, else the program and its descendants.

Only the standard library and this package's own modules, to start fast. Exits with the program's exit code,
or 128 + N for signal N.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if not __package__:  # started by its path
    sys.path.append(str(Path(__file__).resolve().parents[2]))

from bisect_tool.supervise.guardian_protocol import ProcessInfo
from bisect_tool.supervise.processes import Process, below, send, table, title
from bisect_tool.supervise.program import as_script

if TYPE_CHECKING:
    from collections.abc import Sequence

NICENESS = 10
"""Added to the program's own; the kernel takes more than 19 for 19."""
BURNERS_PER_CORE = 2
MEMORY_SHARE = 4
"""The fraction 1/N of the free memory to use, at most `MEMORY_LIMIT` bytes."""
MEMORY_LIMIT = 4 << 30
STOP_S = (0.005, 0.15)
PAUSE_S = 0.02

_BURN = "while True: pass"
_CHURN = """
import sys
size = int(sys.argv[1])
memory = bytearray(size)
turn = 0
while True:
    turn = (turn + 1) % 256
    for page in range(0, size, 4096):
        memory[page] = turn
"""


def stressed(kind: str, roles: Sequence[str], argv: Sequence[str]) -> tuple[str, ...]:
    """Return the command that runs `argv` under this pressure."""
    return (sys.executable, "-I", str(Path(__file__).resolve()), kind, ",".join(roles), "--", *argv)


def main() -> int:
    """Run the program under pressure; returns the exit code."""
    kind, roles, _, *argv = sys.argv[1:]
    helpers = [_helper(words) for words in _helpers(kind)]
    try:
        program = _start(argv)
        while program.poll() is None:
            if kind == "delay":
                _delay([role for role in roles.split(",") if role])
            try:
                program.wait(PAUSE_S if kind == "delay" else None)
            except subprocess.TimeoutExpired:
                continue
        code = program.returncode
    finally:
        for helper in helpers:
            helper.kill()
            helper.wait()
    return code if code >= 0 else 128 - code


def _start(argv: Sequence[str]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(argv)
    except OSError as error:
        script = as_script(argv, error)
        if script is None:
            raise
        return subprocess.Popen(script)


def _helpers(kind: str) -> list[list[str]]:
    if kind == "cpu":
        return [[_BURN]] * (BURNERS_PER_CORE * len(os.sched_getaffinity(0)))
    if kind == "memory":
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        return [[_CHURN, str(min(free // MEMORY_SHARE, MEMORY_LIMIT))]]
    return []


def _helper(words: Sequence[str]) -> subprocess.Popen[bytes]:
    helper = subprocess.Popen([sys.executable, "-I", "-S", "-c", *words], stdin=subprocess.DEVNULL)
    os.setpriority(os.PRIO_PROCESS, helper.pid, os.getpriority(os.PRIO_PROCESS, 0) + NICENESS)
    with suppress(OSError):  # if memory runs out, this process is killed first
        Path(f"/proc/{helper.pid}/oom_score_adj").write_text("1000")
    return helper


def _delay(roles: Sequence[str]) -> None:
    """Stop one of the processes for an instant."""
    ours = [process for process in below([os.getpid()], table()) if not process.dead]
    named = [
        process for process in ours if (role := _role(process)) and (not roles or matches_role(role, roles))
    ]
    found = named if named or roles else ours
    if not found:
        return
    identity = random.choice(found).identity  # noqa: S311 - no secret
    try:
        if send(identity, signal.SIGSTOP):
            time.sleep(random.uniform(*STOP_S))  # noqa: S311
    finally:
        send(identity, signal.SIGCONT)


def matches_role(role: str, roles: Sequence[str]) -> bool:
    """Whether a role is one of the names: `Worker` also matches `Worker_DP1`."""
    return any(role == asked or role.startswith(f"{asked}_") for asked in roles)


def _role(process: Process) -> str:
    pid, ppid, started, _, name = process
    return ProcessInfo(pid, ppid, started, title(pid), 0.0, name=name).role


if __name__ == "__main__":
    sys.exit(main())
