"""The other nodes that have ranks of a deployment: each runs `rank_host`, which this module calls."""

from __future__ import annotations

import functools
import logging
import os
import threading
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import AuthenticationError
from typing import TYPE_CHECKING, Any, cast

from bisect_tool.pytest_plugin.failures import ServersBlocked
from bisect_tool.pytest_plugin.hosts import host_of
from bisect_tool.pytest_plugin.launch import KEY_VARIABLE
from bisect_tool.pytest_plugin.node_connection import connect
from bisect_tool.pytest_plugin.rank_host import END, FETCH, PIECE, RESET

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from multiprocessing.connection import Connection
    from pathlib import Path

    from bisect_tool.pytest_plugin.host import Host
    from bisect_tool.pytest_plugin.launch import HostAddress, Launch

FETCH_S = 0.2
ANSWER_S = 60.0
_JOIN_S = 5.0

# The suite's process has no other handler: pytest captures it.
_log = logging.getLogger("bisect_run.pytest_plugin")


class RemoteHost:
    """Calls the methods of `Host` on another node; its logs are copied to this machine while it runs.

    Every call raises ServersBlocked if the node is lost.
    """

    def __init__(self, address: str, connection: Connection, logs: Path) -> None:
        self.address = address
        self._connection = connection
        self._logs = logs
        self._lost = ""
        self._sizes: dict[str, int] = {}
        self._calling, self._fetching = threading.Lock(), threading.Lock()

    def __getattr__(self, method: str) -> Callable[..., Any]:
        return functools.partial(self.call, method)

    def call(self, method: str, *arguments: object) -> Any:  # noqa: ANN401 - what the method returned
        """Call a method on the node; raises what the method raised."""
        with self._calling:
            raised, answer = self._answer(method, arguments)
        if raised:
            raise answer
        return answer

    def _answer(self, method: str, arguments: tuple[object, ...]) -> tuple[bool, Any]:
        try:
            if not self._lost:
                self._connection.send((method, arguments))
                if self._connection.poll(ANSWER_S):
                    raised, answer = self._connection.recv()
                    return raised, answer
                self._lost = f"node {self.address} did not answer for {ANSWER_S:g} s"
        except (EOFError, OSError) as error:
            self._lost = f"node {self.address} was lost: {error or 'it closed the connection'}"
        # No later call may take the answer of this one as its own.
        self._connection.close()
        raise ServersBlocked(self._lost)

    def close(self) -> None:
        """Tell the node, unless it is lost, that the suite has ended by itself."""
        with suppress(OSError), self._calling:  # a lost node was reported when it was called
            if not self._lost:
                self._connection.send((END, ()))

    def fetch_logs(self) -> None:
        """Append all that the node's servers have logged to the logs of this machine."""
        with self._fetching:
            while self._fetch():
                continue

    def _fetch(self) -> bool:
        """Append the next piece of each log; returns whether one was cut."""
        pieces: Mapping[str, bytes] = self.call(FETCH, dict(self._sizes))
        for name, piece in pieces.items():
            with (self._logs / name).open("ab") as log:
                log.write(piece)
            self._sizes[name] = self._sizes.get(name, 0) + len(piece)
        return any(len(piece) == PIECE for piece in pieces.values())


@dataclass(frozen=True)
class RankNodes:
    """The connected nodes; none on a single machine."""

    remote: tuple[RemoteHost, ...] = ()

    def hosts(self) -> tuple[Host, ...]:
        """Return the nodes for a new deployment, whose servers are the only ones that count."""
        for host in self.remote:
            host.call(RESET)
        return tuple(cast("Host", host) for host in self.remote)

    def addresses(self, launch: Launch) -> tuple[str, ...]:
        """Return the address of each rank's host; empty if all ranks are on this machine."""
        if not self.remote:
            return ()
        nodes = (launch.address, *(host.address for host in self.remote))
        ranks = launch.dp_size
        return tuple(nodes[host_of(rank, ranks, len(nodes))] for rank in range(ranks))


NO_NODES = RankNodes()


@contextmanager
def connected(launch: Launch) -> Iterator[RankNodes]:
    """Connect to the nodes of a launch, and copy their logs until the end of the block.

    Raises:
        ServersBlocked: a node cannot be reached.
    """
    key = bytes.fromhex(os.environ.pop(KEY_VARIABLE, ""))
    with ExitStack() as stack:
        remote = tuple(stack.enter_context(_remote(node, key, launch.logs)) for node in launch.nodes)
        yield RankNodes(remote)


@contextmanager
def _remote(node: HostAddress, key: bytes, logs: Path) -> Iterator[RemoteHost]:
    try:
        connection = connect(node, key)
    except (OSError, EOFError, AuthenticationError) as error:
        raise ServersBlocked(f"node {node.address} cannot be reached: {error}") from error
    with connection:
        host, ended = RemoteHost(node.address, connection, logs), threading.Event()
        copying = threading.Thread(
            target=_copy_logs, args=(host, ended), name=f"logs of {node.address}", daemon=True
        )
        copying.start()
        try:
            yield host
        finally:
            ended.set()
            copying.join(_JOIN_S)
            host.close()


def _copy_logs(host: RemoteHost, ended: threading.Event) -> None:
    while not ended.wait(FETCH_S):
        try:
            host.fetch_logs()
        except (ServersBlocked, OSError) as error:  # the next call of the suite raises it as well
            _log.warning("the logs of a node are not copied any more: %s", error)
            return
