"""The machine of some servers of a deployment: it starts them, and knows their processes and resources."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING

from bisect_tool.errors import EnvironmentFailed
from bisect_tool.pytest_plugin.failures import ServersBlocked
from bisect_tool.pytest_plugin.process_tree import ProcessTree
from bisect_tool.pytest_plugin.shared_memory import SharedMemory
from bisect_tool.pytest_plugin.waiting import wait_until
from bisect_tool.supervise.held_ports import HeldPorts, hold_free
from bisect_tool.supervise.ports import foreign_listener, is_free
from bisect_tool.supervise.processes import title

if TYPE_CHECKING:
    import signal
    from collections.abc import Sequence

    from bisect_tool.pytest_plugin.launch import Launch, SigtermMode
    from bisect_tool.supervise.guardian_protocol import ProcessInfo
    from bisect_tool.supervise.processes import Identity


class Host:
    """This machine. A server is identified by the id of its root process.

    Arguments and results can be pickled: `rank_nodes` calls these methods on another machine. Shared
    memory counts if it was created after this object.
    """

    def __init__(self, launch: Launch) -> None:
        self.address = launch.address
        self._launch = launch
        self._roots: dict[int, subprocess.Popen[bytes]] = {}
        self._tree = ProcessTree()
        self._shared_memory = SharedMemory()
        self._held = HeldPorts()
        self._ports: tuple[int, ...] = ()

    def take_ports(self, count: int) -> tuple[int, ...]:
        """Reserve free ports until `release_ports`.

        Raises:
            ServersBlocked: there are too few, or a port that the engine always binds is in use.
        """
        fixed, allowed = self._launch.fixed_ports, self._launch.ports
        if taken := [port for port in fixed if not is_free(port)]:
            raise ServersBlocked(f"the engine needs ports that are in use: {taken}")
        try:
            self._held = hold_free(count, allowed.start, allowed.stop)
        except EnvironmentFailed as error:
            raise ServersBlocked(error.message) from error
        self._ports = (*self._held.numbers, *fixed)
        return self._held.numbers

    def release_ports(self) -> None:
        """Release the reserved ports."""
        self._held.close()

    def start(self, rank: int, flags: Sequence[str], log: str) -> int:
        """Start a server in its own session, and return the id of its root; `log` is a file name.

        Raises:
            OSError: it cannot be started.
        """
        path = self._launch.logs / log
        output = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            process = subprocess.Popen(
                self._launch.serve(*flags),
                env=self._launch.environment(rank),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        finally:
            os.close(output)
        self._roots[process.pid] = process
        self._tree.add_root(process.pid)
        return process.pid

    def exit_status(self, root: int) -> int | None:
        """The exit status of a root as in `subprocess` (-15: ended by SIGTERM), None while it runs."""
        return self._roots[root].poll()

    def send(self, root: int, signum: signal.Signals, mode: SigtermMode) -> None:
        """Send a signal to a root, which must not have been reaped, or to its whole process group."""
        with suppress(ProcessLookupError):
            (os.killpg if mode == "group" else os.kill)(root, signum)

    def fetch_logs(self) -> None:
        """Do nothing: the logs of this machine's servers are in their place."""

    def terminate(self, root: int) -> None:
        """Send SIGTERM to the living processes of a root's session."""
        self._tree.terminate(root)

    def kill(self) -> None:
        """Send SIGKILL to every living process."""
        self._tree.kill()

    def end(self, seconds: float) -> None:
        """Send SIGTERM to every living process, and wait at most as many seconds for their ends."""
        for root in self._roots:
            self.terminate(root)
        wait_until(lambda: not self.observe(), seconds)

    def observe(self) -> bool:
        """Record the living processes and the shared memory that they use.

        Returns whether any process is alive.
        """
        members = self._tree.members()
        self._shared_memory.observe(members)
        return bool(members)

    def session(self, root: int) -> set[Identity]:
        """The living processes of a root's session, orphans included."""
        return self._tree.session(root)

    def roles(self) -> set[str]:
        """The roles in the titles of the living processes, such as `Worker_DP0`."""
        return self._tree.roles()

    def survivors(self) -> tuple[str, ...]:
        """The living processes, each as `<title> (pid <pid>)`."""
        return tuple(f"{title(process.pid)} (pid {process.pid})" for process in self._tree.members())

    def cpu_seconds(self) -> float:
        """The CPU time in seconds that the living processes have used so far."""
        return self._tree.cpu_seconds()

    def waiting_seconds(self) -> float:
        """The seconds that the living processes were runnable but had no CPU."""
        return self._tree.waiting_seconds()

    def shm_left(self) -> tuple[str, ...]:
        """The names of the servers' segments of shared memory that still exist, sorted."""
        return self._shared_memory.left()

    def ports_left(self) -> tuple[int, ...]:
        """The ports of the servers that are in use."""
        return tuple(port for port in self._ports if not is_free(port))

    def foreign_listener(self, root: int, port: int) -> ProcessInfo | None:
        """The process that listens on the port of this server, but is none of ours; else None."""
        found = foreign_listener(port, root)
        # An orphan is no longer a descendant of its root, but the process tree still tracks it.
        return None if found is None or found.pid in self._tree.pids() else found
