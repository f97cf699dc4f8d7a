"""The servers of one deployment: started together, ready together, ended together."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from bisect_tool.pytest_plugin.fatal import is_fatal
from bisect_tool.pytest_plugin import ports
from bisect_tool.pytest_plugin.failures import ServersBlocked, ServersFailed, ServersHung
from bisect_tool.pytest_plugin.launch import Launch, SigtermMode
from bisect_tool.pytest_plugin.logs import RankLog
from bisect_tool.pytest_plugin.process_tree import ProcessTree
from bisect_tool.pytest_plugin.rank_server import RankServer
from bisect_tool.pytest_plugin.shared_memory import SharedMemory
from bisect_tool.pytest_plugin.teardown import Estate, Teardown, tear_down
from bisect_tool.pytest_plugin.waiting import POLL_S

OBSERVE_S = 1.0
LAST_WORDS_S = 0.3
ABORT_S = 3.0


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
    """`dp_size` servers with `api_server_count` API servers each; `servers` are in the order of their ranks."""

    def __init__(self, launch: Launch, api_server_count: int) -> None:
        self.launch = launch
        self.api_server_count = api_server_count
        self.servers: list[RankServer] = []
        self._started = time.time()
        self._ended: float | None = None
        self._estate = Estate(ProcessTree(), SharedMemory(), ())

    @property
    def bisect_logs(self) -> tuple[str, ...]:
        """The names of the logs, for the streamed report."""
        return tuple(server.log.name for server in self.servers)

    @property
    def bisect_window(self) -> tuple[float, float]:
        """From the start of the servers to their end, or to now; epoch seconds."""
        return self._started, self._ended or time.time()

    def start(self) -> None:
        """Start the servers and wait until they are ready; raises as `rank_servers` does, with none left alive."""
        try:
            self._launch_all()
            self._await_ready()
        except ServersFailed as failure:
            self._end("group", min(ABORT_S, self.launch.teardown_s))
            failure.bisect_logs, failure.bisect_window = self.bisect_logs, self.bisect_window
            raise

    def ensure_serving(self) -> None:
        """Raise ServersFailed if a server has exited, ServersBlocked if a stranger listens on its port."""
        for server in self.servers:
            status = server.exit_status
            if status is not None:
                raise self._exited(server, status)
        self._check_listeners()

    def terminate(self, mode: SigtermMode | None = None) -> Teardown:
        """End the servers with SIGTERM, to the `group` or the `root` of each (default: as launched), and tell how."""
        return self._end(mode or self.launch.sigterm, self.launch.teardown_s)

    def close(self) -> None:
        """End the servers if they have not been ended."""
        if self._ended is None:
            self.terminate()

    def _end(self, mode: SigtermMode, seconds: float) -> Teardown:
        try:
            return tear_down(self.servers, self._estate, mode, seconds)
        finally:
            self._ended = time.time()

    def _launch_all(self) -> None:
        free = self._take_ports()
        rpc_port = free.pop() if self.launch.rpc_port else None
        for rank, port in enumerate(free):
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
        taken = [port for port in self.launch.fixed_ports if not ports.is_free(port)]
        if taken:
            raise ServersBlocked(f"ports the engine needs are taken: {_owners(taken)}")
        wanted = self.launch.dp_size + self.launch.rpc_port
        start, stop = self.launch.ports.start, self.launch.ports.stop
        free = ports.find_free(wanted, start, stop)
        if len(free) < wanted:
            raise ServersBlocked(f"{wanted} ports are needed, {len(free)} are free in {start}..{stop - 1}")
        self._estate = Estate(self._estate.tree, self._estate.shared_memory, (*free, *self.launch.fixed_ports))
        return free

    def _await_ready(self) -> None:
        deadline = time.monotonic() + self.launch.ready_s
        observed = 0.0
        with _probes(self.servers) as probes:
            while any(probe.answer != "200" for probe in probes):
                self._fail_fast()
                if time.monotonic() >= deadline:
                    raise self._never_ready(probes)
                if time.monotonic() >= observed + OBSERVE_S:
                    self._estate.observe()
                    observed = time.monotonic()
                for probe in probes:
                    probe.poll()
                time.sleep(POLL_S)
        self.ensure_serving()

    def _fail_fast(self) -> None:
        for server in self.servers:
            status = server.exit_status
            fatal = next((line for line in server.log.new_lines() if is_fatal(line)), None)
            if status is not None:
                raise self._exited(server, status)
            if fatal is not None:
                # What follows the fatal line says why; a moment is enough for a traceback.
                server.wait(LAST_WORDS_S)
                raise ServersFailed(f"Server failed to start: rank {server.rank}: {fatal}")

    def _exited(self, server: RankServer, status: int) -> ServersFailed:
        self._check_listeners()
        server.log.new_lines()
        last = server.log.last_line
        return ServersFailed(
            f"Server exited unexpectedly: rank {server.rank}, exit status {status}, last line: {last}",
            self.bisect_logs,
            self.bisect_window,
        )

    def _never_ready(self, probes: list[_Probe]) -> ServersHung:
        self._check_listeners()
        waited = ", ".join(f"rank {p.server.rank}: {p.answer}" for p in probes if p.answer != "200")
        return ServersHung(f"GET /health was not 200 on every rank within {self.launch.ready_s:g} s ({waited})")

    def _check_listeners(self) -> None:
        """Raise ServersBlocked if someone who is not ours listens on a port of ours."""
        own = {process.pid for process in self._estate.tree.members()}
        foreign = [server.port for server in self.servers if ports.listeners(server.port) - own]
        if foreign:
            raise ServersBlocked(
                f"a stranger answers on {_owners(foreign)}", self.bisect_logs, self.bisect_window
            )


class _Probe:
    """Asks one server for its health again and again, one question at a time."""

    def __init__(self, server: RankServer, pool: ThreadPoolExecutor) -> None:
        self.server = server
        self.answer = "never asked"
        self._pool = pool
        self._question: Future[str] | None = None

    def poll(self) -> None:
        """Take an answer that has come, and ask anew until it is 200."""
        if self._question is not None and self._question.done():
            self.answer = self._question.result()
            self._question = None
        if self._question is None and self.answer != "200":
            self._question = self._pool.submit(self.server.health)


@contextmanager
def _probes(servers: list[RankServer]) -> Iterator[list[_Probe]]:
    pool = ThreadPoolExecutor(max_workers=len(servers))
    try:
        yield [_Probe(server, pool) for server in servers]
    finally:
        # A question under way ends with the server or with its own timeout; nobody waits for it.
        pool.shutdown(wait=False, cancel_futures=True)


def _owners(taken: list[int]) -> str:
    return ", ".join(f"port {port} (pid {', '.join(map(str, sorted(ports.listeners(port))))})" for port in taken)
