"""Client of `forked_guardian.py`: start a guardian, send it messages, and wait for its end."""

from __future__ import annotations

import atexit
import logging
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from bisect_tool.supervise.guardian_protocol import FAILED
from bisect_tool.supervise.journal import read_guardian
from bisect_tool.supervise.orphan_tree import KEEPER_S
from bisect_tool.supervise.processes import send, started_at

if TYPE_CHECKING:
    from typing import BinaryIO, Self

_log = logging.getLogger("bisect_run.supervise")
PROGRAM = Path(__file__).with_name("forked_guardian.py")
_KILLED_S = 5.0


class GuardianChannel:
    """The connection to one guardian; it closes when the guardian and its keeper have ended."""

    def __init__(self, spec: Path, end: socket.socket, began: int) -> None:
        self.began = began
        """A start time before which no process of the trial started."""
        self._folder = spec.parent
        self._end = end
        self._received = b""
        self._broken = False

    @property
    def failed(self) -> bool:
        """Whether the guardian reported that it failed."""
        return self._received == FAILED

    @property
    def result_digest(self) -> bytes:
        """The digest of the result that it has written; empty if it was killed before."""
        return self._received

    def send(self, word: str) -> None:
        """Send the guardian one line; ignored if it has ended."""
        with suppress(BrokenPipeError, ConnectionResetError):
            self._end.sendall(word.encode() + b"\n")

    def ended(self, seconds: float) -> bool:
        """Whether the guardian ends within this time."""
        ends = time.monotonic() + seconds
        waiting = select.poll()
        waiting.register(self._end, select.POLLIN)
        while not self._broken and waiting.poll(max(0.0, ends - time.monotonic()) * 1000):
            part = b""
            with suppress(ConnectionResetError):  # it ended before reading our last message
                part = self._end.recv(256)
            self._received += part
            self._broken = not part
        return self._broken

    def close(self) -> None:
        """Close the connection, which tells the guardian that its caller has ended."""
        self._end.close()

    def kill(self) -> None:
        """Kill the guardian, if it has recorded its identity."""
        guardian = read_guardian(self._folder, self.began)
        _log.info("the guardian of %s does not end: killing it", self._folder)
        if guardian:
            send(guardian, signal.SIGKILL)
            self.ended(KEEPER_S)


class ForkServer:
    """Starts guardians. As a context manager, it keeps the server process running until the end of the block.

    A killed server is restarted; its guardians outlive it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, spec: Path, output: BinaryIO) -> GuardianChannel:
        """Start a guardian for the spec in this file; `output` gets its own messages. Raises OSError."""
        began = started_at(time.time())
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self._send_request(os.fsencode(spec), [theirs.fileno(), output.fileno()])
            except OSError:
                ours.close()
                raise
        return GuardianChannel(spec, ours, began)

    def __enter__(self) -> Self:
        with self._lock:
            if self._requests is None:
                self._requests = self._serve()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the server until the next guardian is started."""
        with self._lock:
            self._drop()

    def _send_request(self, spec: bytes, descriptors: list[int]) -> None:
        with self._lock:
            if self._requests is not None:
                with suppress(BrokenPipeError, ConnectionResetError):
                    socket.send_fds(self._requests, [spec], descriptors)
                    return
                _log.info("the server of guardians has ended: starting another")
            self._drop()
            self._requests = self._serve()
            socket.send_fds(self._requests, [spec], descriptors)

    def _serve(self) -> socket.socket:
        # Each request is a packet of its own.
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(PROGRAM)],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
        return ours

    def _drop(self) -> None:
        if self._requests is not None:
            self._requests.close()
            self._requests = None
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_KILLED_S)
            self._process = None


SERVER = ForkServer()
atexit.register(SERVER.close)
