"""Take the terminal on stdin as the controlling terminal, then exec the given program."""

import fcntl
import os
import signal
import sys
import termios

# Tests may run under `nohup` or in the background of a script, where these are ignored, and so inherited.
for number in (signal.SIGINT, signal.SIGHUP):
    signal.signal(number, signal.SIG_DFL)
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])  # noqa: S606
