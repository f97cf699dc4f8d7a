"""Data parallelism behind an external load balancer: every rank is a server of its own.

The matrix is the number of API servers per rank, [1] and then [4], as in vLLM's own test of the same name.
The servers of one value are shared by its four cells; the last of them ends the servers and looks at how
they ended. Each cell can be run alone: `teardown[4]` by itself ends idle engines that never saw a request.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bisect_tool.pytest_plugin.fixtures import Launch, RankServer, RankServers, ServerGroup

REQUESTS_PER_RANK = 25
ENDED_BY_SIGTERM = {0, -15, 143}


@pytest.fixture(scope="module", params=[1, 4])
def api_server_count(request: pytest.FixtureRequest) -> int:
    count: int = request.param
    return count


@pytest.fixture(scope="module")
def group(api_server_count: int, rank_servers: RankServers) -> Iterator[ServerGroup]:
    with rank_servers(api_server_count=api_server_count) as group:
        yield group


@pytest.fixture
def servers(group: ServerGroup) -> list[RankServer]:
    group.ensure_serving()
    return group.servers


def test_external_lb_server_info(api_server_count: int, servers: list[RankServer]) -> None:
    """Every API server knows how many there are in its rank, and which of them it is."""
    for i in range(2 * api_server_count * api_server_count):
        server = servers[i % len(servers)]
        config = server.get("/server_info", config_format="json")["vllm_config"]["parallel_config"]
        assert config["_api_process_count"] == api_server_count
        assert 0 <= config["_api_process_rank"] < api_server_count


def test_external_lb_single_completion(launch: Launch, servers: list[RankServer]) -> None:
    """One completion from each rank, then two bursts from all ranks at once."""
    body = {"model": launch.served_model, "prompt": "Hello, my name is", "max_tokens": 10, "temperature": 0}

    def complete(server: RankServer) -> None:
        completion = server.post("/v1/completions", body)
        (choice,) = completion["choices"]
        assert choice["text"]
        assert choice["finish_reason"] in {"length", "stop"}
        usage = completion["usage"]
        assert usage["prompt_tokens"] > 0
        assert usage["completion_tokens"] > 0
        assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]

    one_by_one_then_in_bursts(complete, servers)


def test_external_lb_completion_streaming(launch: Launch, servers: list[RankServer]) -> None:
    """The same in streams: the joined chunks are the text that comes in one piece otherwise."""
    body = {"model": launch.served_model, "prompt": "What is an LLM?", "max_tokens": 5, "temperature": 0}

    def complete_both_ways(server: RankServer) -> None:
        (whole,) = server.post("/v1/completions", body)["choices"]
        events = server.stream("/v1/completions", {**body, "stream": True})
        chunks = [event["choices"][0] for event in events]
        assert "".join(chunk["text"] for chunk in chunks) == whole["text"]
        reasons = [chunk["finish_reason"] for chunk in chunks]
        assert reasons == [None] * (len(chunks) - 1) + ["length"]

    one_by_one_then_in_bursts(complete_both_ways, servers)


@pytest.mark.usefixtures("servers")
def test_external_lb_teardown(group: ServerGroup) -> None:
    """SIGTERM ends every process in time; none complains, and nothing is left behind."""
    teardown = group.terminate()
    late = f"still running {group.launch.teardown_s:g} s after SIGTERM"
    assert not teardown.survivors, f"{late}: {', '.join(teardown.survivors)}"
    assert not teardown.error_lines, "\n".join(teardown.error_lines)
    assert not teardown.shm_left, teardown.shm_left
    assert not teardown.ports_left, teardown.ports_left
    assert set(teardown.exit_statuses) <= ENDED_BY_SIGTERM, teardown.exit_statuses


def one_by_one_then_in_bursts(request: Callable[[RankServer], None], servers: list[RankServer]) -> None:
    for server in servers:
        request(server)
    with ThreadPoolExecutor(max_workers=REQUESTS_PER_RANK * len(servers)) as pool:
        for _ in range(2):
            list(pool.map(request, servers * REQUESTS_PER_RANK))
