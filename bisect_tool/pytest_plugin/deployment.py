"""Define the servers of a deployment: their command lines and start order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bisect_tool.pytest_plugin.launch import Launch


@dataclass(frozen=True)
class Command:
    """The flags of one server, besides the common ones (`Launch.serve`).

    `port` is where it answers requests, None if it answers none. It is started once a process with the role
    `after` is running, or at once if that is empty.
    """

    rank: int
    flags: tuple[str, ...]
    port: int | None
    after: str = ""


@dataclass(frozen=True)
class Deployment:
    """Servers that are started together; `commands` is called with `ports` free ports.

    Their logs are `<name>-rank<R>.log`. They are stopped in reverse order. With `ranks` of 1 all servers are
    on the first host; else server R is on the host of rank R.
    """

    name: str
    ports: int
    commands: Callable[[Sequence[int]], list[Command]]
    ranks: int = 1


def external_lb(launch: Launch, api_server_count: int, addresses: Sequence[str] = ()) -> Deployment:
    """Data parallelism behind an external load balancer: one server per rank.

    `addresses` are those of the ranks' hosts; empty if all are on this machine.
    """
    rendezvous = ("--data-parallel-address", addresses[0]) if addresses else ()

    def commands(ports: Sequence[int]) -> list[Command]:
        rpc = ["--data-parallel-rpc-port", str(ports[-1])] if launch.rpc_port else []
        return [command(rank, port, rpc) for rank, port in enumerate(ports[: launch.dp_size])]

    def command(rank: int, port: int, rpc: list[str]) -> Command:
        size = ["--data-parallel-size", str(launch.dp_size), "--data-parallel-rank", str(rank)]
        local = ["--data-parallel-size-local", "1"]
        listen = ("--host", addresses[rank]) if addresses else ()
        return Command(
            rank, (*size, *local, *listen, *_http(port, api_server_count), *rendezvous, *rpc), port
        )

    return Deployment(str(api_server_count), launch.dp_size + launch.rpc_port, commands, launch.dp_size)


def single_server(name: str, api_server_count: int, flags: Sequence[str] = ()) -> Deployment:
    """One server without data parallelism."""

    def commands(ports: Sequence[int]) -> list[Command]:
        (port,) = ports
        return [Command(0, (*flags, *_http(port, api_server_count)), port)]

    return Deployment(name, 1, commands)


def headless(name: str, core: str, flags: Sequence[str] = ()) -> Deployment:
    """Two servers: a `--headless` one with the process `core`, and one that only answers requests.

    The second is started once `core` is running, so a commit without `--headless` fails before that.
    """

    def commands(ports: Sequence[int]) -> list[Command]:
        port, rpc = ports
        rendezvous = ["--data-parallel-address", "127.0.0.1", "--data-parallel-rpc-port", str(rpc)]
        common = [*flags, "--data-parallel-size", "1", *rendezvous, "--data-parallel-size-local"]
        engine = Command(0, ("--headless", *common, "1"), None)
        return [engine, Command(1, (*common, "0", *_http(port, 1)), port, after=core)]

    return Deployment(name, 2, commands)


def _http(port: int, api_server_count: int) -> list[str]:
    return ["--port", str(port), "--api-server-count", str(api_server_count)]
