"""Pytest fixtures for suites: `launch` (the trial's settings) and `rank_servers` (starts the servers).

    def test_it(rank_servers):
        with rank_servers(api_server_count=4) as group:
            group.servers[0].get("/health")
            assert not group.terminate("group").survivors

Loaded into the tool's own pytest with `-p bisect_tool.pytest_plugin.fixtures`; `BISECT_RUN_LAUNCH` names
launch.json. What reads the settings and starts servers is imported by the fixtures that do: with pydantic,
`requests` and the patterns of logs it takes longer to import than the rest, pytest included.
"""

from __future__ import annotations

import functools
import importlib
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bisect_tool.pytest_plugin.deployment import Deployment, headless, single_server
from bisect_tool.pytest_plugin.failures import RequestFailed, ServersBlocked, ServersFailed

if TYPE_CHECKING:
    from bisect_tool.pytest_plugin.launch import Launch
    from bisect_tool.pytest_plugin.rank_nodes import RankNodes
    from bisect_tool.pytest_plugin.rank_server import RankServer
    from bisect_tool.pytest_plugin.server_group import ServerGroup

__all__ = [
    "Deployment",
    "Launch",
    "RankServer",
    "RankServers",
    "RequestFailed",
    "ServerGroup",
    "ServersBlocked",
    "ServersFailed",
    "StartingServers",
    "headless",
    "launch",
    "rank_nodes",
    "rank_servers",
    "single_server",
    "start_servers",
]

_LAST = pytest.StashKey[bool]()
_IMPORTED_LATE = {
    "Launch": "bisect_tool.pytest_plugin.launch",
    "RankServer": "bisect_tool.pytest_plugin.rank_server",
    "ServerGroup": "bisect_tool.pytest_plugin.server_group",
}

RankServers = Callable[..., AbstractContextManager["ServerGroup"]]
"""`rank_servers(api_server_count=N)`: a context in which one server per rank is up and healthy."""

StartingServers = Callable[[Deployment], AbstractContextManager["ServerGroup"]]
"""`start_servers(deployment)`: a context in which its servers are started, but need not be ready."""


def __getattr__(name: str) -> object:
    """Import the classes of servers for a suite that needs more of them than their names in annotations."""
    if name not in _IMPORTED_LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_IMPORTED_LATE[name]), name)


@pytest.fixture(scope="session")
def launch() -> Launch:
    """Return the trial's settings for its servers."""
    from bisect_tool.pytest_plugin.launch import VARIABLE, read_launch  # noqa: PLC0415 - see above

    path = os.environ.get(VARIABLE)
    if not path:
        raise pytest.UsageError(f"{VARIABLE} does not name a launch.json: run this suite with bisect-run")
    return read_launch(Path(path))


@pytest.fixture(scope="session")
def rank_nodes(launch: Launch) -> Iterator[RankNodes]:
    """Connect to the other nodes that have ranks; none on a single machine."""
    from bisect_tool.pytest_plugin.rank_nodes import connected  # noqa: PLC0415 - see above

    with connected(launch) as nodes:
        yield nodes


@pytest.fixture(scope="session")
def rank_servers(launch: Launch, rank_nodes: RankNodes, pytestconfig: pytest.Config) -> RankServers:
    """Start one server per rank; see `server_group.rank_servers` for what it raises."""
    from bisect_tool.pytest_plugin import server_group  # noqa: PLC0415 - see above

    is_last_cell = functools.partial(_is_last_cell, pytestconfig)
    return functools.partial(server_group.rank_servers, launch, is_last_cell=is_last_cell, nodes=rank_nodes)


@pytest.fixture(scope="session")
def start_servers(launch: Launch, rank_nodes: RankNodes, pytestconfig: pytest.Config) -> StartingServers:
    """Start the servers of a deployment; see `server_group.starting_servers` for what it raises."""
    from bisect_tool.pytest_plugin import server_group  # noqa: PLC0415 - see above

    is_last_cell = functools.partial(_is_last_cell, pytestconfig)
    return functools.partial(
        server_group.starting_servers, launch, is_last_cell=is_last_cell, nodes=rank_nodes
    )


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Record, before any fixture is torn down, whether another cell follows."""
    item.config.stash[_LAST] = nextitem is None


def _is_last_cell(config: pytest.Config) -> bool:
    """Whether the last cell is being torn down."""
    return config.stash.get(_LAST, False)
