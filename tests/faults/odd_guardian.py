"""Guardians with a fault, which the environment of the first one's caller names."""

import errno
import os
import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))

from bisect_tool.supervise import forked_guardian, guardian
from bisect_tool.supervise.guardian import Guardian


def fail_at_work(self):
    """Simulate a bug, after the program has run for a while."""
    while b"ready" not in self.spec.stdout.read_bytes():
        self.tick(0.01)
    raise RuntimeError("a bug of ours")


def jump():
    """Set the clock of the machine back by an hour after the program was started."""
    now, start = time.time, Guardian._start

    def started(self, env):
        start(self, env)
        time.time = lambda: now() - 3600

    Guardian._start = started


def spoil_result():
    """The disk fails when the result is to be written."""
    write = guardian.write_atomically

    def written(path, content):
        if path.name == guardian.RESULT_FILE:
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))
        write(path, content)

    guardian.write_atomically = written


fault = os.environ["ODD_GUARDIAN"]
if fault == "bug":
    Guardian._watch = fail_at_work
elif fault == "clock":
    jump()
elif fault == "result":
    spoil_result()
forked_guardian.main()
