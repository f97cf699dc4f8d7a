"""A fork server: a process with the guardian's modules imported, which forks a guardian for each trial.

Starting a guardian takes as long as dozens of forks, most of the time of a short command. Started by
`fork_server.py` as `python -I -S forked_guardian.py` in a session of its own, with a socket on stdin. A
request is the path of a spec with two descriptors: the guardian's socket to its caller, which becomes its
stdin, and the file for its own output. At its end the guardian writes the digest of its result to the socket,
or that it failed.

Guardians watch their caller themselves, and survive if it is killed. Between this process and each guardian
is a keeper, to which the trial's processes fall if the guardian is killed: it ends them, also those that
nothing identifies. If the keeper is killed as well, they fall to this process, which kills them. The socket
closes when nothing of the trial is left.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if not __package__:  # started by its path
    gc.disable()  # while it imports, nothing is garbage; `_become_keeper` enables it
    sys.path.append(str(Path(__file__).resolve().parents[2]))

from bisect_tool.supervise.guardian import guard, wakeup_pipe
from bisect_tool.supervise.guardian_protocol import FAILED, GuardianSpec, digest
from bisect_tool.supervise.linux import become_subreaper
from bisect_tool.supervise.orphan_tree import end_abandoned, record_lost
from bisect_tool.supervise.processes import is_alive, read_process
from bisect_tool.supervise.running_trials import RunningTrials, reaped

if TYPE_CHECKING:
    from bisect_tool.supervise.processes import Identity

REQUEST_BYTES = 1 << 13
CALLER_LOOK_S = 1.0


def main() -> None:
    """Serve the process that started this one until it ends."""
    parent = read_process(os.getppid())
    if parent is None:
        return
    _restore_signals()
    become_subreaper()
    gc.freeze()  # or each guardian would copy all that is imported as soon as it collects garbage
    wakeup, trials = wakeup_pipe(), RunningTrials()
    with socket.socket(fileno=os.dup(0)) as requests:
        while is_alive(parent.identity):
            ready, _, _ = select.select([requests.fileno(), wakeup], [], [], CALLER_LOOK_S)
            if wakeup in ready:
                os.read(wakeup, 4096)
                trials.reap()
            if requests.fileno() not in ready:
                continue
            spec, descriptors, _, _ = socket.recv_fds(requests, REQUEST_BYTES, 2)
            if not spec:
                return
            line, output = descriptors
            keeper = os.fork()
            if keeper == 0:
                requests.close()
                trials.close()
                _become_keeper(Path(os.fsdecode(spec)), line, output, parent.identity)
            trials.add(keeper, line)
            os.close(output)


def _restore_signals() -> None:
    """Reset the caller's signal mask and ignored signals, which programs inherit (Ray workers set them).

    SIGPIPE and SIGXFSZ are ignored by Python itself, and restored where a program is executed.
    """
    for number in signal.valid_signals() - {signal.SIGPIPE, signal.SIGXFSZ}:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _become_keeper(spec: Path, line: int, output: int, caller: Identity) -> None:
    """Turn the forked process into a keeper, with a guardian as its child."""
    words = FAILED
    try:
        gc.enable()
        os.setsid()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for descriptor, number in ((line, 0), (output, 1), (output, 2)):
            os.dup2(descriptor, number)
        for descriptor in (line, output):
            os.close(descriptor)
        words = _guarded(GuardianSpec.from_json(spec.read_text()).pinned(), caller)
    except BaseException:  # noqa: BLE001 - what would end a separate process ends this one
        import traceback  # noqa: PLC0415 - it takes a tenth of this program's start

        traceback.print_exc()
    finally:
        with suppress(OSError):  # its caller has ended
            os.write(0, words)
        os._exit(int(words == FAILED))


def _guarded(spec: GuardianSpec, caller: Identity) -> bytes:
    """Return what to tell the caller: in the guardian, its result's digest; in the keeper, what it lacks."""
    began = time.monotonic()
    become_subreaper()
    keeper = read_process(os.getpid())
    guardian = os.fork()
    if guardian == 0:
        return guard(spec, caller, keeper and keeper.identity)
    _, status = os.waitpid(guardian, 0)  # it has deadlines, and its caller kills it after them
    if not os.WIFSIGNALED(status):
        return b""
    ended = end_abandoned(spec.folder, spec.token, keeper.started if keeper else 0, keeper=os.getpid())
    reaped()
    return digest(record_lost(spec.folder, began, *ended).to_json())


if __name__ == "__main__":
    main()
    os._exit(0)  # it has nothing to hand back: taking its modules apart takes a fifth of its start
