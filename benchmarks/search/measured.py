"""Programs with their CPU time and their peak memory."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True)
class Measured:
    """What a program printed, the CPU seconds it took, and the most memory it held, in MiB."""

    output: str
    cpu_seconds: float
    peak_mib: float


def measured(*words: str | Path, cwd: Path, env: Mapping[str, str] | None = None) -> Measured:
    """Run a program to its end.

    Its peak is the kernel's count, which begins with what this process holds: keep that small.

    Raises:
        CalledProcessError: it failed.
    """
    with subprocess.Popen(words, cwd=cwd, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, words)
    return Measured(output, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
