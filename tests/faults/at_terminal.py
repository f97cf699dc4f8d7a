"""Takes the terminal on its stdin as its controlling terminal, then becomes the program it is given."""

import fcntl
import os
import sys
import termios

fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])  # noqa: S606
