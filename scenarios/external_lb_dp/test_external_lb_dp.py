"""Data parallelism behind an external load balancer: every rank is a server of its own.

The matrix is the number of API servers per rank, [1] and then [4], as in vLLM's
tests/v1/distributed/test_external_lb_dp.py. The servers of one value are shared by its four cells; the last
of them ends the servers and looks at how they ended. Cells can be run alone: `teardown[4]` by itself ends
idle engines that never saw a request.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest

REQUESTS_PER_RANK = 25
ENDED_BY_SIGTERM = {0, -15, 143}


@pytest.fixture(scope="module", params=[1, 4])
def group(request, rank_servers):
    with rank_servers(api_server_count=request.param) as group:
        yield group


@pytest.fixture
def servers(group):
    group.ensure_serving()
    return group.servers


def test_external_lb_server_info(group, servers):
    """Every API server of every rank knows how many there are and which one it is."""
    count = group.api_server_count
    for i in range(2 * count * count):
        server = servers[i % len(servers)]
        config = server.get("/server_info", config_format="json")["vllm_config"]["parallel_config"]
        assert config["_api_process_count"] == count
        assert 0 <= config["_api_process_rank"] < count


def test_external_lb_single_completion(launch, servers):
    """One request a rank, then two bursts on all ranks at once."""

    def complete(server):
        body = {"model": launch.served_model, "prompt": "Hello, my name is", "max_tokens": 10, "temperature": 0}
        completion = server.post("/v1/completions", body)
        (choice,) = completion["choices"]
        assert choice["text"]
        assert choice["finish_reason"] in {"length", "stop"}
        usage = completion["usage"]
        assert usage["prompt_tokens"] > 0
        assert usage["completion_tokens"] > 0
        assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]

    one_by_one_then_in_bursts(complete, servers)


def test_external_lb_completion_streaming(launch, servers):
    """The same with streaming: the joined chunks are the text that comes in one piece."""

    def complete_both_ways(server):
        body = {"model": launch.served_model, "prompt": "What is an LLM?", "max_tokens": 5, "temperature": 0}
        (whole,) = server.post("/v1/completions", body)["choices"]
        chunks = [chunk["choices"][0] for chunk in server.stream("/v1/completions", {**body, "stream": True})]
        reasons = [chunk["finish_reason"] for chunk in chunks if chunk["finish_reason"] is not None]
        assert "".join(chunk["text"] for chunk in chunks) == whole["text"]
        assert reasons == ["length"]
        assert chunks[-1]["finish_reason"] == "length"

    one_by_one_then_in_bursts(complete_both_ways, servers)


def test_external_lb_teardown(group, servers):
    """SIGTERM ends every process in time, and none complains or leaves anything behind."""
    teardown = group.terminate()
    assert not teardown.survivors
    assert not teardown.error_lines
    assert not teardown.shm_left
    assert not teardown.ports_left
    assert set(teardown.exit_statuses) <= ENDED_BY_SIGTERM


def one_by_one_then_in_bursts(request, servers):
    for server in servers:
        request(server)
    with ThreadPoolExecutor(max_workers=REQUESTS_PER_RANK * len(servers)) as pool:
        for _ in range(2):
            list(pool.map(request, servers * REQUESTS_PER_RANK))
