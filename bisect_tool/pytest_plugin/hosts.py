"""The machines of a deployment, each with some of its ranks."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bisect_tool.pytest_plugin.failures import ServersBlocked

if TYPE_CHECKING:
    from bisect_tool.pytest_plugin.host import Host


def host_of(rank: int, ranks: int, hosts: int) -> int:
    """Return the number of a rank's host: each host has as many consecutive ranks."""
    return rank * hosts // ranks


@dataclass(frozen=True)
class Hosts:
    """The hosts of `ranks` servers: each has as many consecutive ones, and the first has all other ports."""

    hosts: tuple[Host, ...]
    ranks: int

    def of(self, rank: int) -> Host:
        """Return the host of a rank; the first one for a number that is no rank."""
        return self.hosts[host_of(rank, self.ranks, len(self.hosts))] if rank < self.ranks else self.hosts[0]

    def take_ports(self, count: int) -> list[int]:
        """Reserve a port for each rank on its host, and the others on the first; raises as `Host` does."""
        owners = [self.of(place) for place in range(count)]
        taken = {id(host): iter(host.take_ports(owners.count(host))) for host in self.hosts}
        return [next(taken[id(owner)]) for owner in owners]

    def release_ports(self) -> None:
        """Release the reserved ports."""
        for host in self.hosts:
            host.release_ports()

    def fetch_logs(self) -> None:
        """Wait until all that the servers have logged is in the logs of this machine."""
        for host in self.hosts:
            host.fetch_logs()

    def observe(self) -> bool:
        """Record living processes and their shared memory; returns whether any process is alive."""
        alive = [host.observe() for host in self.hosts]
        return any(alive)

    def kill(self) -> None:
        """Send SIGKILL to every living process."""
        for host in self.hosts:
            host.kill()

    def abandon(self) -> None:
        """Send SIGKILL to every living process of the hosts that are not lost."""
        for host in self.hosts:
            with suppress(ServersBlocked):  # it was lost: its guardian ends its servers
                host.kill()

    def roles(self) -> set[str]:
        """The roles in the titles of the living processes."""
        return {role for host in self.hosts for role in host.roles()}

    def cpu_seconds(self) -> float:
        """The CPU time in seconds that the living processes have used so far."""
        return sum(host.cpu_seconds() for host in self.hosts)

    def waiting_seconds(self) -> float:
        """The seconds that the living processes were runnable but had no CPU."""
        return sum(host.waiting_seconds() for host in self.hosts)

    def survivors(self) -> tuple[str, ...]:
        """The living processes."""
        return tuple(each for host in self.hosts for each in host.survivors())

    def shm_left(self) -> tuple[str, ...]:
        """The names of the servers' segments of shared memory that still exist."""
        return tuple(name for host in self.hosts for name in host.shm_left())

    def ports_left(self) -> tuple[int, ...]:
        """The ports of the servers that are in use."""
        return tuple(port for host in self.hosts for port in host.ports_left())
