"""Lock GPUs machine-wide while a session runs: two runs on one GPU would disturb each other's trials.

The locks are abstract Unix sockets, as for ports; they listen, so that a waiting run can find the owner
(unix(7)).
"""

from __future__ import annotations

import errno
import socket
import struct
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from bisect_tool.errors import EnvironmentFailed
from bisect_tool.supervise import gpus
from bisect_tool.supervise.processes import describe

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Iterator

_NAME = "\0bisect-run/gpu/{}"
_POLL_S = 0.5
_CREDENTIALS = struct.Struct("3i")


class WaitCancelled(Exception):
    """The run was interrupted while waiting."""


@contextmanager
def hold_gpus(
    names: Iterable[str], on_wait: Callable[[str], None], cancel: threading.Event
) -> Iterator[None]:
    """Hold these GPUs; `on_wait` is called with a sentence for each that another run holds.

    Raises:
        WaitCancelled: `cancel` was set before all of them were free.
    """
    with ExitStack() as held:
        # In the same order in every run, so that no two runs wait for each other; and each once, so that
        # none waits for itself.
        for identity, name in sorted({_identity(name): name for name in names}.items()):
            held.enter_context(_hold(name, identity, on_wait, cancel))
        yield


def _identity(name: str) -> str:
    """Return a machine-wide name of a GPU; CUDA_VISIBLE_DEVICES has indices or (prefixes of) UUIDs."""
    found = (gpu.uuid for gpu in gpus.snapshot() if gpu.is_called(name))
    return next(found, name)


def _hold(
    shown: str, identity: str, on_wait: Callable[[str], None], cancel: threading.Event
) -> socket.socket:
    holder = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    reported = False
    while not _bind(holder, identity):
        if not reported:
            on_wait(f"waiting for GPU {shown}, held by another run ({_holder(identity)})")
            reported = True
        if cancel.wait(_POLL_S):
            holder.close()
            raise WaitCancelled
    holder.listen()
    return holder


def _bind(holder: socket.socket, identity: str) -> bool:
    try:
        holder.bind(_NAME.format(identity))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return False
        raise EnvironmentFailed(
            f"cannot lock GPU {identity}: {error}", "Check that this machine allows abstract Unix sockets."
        ) from error
    return True


def _holder(identity: str) -> str:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        try:
            client.connect(_NAME.format(identity))
        except OSError:  # it has closed its socket in the meantime
            return "it is ending"
        peer = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        return describe(_CREDENTIALS.unpack(peer)[0])
