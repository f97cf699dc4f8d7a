"""A program has default signals, even if the caller of its guardian blocks or ignores some."""

from __future__ import annotations

import subprocess
import sys

CALLER = """
import signal, sys
from pathlib import Path
from bisect_tool.supervise.guardian_protocol import GuardianSpec
from bisect_tool.supervise.guarded_run import run_guarded
for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
    signal.signal(number, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
folder = Path(sys.argv[1])
argv = ("/bin/grep", "-E", "SigBlk|SigIgn", "/proc/self/status")
run_guarded(GuardianSpec(argv, folder, {}, folder / "out.log", folder, folder, 30.0))
"""


def test_blocked_and_ignored_signals_of_the_caller_are_reset(tmp_path):
    subprocess.run([sys.executable, "-c", CALLER, str(tmp_path)], check=True, timeout=60)
    masks = dict(line.split(":") for line in (tmp_path / "out.log").read_text().splitlines())
    assert {name: int(mask, 16) for name, mask in masks.items()} == {"SigBlk": 0, "SigIgn": 0}
