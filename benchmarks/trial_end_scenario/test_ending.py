"""One cell for each way in which a trial ends; `benchmarks.ending` measures the time after the verdict."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from bisect_tool.pytest_plugin.failures import ServersHung
from bisect_tool.supervise.processes import descendants, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bisect_tool.pytest_plugin.fixtures import Launch, RankServer, RankServers, ServerGroup


@pytest.fixture(scope="module")
def group(rank_servers: RankServers) -> Iterator[ServerGroup]:
    with rank_servers(api_server_count=4) as group:
        yield group


def complete(launch: Launch, server: RankServer) -> None:
    body = {"model": launch.served_model, "prompt": "Hello", "max_tokens": 5}
    assert server.post("/v1/completions", body)["choices"]


def test_passed(launch: Launch, group: ServerGroup) -> None:
    complete(launch, group.servers[0])


def test_failed(launch: Launch, group: ServerGroup) -> None:
    complete(launch, group.servers[0])
    pytest.fail("the wrong answer")


def test_hung(group: ServerGroup) -> None:
    """Every process of the engine is stopped and ignores SIGTERM."""
    for server in group.servers:
        for pid in (server.pid, *descendants(server.pid)):
            os.kill(pid, signal.SIGSTOP)
    raise ServersHung("rank 0 did not answer")


def test_crashed(launch: Launch, group: ServerGroup) -> None:
    """The engine core of the first rank is killed."""
    server = group.servers[0]
    below = [process for pid, process in table().items() if pid in descendants(server.pid)]
    for process in below:
        if "EngineCore" in process.name:
            os.kill(process.pid, signal.SIGKILL)
    while True:  # until it has noticed
        complete(launch, server)


def test_teardown(group: ServerGroup) -> None:
    assert not group.terminate().survivors
