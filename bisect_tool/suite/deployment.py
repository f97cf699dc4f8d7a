"""Define the servers of a deployment: their command lines and start order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bisect_tool.suite.launch import Launch


@dataclass(frozen=True)
class Command:
    """One server's command line; `port` is where it answers requests, None where it does not.

    It is started as soon as a process of the role `after` is alive, or at once.
    """

    rank: int
    argv: tuple[str, ...]
    port: int | None
    after: str = ""


@dataclass(frozen=True)
class Deployment:
    """Servers that belong together: `commands` gets as many free ports as it needs.

    Their logs are called `<name>-rank<R>.log`, and the last of them is ended first.
    """

    name: str
    ports: int
    commands: Callable[[Sequence[int]], list[Command]]


def external_lb(launch: Launch, api_server_count: int) -> Deployment:
    """Data parallelism behind an external load balancer: every rank is a server of its own."""

    def commands(ports: Sequence[int]) -> list[Command]:
        rpc = ["--data-parallel-rpc-port", str(ports[-1])] if launch.rpc_port else []
        return [command(rank, port, rpc) for rank, port in enumerate(ports[: launch.dp_size])]

    def command(rank: int, port: int, rpc: list[str]) -> Command:
        size = ["--data-parallel-size", str(launch.dp_size), "--data-parallel-rank", str(rank)]
        local = ["--data-parallel-size-local", "1"]
        return Command(rank, launch.serve(*size, *local, *_http(port, api_server_count), *rpc), port)

    return Deployment(str(api_server_count), launch.dp_size + launch.rpc_port, commands)


def alone(launch: Launch, name: str, api_server_count: int, flags: Sequence[str] = ()) -> Deployment:
    """One server without data parallelism."""

    def commands(ports: Sequence[int]) -> list[Command]:
        (port,) = ports
        return [Command(0, launch.serve(*flags, *_http(port, api_server_count)), port)]

    return Deployment(name, 1, commands)


def headless(launch: Launch, name: str, core: str, flags: Sequence[str] = ()) -> Deployment:
    """The first server is `--headless` and has the process `core`, the second answers requests and has none.

    The second waits for that process, so a commit without `--headless` fails there.
    """

    def commands(ports: Sequence[int]) -> list[Command]:
        port, rpc = ports
        meeting = ["--data-parallel-address", "127.0.0.1", "--data-parallel-rpc-port", str(rpc)]
        both = [*flags, "--data-parallel-size", "1", *meeting, "--data-parallel-size-local"]
        engine = Command(0, launch.serve("--headless", *both, "1"), None)
        return [engine, Command(1, launch.serve(*both, "0", *_http(port, 1)), port, after=core)]

    return Deployment(name, 2, commands)


def _http(port: int, api_server_count: int) -> list[str]:
    return ["--port", str(port), "--api-server-count", str(api_server_count)]
