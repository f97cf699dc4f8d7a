"""A fork server: a process with the guardian's modules imported, which forks a guardian for each trial.

Starting a guardian takes as long as dozens of forks, most of the time of a short command. Started by
`fork_server.py` as `python -I -S forked_guardian.py` in a session of its own, with a socket on stdin. A
request is the path of a spec with two descriptors: the guardian's socket to its caller, which becomes its
stdin, and the file for its own output. At its end the guardian writes its exit code to the socket; if it is
killed, the socket closes without one.

This process supervises nothing. Guardians watch their caller themselves, and survive if it is killed.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if not __package__:  # started by its path
    sys.path.append(str(Path(__file__).resolve().parents[2]))

from bisect_tool.supervise.guardian import guard
from bisect_tool.supervise.processes import is_alive, read_process

if TYPE_CHECKING:
    from types import FrameType

    from bisect_tool.supervise.processes import Identity

REQUEST_BYTES = 1 << 13
CALLER_LOOK_S = 1.0


def main() -> None:
    """Serve the process that started this one until it ends."""
    parent = read_process(os.getppid())
    if parent is None:
        return
    _restore_signals()
    with socket.socket(fileno=os.dup(0)) as requests:
        signal.signal(signal.SIGCHLD, _reap)
        while is_alive(parent.identity):
            ready, _, _ = select.select([requests], [], [], CALLER_LOOK_S)
            if not ready:
                continue
            spec, descriptors, _, _ = socket.recv_fds(requests, REQUEST_BYTES, 2)
            if not spec:
                return
            if os.fork() == 0:
                requests.close()
                _become_guardian(Path(os.fsdecode(spec)), descriptors, parent.identity)
            for descriptor in descriptors:
                os.close(descriptor)


def _restore_signals() -> None:
    """Reset the caller's signal mask and ignored signals, which programs inherit (Ray workers set them).

    SIGPIPE and SIGXFSZ are ignored by Python itself, and restored where a program is executed.
    """
    for number in signal.valid_signals() - {signal.SIGPIPE, signal.SIGXFSZ}:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _reap(_number: int, _frame: FrameType | None) -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            continue


def _become_guardian(spec: Path, descriptors: list[int], caller: Identity) -> None:
    """Run a guardian in the forked process."""
    code = b"1"
    try:
        line, output = descriptors
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for descriptor, number in ((line, 0), (output, 1), (output, 2)):
            os.dup2(descriptor, number)
        for descriptor in descriptors:
            os.close(descriptor)
        guard(spec, caller)
        code = b"0"
    except BaseException:  # noqa: BLE001 - what would end a separate process ends this one
        traceback.print_exc()
    finally:
        with suppress(OSError):  # its caller has ended
            os.write(0, code)
        os._exit(int(code))


if __name__ == "__main__":
    main()
