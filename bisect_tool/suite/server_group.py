"""Start the servers of one deployment, wait until all are ready, and stop them together."""

from __future__ import annotations

import functools
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bisect_tool.errors import EnvironmentFailed
from bisect_tool.evidence import is_fatal
from bisect_tool.evidence.parsed_line import parse_line
from bisect_tool.sanitise import clean_line
from bisect_tool.suite.deployment import external_lb
from bisect_tool.suite.failures import ServersBlocked, ServersFailed, ServersHung
from bisect_tool.suite.idle_detector import IdleDetector
from bisect_tool.suite.logs import RankLog
from bisect_tool.suite.process_tree import ProcessTree
from bisect_tool.suite.rank_server import RankServer
from bisect_tool.suite.readiness import readiness
from bisect_tool.suite.shared_memory import SharedMemory
from bisect_tool.suite.shutdown import GroupResources, Shutdown, Teardown
from bisect_tool.suite.waiting import POLL_S, wait_until
from bisect_tool.supervise.held_ports import HeldPorts, hold_free
from bisect_tool.supervise.ports import foreign_listener, is_free
from bisect_tool.supervise.throttle import Throttle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bisect_tool.suite.deployment import Deployment
    from bisect_tool.suite.launch import Launch, SigtermMode
    from bisect_tool.supervise.guardian_protocol import ProcessInfo

OBSERVE_S = 0.5
COLLAPSE_S = 10.0
PASSING_S = 0.3
ABORT_S = 3.0
LAST_S = 2.0
"""What servers have to end in that no cell looks at, and that no cell comes after or one of which hangs."""
REST_S = 15.0


@contextmanager
def rank_servers(
    launch: Launch, api_server_count: int, over: Callable[[], bool] = lambda: False
) -> Iterator[ServerGroup]:
    """Start one server per rank, wait until all are healthy, and end them on exit.

    Raises as `ServerGroup.await_ready` does.
    """
    with starting_servers(launch, external_lb(launch, api_server_count), over) as group:
        group.await_ready()
        yield group


@contextmanager
def starting_servers(
    launch: Launch, deployment: Deployment, over: Callable[[], bool] = lambda: False
) -> Iterator[ServerGroup]:
    """Start servers, and end them on exit; quickly if no cell follows, or one hangs.

    Raises:
        ServersBlocked: a port or a program is not available.
    """
    group = ServerGroup(launch, deployment)
    try:
        group.start()
        yield group
    finally:
        soon = over() or any(server.hung for server in group.servers)
        group.close(min(LAST_S, launch.teardown_s) if soon else launch.teardown_s)


class ServerGroup:
    """The servers of a deployment; `servers` are in the order of their ranks."""

    def __init__(self, launch: Launch, deployment: Deployment) -> None:
        self.launch = launch
        self.deployment = deployment
        self._known = launch.engine_logs.known
        self.servers: list[RankServer] = []
        self._since = time.time()
        self._ended: float | None = None
        self._ending: Shutdown | None = None
        self._estate = GroupResources(ProcessTree(), SharedMemory(), ())
        self._ports = HeldPorts()

    @property
    def bisect_logs(self) -> tuple[str, ...]:
        """File names of the logs, for the streamed report."""
        return tuple(server.log.name for server in self.servers)

    @property
    def bisect_window(self) -> tuple[float, float]:
        """From the start of the servers, or from the SIGTERM that ended them, to now or to their end."""
        return self._since, self._ended or time.time()

    def start(self) -> None:
        """Start the servers; on an error (see `starting_servers`), none is left running."""
        with self._ending_at_failure():
            self._launch()

    def await_ready(self) -> None:
        """Wait until the servers are healthy; on an error, none is left running.

        Raises:
            ServersFailed: one exited or said that it cannot come up.
            ServersHung: one was not healthy in time.
            ServersBlocked: a foreign process listens on a port.
        """
        answering = [server for server in self.servers if server.port is not None]
        with self._ending_at_failure(), readiness(answering) as health:
            self._await(health.ready, f"not every GET {self.launch.health} was 200", health.missing)
            self.ensure_serving()

    def await_role(self, role: str) -> None:
        """Wait until a process lives whose role begins so; raises as `await_ready` does."""

        def lives() -> bool:
            return any(name.startswith(role) for name in self._estate.tree.roles())

        with self._ending_at_failure():
            self._await(lives, f"no {role} was started", lambda: f"{sorted(self._estate.tree.roles())}")

    @contextmanager
    def _ending_at_failure(self) -> Iterator[None]:
        try:
            yield
        except ServersFailed as failure:
            since = self._since
            self._end_together("group", min(ABORT_S, self.launch.teardown_s))
            failure.bisect_logs, failure.bisect_window = self.bisect_logs, (since, time.time())
            raise

    def start_shutdown(self) -> Shutdown:
        """Start to watch the shutdown; for suites that send their own signals, before the first."""
        self._since = time.time()
        self._ending = Shutdown(self.servers, self._estate)
        return self._ending

    def ensure_serving(self) -> None:
        """Raise ServersFailed if a server exited, ServersBlocked if a foreign process has its port."""
        self._check_listeners()
        for server in self.servers:
            if server.exit_status is not None:
                raise self._exited(server)

    def terminate(self, mode: SigtermMode | None = None) -> Teardown:
        """Wait until the servers are idle, then send SIGTERM to the `group` or the `root` of each.

        The default is as launched.
        """
        self.rest()
        return self.finish(mode)

    def rest(self) -> None:
        """Wait until the servers are idle, or `REST_S` have passed."""
        wait_until(IdleDetector(self._estate.tree).is_idle, REST_S)

    def finish(self, mode: SigtermMode | None = None) -> Teardown:
        """End the remaining servers as `terminate` does, and return how all ended."""
        with self._ending_now() as ending:
            return ending.finish(mode or self.launch.sigterm, self.launch.teardown_s)

    def close(self, seconds: float) -> None:
        """End the remaining servers all at once, without recording how they end."""
        if self._ended is None:
            self._end_together(self.launch.sigterm, seconds)

    def _end_together(self, mode: SigtermMode, seconds: float) -> None:
        with self._ending_now() as ending:
            ending.finish_together(mode, seconds)

    @contextmanager
    def _ending_now(self) -> Iterator[Shutdown]:
        try:
            yield self._ending or self.start_shutdown()
        finally:
            self._ended = time.time()
            self._ports.close()

    def _launch(self) -> None:
        for command in self.deployment.commands(self._take_ports()):
            if command.after:
                self.await_role(command.after)
            rank = command.rank
            log = RankLog(self.launch.logs / f"{self.deployment.name}-rank{rank}.log", self._known)
            try:
                server = RankServer(command, log, self.launch.environment(rank), self.launch.health)
            except OSError as error:
                raise ServersBlocked(f"rank {rank} cannot be started: {error}") from error
            self.servers.append(server)
            self._estate.tree.add_root(server.pid)

    def _take_ports(self) -> list[int]:
        """Reserve the free ports that the deployment needs, until its servers have ended."""
        taken = [port for port in self.launch.fixed_ports if not is_free(port)]
        if taken:
            raise ServersBlocked(f"the engine needs ports that are in use: {taken}")
        given = self.launch.ports
        try:
            self._ports = hold_free(self.deployment.ports, given.start, given.stop)
        except EnvironmentFailed as error:
            raise ServersBlocked(error.message) from error
        ports = (*self._ports.numbers, *self.launch.fixed_ports)
        self._estate = GroupResources(self._estate.tree, self._estate.shared_memory, ports)
        return list(self._ports.numbers)

    def _await(self, condition: Callable[[], bool], complaint: str, missing: Callable[[], str]) -> None:
        deadline = time.monotonic() + self.launch.ready_s
        throttle = Throttle(OBSERVE_S)
        while not condition():
            self._fail_fast()
            if time.monotonic() >= deadline:
                self._check_listeners()
                raise ServersHung(f"{complaint} within {self.launch.ready_s:g} s: {missing()}")
            if throttle.due():
                with throttle.poll():
                    self._estate.observe()
            time.sleep(POLL_S)

    def _fail_fast(self) -> None:
        for server in self.servers:
            if server.exit_status is not None:
                self._check_listeners()
                self._await_collapse(server)
                raise self._exited(server)
            fatal = next((line for line in server.log.new_lines() if is_fatal(line, self._known)), None)
            if fatal is not None:
                self._await_collapse(server, speaker=parse_line(fatal, self._known).pid)
                raise ServersFailed(f"Server failed to start: rank {server.rank}: {fatal}")

    def _await_collapse(self, server: RankServer, speaker: int | None = None) -> None:
        """Give a collapsing server time to end by itself: SIGTERM would cut its logs short.

        What its other processes log then (a worker whose pipe is broken) is the rest of the failure chain.
        A server that stays idle after its fatal line, while only `speaker` still logs,
        is ended soon. On a busy machine a collapse may take seconds, so CPU time is used, not the clock.
        """
        rest = IdleDetector(self._estate.tree)
        session = functools.partial(self._estate.tree.session, server.pid)
        standing = session()

        def falling() -> bool:
            others = [line for line in server.log.new_lines() if parse_line(line, self._known).pid != speaker]
            return bool(standing - session() or others)

        falls = False

        def settled() -> bool:
            nonlocal falls
            falls = falling()
            return falls or rest.is_idle()

        if standing and wait_until(settled, COLLAPSE_S) and falls:
            wait_until(lambda: not session(), COLLAPSE_S)

    def _exited(self, server: RankServer) -> ServersFailed:
        end = f"rank {server.rank}, exit status {server.exit_status}"
        message = f"Server exited unexpectedly: {end}, last line: {server.log.last_line()}"
        return ServersFailed(message, self.bisect_logs, self.bisect_window)

    def _check_listeners(self) -> None:
        """Raise ServersBlocked if someone who is not ours listens on a server's port."""
        for server in self.servers:
            self._check_listener(server)

    def _check_listener(self, server: RankServer) -> None:
        # The listener of a process that is just ending, or was just forked, has no owner for an instant.
        foreign = self._foreign_listener(server)
        if foreign is not None and not wait_until(lambda: self._foreign_listener(server) is None, PASSING_S):
            who = f"{clean_line(foreign.title, 200)} (pid {foreign.pid})"
            message = f"port {server.port} of rank {server.rank} is held by another process: {who}"
            raise ServersBlocked(message, self.bisect_logs, self.bisect_window)

    def _foreign_listener(self, server: RankServer) -> ProcessInfo | None:
        found = None if server.port is None else foreign_listener(server.port, server.pid)
        # An orphan is no longer below its root; the process tree still tracks it.
        return None if found is None or found.pid in self._estate.tree.pids() else found
