"""Guardians with a fault of their own, named by the environment of whoever starts the first of them."""

import errno
import os
import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))

from bisect_tool.supervise import forked_guardian, guardian
from bisect_tool.supervise.guardian import Guardian


def fail_at_work(self):
    """As a bug would, once the program is well under way."""
    while b"ready" not in self.spec.stdout.read_bytes():
        self.tick(0.01)
    raise RuntimeError("a bug of ours")


def jump():
    """The clock of the machine goes back an hour when the program has been started."""
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
