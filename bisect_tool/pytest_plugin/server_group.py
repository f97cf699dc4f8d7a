"""The servers of one deployment: started together, ready together, ended together."""

from __future__ import annotations

import functools
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bisect_tool.errors import EnvironmentFailed
from bisect_tool.evidence import is_fatal
from bisect_tool.evidence.demux import take_apart
from bisect_tool.pytest_plugin.failures import ServersBlocked, ServersFailed, ServersHung
from bisect_tool.pytest_plugin.logs import RankLog
from bisect_tool.pytest_plugin.process_tree import ProcessTree
from bisect_tool.pytest_plugin.rank_server import RankServer
from bisect_tool.pytest_plugin.readiness import readiness
from bisect_tool.pytest_plugin.rest import Rest
from bisect_tool.pytest_plugin.shared_memory import SharedMemory
from bisect_tool.pytest_plugin.teardown import Estate, Teardown, tear_down
from bisect_tool.pytest_plugin.waiting import POLL_S, wait_until
from bisect_tool.supervise.pace import Pace
from bisect_tool.supervise.ports import find_free, foreign_listener, is_free
from bisect_tool.text import clean_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bisect_tool.pytest_plugin.launch import Launch, SigtermMode
    from bisect_tool.supervise.spec import ProcessInfo

OBSERVE_S = 0.5
COLLAPSE_S = 10.0
PASSING_S = 0.3
ABORT_S = 3.0
REST_S = 15.0


@contextmanager
def rank_servers(launch: Launch, api_server_count: int) -> Iterator[ServerGroup]:
    """Start one server a rank, wait until all are healthy, and end what is left of them on the way out.

    Raises:
        ServersFailed: one exited or said that it cannot come up.
        ServersHung: one was not healthy in time.
        ServersBlocked: a port or a program was not to be had, or a stranger answers on a port.
    """
    group = ServerGroup(launch, api_server_count)
    try:
        group.start()
        yield group
    finally:
        group.close()


class ServerGroup:
    """One server a rank with `api_server_count` API servers each; `servers` are in the order of the ranks."""

    def __init__(self, launch: Launch, api_server_count: int) -> None:
        self.launch = launch
        self.api_server_count = api_server_count
        self.servers: list[RankServer] = []
        self._since = time.time()
        self._ended: float | None = None
        self._estate = Estate(ProcessTree(), SharedMemory(), ())

    @property
    def bisect_logs(self) -> tuple[str, ...]:
        """The file names of the logs, for the streamed report."""
        return tuple(server.log.name for server in self.servers)

    @property
    def bisect_window(self) -> tuple[float, float]:
        """From the start of the servers, or from the SIGTERM that ended them, to now or to their end."""
        return self._since, self._ended or time.time()

    def start(self) -> None:
        """Start the servers and wait until they are ready; raises as `rank_servers` does, with none alive."""
        try:
            self._launch()
            self._await_ready()
        except ServersFailed as failure:
            since = self._since
            self._end("group", min(ABORT_S, self.launch.teardown_s))
            failure.bisect_logs, failure.bisect_window = self.bisect_logs, (since, time.time())
            raise

    def ensure_serving(self) -> None:
        """Raise ServersFailed if a server has exited, ServersBlocked if a stranger listens on its port."""
        self._check_listeners()
        for server in self.servers:
            if server.exit_status is not None:
                raise self._exited(server)

    def terminate(self, mode: SigtermMode | None = None) -> Teardown:
        """Let the servers come to rest, then send SIGTERM to the `group` or the `root` of each.

        The default is as launched. Servers that never rest are ended all the same after `REST_S`.
        """
        wait_until(Rest(self._estate.tree).come, REST_S)
        return self._end(mode or self.launch.sigterm, self.launch.teardown_s)

    def close(self) -> None:
        """End the servers if they have not been ended."""
        if self._ended is None:
            self._end(self.launch.sigterm, self.launch.teardown_s)

    def _end(self, mode: SigtermMode, seconds: float) -> Teardown:
        self._since = time.time()
        try:
            return tear_down(self.servers, self._estate, mode, seconds)
        finally:
            self._ended = time.time()

    def _launch(self) -> None:
        ports = self._take_ports()
        rpc_port = ports.pop() if self.launch.rpc_port else None
        for rank, port in enumerate(ports):
            log = RankLog(self.launch.logs / f"{self.api_server_count}-rank{rank}.log")
            argv = self.launch.argv(rank, port, self.api_server_count, rpc_port)
            try:
                server = RankServer(rank, port, log, argv, self.launch.environment(rank))
            except OSError as error:
                raise ServersBlocked(f"rank {rank} cannot be started: {error}") from error
            self.servers.append(server)
            self._estate.tree.add_root(server.pid)

    def _take_ports(self) -> list[int]:
        """A free port for each rank, and one more for the engine's own messages if it is to be told one."""
        taken = [port for port in self.launch.fixed_ports if not is_free(port)]
        if taken:
            raise ServersBlocked(f"the engine needs ports that are taken: {taken}")
        count = self.launch.dp_size + self.launch.rpc_port
        try:
            free = find_free(count, self.launch.ports.start, self.launch.ports.stop)
        except EnvironmentFailed as error:
            raise ServersBlocked(error.message) from error
        ports = (*free, *self.launch.fixed_ports)
        self._estate = Estate(self._estate.tree, self._estate.shared_memory, ports)
        return list(free)

    def _await_ready(self) -> None:
        deadline = time.monotonic() + self.launch.ready_s
        pace = Pace(OBSERVE_S)
        with readiness(self.servers) as health:
            while not health.ready():
                self._fail_fast()
                if time.monotonic() >= deadline:
                    self._check_listeners()
                    seconds = f"{self.launch.ready_s:g} s"
                    raise ServersHung(f"not every GET /health was 200 within {seconds}: {health.missing()}")
                if pace.due():
                    with pace.look():
                        self._estate.observe()
                time.sleep(POLL_S)
        self.ensure_serving()

    def _fail_fast(self) -> None:
        for server in self.servers:
            if server.exit_status is not None:
                self._check_listeners()
                self._hear_out(server)
                raise self._exited(server)
            fatal = next((line for line in server.log.new_lines() if is_fatal(line)), None)
            if fatal is not None:
                self._hear_out(server, speaker=take_apart(fatal).pid)
                raise ServersFailed(f"Server failed to start: rank {server.rank}: {fatal}")

    def _hear_out(self, server: RankServer, speaker: int | None = None) -> None:
        """Let a server that is falling apart do so by itself, for a moment: SIGTERM would cut it short.

        What its other processes say then (a worker whose pipe is broken) is the rest of the failure chain.
        One that stands still after its fatal line, where nobody works and nobody but `speaker` says any more,
        is ended soon. On a busy machine it may take seconds to fall, so stillness is not told by the clock.
        """
        rest = Rest(self._estate.tree)
        session = functools.partial(self._estate.tree.session, server.pid)
        standing = session()

        def falling() -> bool:
            others = [line for line in server.log.new_lines() if take_apart(line).pid != speaker]
            return bool(standing - session() or others)

        falls = False

        def told() -> bool:
            nonlocal falls
            falls = falling()
            return falls or rest.come()

        if standing and wait_until(told, COLLAPSE_S) and falls:
            wait_until(lambda: not session(), COLLAPSE_S)

    def _exited(self, server: RankServer) -> ServersFailed:
        end = f"rank {server.rank}, exit status {server.exit_status}"
        message = f"Server exited unexpectedly: {end}, last line: {server.log.last_words()}"
        return ServersFailed(message, self.bisect_logs, self.bisect_window)

    def _check_listeners(self) -> None:
        """Raise ServersBlocked if someone who is not ours listens on a server's port."""
        for server in self.servers:
            self._check_listener(server)

    def _check_listener(self, server: RankServer) -> None:
        # A listener whose process is just ending, or was just forked, is nobody's for an instant.
        stranger = self._stranger(server)
        if stranger is not None and not wait_until(lambda: self._stranger(server) is None, PASSING_S):
            who = f"{clean_line(stranger.title, 200)} (pid {stranger.pid})"
            message = f"a stranger listens on port {server.port} of rank {server.rank}: {who}"
            raise ServersBlocked(message, self.bisect_logs, self.bisect_window)

    def _stranger(self, server: RankServer) -> ProcessInfo | None:
        found = foreign_listener(server.port, server.pid)
        # An orphan of ours is not below its root any more; the tree still knows it.
        return None if found is None or found.pid in self._estate.tree.pids() else found
