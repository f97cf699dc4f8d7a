"""Start the servers of one deployment, wait until all are ready, and stop them together."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bisect_tool.evidence import is_fatal
from bisect_tool.evidence.parsed_line import parse_line
from bisect_tool.pytest_plugin.deployment import Deployment, external_lb
from bisect_tool.pytest_plugin.failures import ServersBlocked, ServersFailed, ServersHung
from bisect_tool.pytest_plugin.host import Host
from bisect_tool.pytest_plugin.hosts import Hosts
from bisect_tool.pytest_plugin.idle_detector import IdleDetector
from bisect_tool.pytest_plugin.logs import RankLog
from bisect_tool.pytest_plugin.rank_nodes import NO_NODES, RankNodes
from bisect_tool.pytest_plugin.rank_server import RankServer
from bisect_tool.pytest_plugin.readiness import readiness
from bisect_tool.pytest_plugin.shutdown import Shutdown, Teardown
from bisect_tool.pytest_plugin.waiting import POLL_S, wait_until
from bisect_tool.sanitise import clean_line
from bisect_tool.supervise.throttle import Throttle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bisect_tool.pytest_plugin.launch import Launch, SigtermMode

OBSERVE_INTERVAL_S = 0.5
COLLAPSE_TIMEOUT_S = 10.0
RELEASE_TIMEOUT_S = 0.3
ABORT_TIMEOUT_S = 3.0
QUICK_TEARDOWN_S = 2.0
"""Time to end for servers whose teardown no cell checks, if no cell follows or one of them hangs."""
IDLE_TIMEOUT_S = 15.0


@contextmanager
def rank_servers(
    launch: Launch,
    api_server_count: int,
    is_last_cell: Callable[[], bool] = lambda: False,
    nodes: RankNodes = NO_NODES,
) -> Iterator[ServerGroup]:
    """Start one server per rank, wait until all are healthy, and stop them on exit.

    With `nodes`, the ranks are on this machine and on those. Raises what `ServerGroup.await_ready` raises.
    """
    deployment = external_lb(launch, api_server_count, nodes.addresses(launch))
    with starting_servers(launch, deployment, is_last_cell, nodes) as group:
        group.await_ready()
        yield group


@contextmanager
def starting_servers(
    launch: Launch,
    deployment: Deployment,
    is_last_cell: Callable[[], bool] = lambda: False,
    nodes: RankNodes = NO_NODES,
) -> Iterator[ServerGroup]:
    """Start servers, and stop them on exit; quickly if no cell follows or a server hangs.

    Raises:
        ServersBlocked: a port, a program or a node is not available.
    """
    group = ServerGroup(launch, deployment, nodes)
    try:
        group.start()
        yield group
    finally:
        quickly = is_last_cell() or any(server.hung for server in group.servers)
        group.close(min(QUICK_TEARDOWN_S, launch.teardown_s) if quickly else launch.teardown_s)


class ServerGroup:
    """The servers of a deployment; `servers` is ordered by rank."""

    def __init__(self, launch: Launch, deployment: Deployment, nodes: RankNodes = NO_NODES) -> None:
        self.launch = launch
        self.deployment = deployment
        self._known = launch.patterns
        self.servers: list[RankServer] = []
        self._since = time.time()
        self._ended: float | None = None
        self._shutdown: Shutdown | None = None
        self._hosts = Hosts((Host(launch), *nodes.hosts()), deployment.ranks)

    @property
    def bisect_logs(self) -> tuple[str, ...]:
        """File names of the logs, for the streamed report."""
        return tuple(server.log.name for server in self.servers)

    @property
    def bisect_window(self) -> tuple[float, float]:
        """The relevant time span: from start or SIGTERM to the end of the servers, or to now."""
        return self._since, self._ended or time.time()

    def start(self) -> None:
        """Start the servers; on an error (see `starting_servers`), stop those already started."""
        with self._close_on_failure():
            self._launch()

    def await_ready(self) -> None:
        """Wait until the servers are healthy; on an error, stop all of them.

        Raises:
            ServersFailed: one exited, or logged that it cannot start.
            ServersHung: one was not healthy in time.
            ServersBlocked: a foreign process listens on a port.
        """
        answering = [server for server in self.servers if server.port is not None]
        with self._close_on_failure(), readiness(answering) as health:
            self._await(health.ready, f"not every GET {self.launch.health} was 200", health.missing)
            self.ensure_serving()

    def await_role(self, role: str) -> None:
        """Wait for a process whose role starts with `role`; raises what `await_ready` raises."""

        def is_running() -> bool:
            return any(name.startswith(role) for name in self._hosts.roles())

        with self._close_on_failure():
            self._await(is_running, f"no {role} was started", lambda: f"{sorted(self._hosts.roles())}")

    @contextmanager
    def _close_on_failure(self) -> Iterator[None]:
        try:
            yield
        except ServersFailed as failure:
            started = self._since
            self._end_all("group", min(ABORT_TIMEOUT_S, self.launch.teardown_s))
            failure.bisect_logs, failure.bisect_window = self.bisect_logs, (started, time.time())
            raise

    def start_shutdown(self) -> Shutdown:
        """Start observing the shutdown. Suites that send signals themselves call it before the first."""
        self._since = time.time()
        self._shutdown = Shutdown(self.servers, self._hosts)
        return self._shutdown

    def ensure_serving(self) -> None:
        """Raise ServersFailed if a server exited, ServersBlocked if a foreign process has its port."""
        self._check_listeners()
        for server in self.servers:
            if server.exit_status is not None:
                raise self._exited(server)

    def terminate(self, mode: SigtermMode | None = None) -> Teardown:
        """Wait until the servers are idle, then send SIGTERM to each process `group` or only its `root`.

        The default is the mode of the launch profile.
        """
        self.wait_until_idle()
        return self.finish(mode)

    def wait_until_idle(self) -> None:
        """Wait until the servers are idle, or `IDLE_TIMEOUT_S` have passed."""
        wait_until(IdleDetector(self._hosts).is_idle, IDLE_TIMEOUT_S)

    def finish(self, mode: SigtermMode | None = None) -> Teardown:
        """Stop the remaining servers as `terminate` does, and return how all of them ended."""
        with self._shutting_down() as shutdown:
            return shutdown.finish(mode or self.launch.sigterm, self.launch.teardown_s)

    def close(self, seconds: float) -> None:
        """Stop the remaining servers all at once, without recording how they end."""
        if self._ended is None:
            self._end_all(self.launch.sigterm, seconds)

    def _end_all(self, mode: SigtermMode, seconds: float) -> None:
        with self._shutting_down() as shutdown:
            shutdown.finish_together(mode, seconds)

    @contextmanager
    def _shutting_down(self) -> Iterator[Shutdown]:
        try:
            yield self._shutdown or self.start_shutdown()
        except ServersBlocked:  # a node was lost
            self._hosts.abandon()
            raise
        finally:
            self._ended = time.time()
            self._hosts.release_ports()

    def _launch(self) -> None:
        for command in self.deployment.commands(self._hosts.take_ports(self.deployment.ports)):
            if command.after:
                self.await_role(command.after)
            rank = command.rank
            log = RankLog(self.launch.logs / f"{self.deployment.name}-rank{rank}.log", self._known)
            try:
                server = RankServer(command, log, self._hosts.of(rank), self.launch.health)
            except OSError as error:
                raise ServersBlocked(f"rank {rank} cannot be started: {error}") from error
            self.servers.append(server)

    def _await(self, condition: Callable[[], bool], expectation: str, missing: Callable[[], str]) -> None:
        deadline = time.monotonic() + self.launch.ready_s
        throttle = Throttle(OBSERVE_INTERVAL_S)
        while not condition():
            self._fail_fast()
            if time.monotonic() >= deadline:
                self._check_listeners()
                raise ServersHung(f"{expectation} within {self.launch.ready_s:g} s: {missing()}")
            if throttle.due():
                with throttle.poll():
                    self._hosts.observe()
            time.sleep(POLL_S)

    def _fail_fast(self) -> None:
        for server in self.servers:
            if server.exit_status is not None:
                self._check_listeners()
                self._await_collapse(server)
                raise self._exited(server)
            fatal_line = next((line for line in server.log.new_lines() if is_fatal(line, self._known)), None)
            if fatal_line is not None:
                self._await_collapse(server, logging_pid=parse_line(fatal_line, self._known).pid)
                raise ServersFailed(f"Server failed to start: rank {server.rank}: {fatal_line}")

    def _await_collapse(self, server: RankServer, logging_pid: int | None = None) -> None:
        """Give a failing server time to end by itself: SIGTERM would cut its logs short.

        What its other processes log meanwhile (a worker whose pipe broke) completes the failure chain. If
        the server is idle after its fatal line, and only `logging_pid` still logs, it is stopped. A collapse
        may take seconds on a busy machine, so idleness is measured by CPU time, not by the clock.
        """
        detector = IdleDetector(self._hosts)
        members = server.session()

        def is_collapsing() -> bool:
            others = [
                line for line in server.log.new_lines() if parse_line(line, self._known).pid != logging_pid
            ]
            return bool(members - server.session() or others)

        collapsing = False

        def is_decided() -> bool:
            nonlocal collapsing
            collapsing = is_collapsing()
            return collapsing or detector.is_idle()

        if members and wait_until(is_decided, COLLAPSE_TIMEOUT_S) and collapsing:
            wait_until(lambda: not server.session(), COLLAPSE_TIMEOUT_S)

    def _exited(self, server: RankServer) -> ServersFailed:
        self._hosts.fetch_logs()
        end = f"rank {server.rank}, exit status {server.exit_status}"
        message = f"Server exited unexpectedly: {end}, last line: {server.log.last_line()}"
        return ServersFailed(message, self.bisect_logs, self.bisect_window)

    def _check_listeners(self) -> None:
        """Raise ServersBlocked if a foreign process listens on a server's port."""
        for server in self.servers:
            self._check_listener(server)

    def _check_listener(self, server: RankServer) -> None:
        # For an instant, the socket of a process that is ending or was just forked has no owner.
        foreign = server.foreign_listener()
        if foreign is not None and not wait_until(
            lambda: server.foreign_listener() is None, RELEASE_TIMEOUT_S
        ):
            who = f"{clean_line(foreign.title, 200)} (pid {foreign.pid})"
            message = f"port {server.port} of rank {server.rank} is held by another process: {who}"
            raise ServersBlocked(message, self.bisect_logs, self.bisect_window)
