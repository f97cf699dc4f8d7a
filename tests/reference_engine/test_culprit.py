"""The servers at the culprit, before it and after it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
import requests
from reference_rank import END, MODEL, START, Checkout, matrix, rank, wait_for

if TYPE_CHECKING:
    from pathlib import Path

Checkouts = Callable[[str], Checkout]


@pytest.mark.slow
def test_four_api_servers_start_before_the_culprit(checkout: Checkouts, tmp_path: Path) -> None:
    """tests/cli/test_fixes_story.py checks the revert."""
    with matrix(checkout("priority-engine"), tmp_path, 4) as servers:
        for server in servers:
            server.wait_until_up()
        assert [server.terminate("group") for server in servers] == [0, 0]
        assert [server.problems() for server in servers] == [[], []]


@pytest.mark.slow
def test_four_api_servers_do_not_start_at_the_culprit(checkout: Checkouts, tmp_path: Path) -> None:
    """tests/cli/test_demo.py checks the bad end."""
    with matrix(checkout("culprit"), tmp_path, 4) as servers:
        for number, server in enumerate(servers):
            assert server.process.wait(START) == 1
            wait_for(lambda log=server.log: "BrokenPipeError: [Errno 32] Broken pipe" in log(), END)
            lines = server.log().splitlines()
            engine = first(
                lines, f"(EngineCore_DP{number} pid=", "WorkerProc initialization failed due to an ex"
            )
            gone = first(lines, f") (Worker_DP{number}_TP0 pid=", "Parent process exited, terminating worker")
            broken = first(lines, f") (Worker_DP{number}_TP0 pid=", "BrokenPipeError: [Errno 32] Broken pipe")
            exited = first(
                lines, "", f"Server exited unexpectedly (rank {number}): Process EngineCore_DP{number}"
            )
            assert engine < broken < exited
            assert gone < broken
            assert not server.is_up()


@pytest.mark.slow
def test_one_api_server_works_at_the_culprit(checkout: Checkouts, tmp_path: Path) -> None:
    """For each way to end a rank."""
    with matrix(checkout("culprit"), tmp_path, 1) as servers:
        for server in servers:
            server.wait_until_up()
            assert server.complete("Hello, my name is")["choices"][0]["text"].strip()
        modes = ("group", "root")
        assert [server.terminate(mode) for server, mode in zip(servers, modes, strict=True)] == [0, 0]
        assert [server.problems() for server in servers] == [[], []]


def test_other_failure_has_its_own_signature(checkout: Checkouts, tmp_path: Path) -> None:
    with rank(checkout("broken"), tmp_path) as server:
        server.wait_until_up()
        body = {"model": MODEL, "prompt": "Hello, my name is"}
        assert requests.post(f"{server.url}/v1/completions", json=body, timeout=60).status_code == 500
        mistake = "TypeError: EngineClient.generate() takes 3 positional arguments but 4 were given"
        wait_for(lambda: mistake in server.log(), END)
        assert "WorkerProc" not in server.log()
        assert server.terminate("group") == 0


def test_flaky_commit_fails_by_colliding_request_ids(checkout: Checkouts) -> None:
    """4 hex digits and up to 25 requests in flight at one server: collisions are rare."""
    flaky = checkout("flaky").tree / "refengine" / "client.py"
    assert "secrets.token_hex(2)" in flaky.read_text(encoding="utf-8")
    pairs = 25 * 24 / 2
    bursts_of_a_trial = 2 * 2 * 2 * 2  # ranks, bursts, cells, matrix values
    upper_bound = bursts_of_a_trial * pairs / 16**4
    assert 0.02 < upper_bound < 0.08


def first(lines: list[str], prefix: str, text: str) -> int:
    """Index of the first line with both."""
    return next(index for index, line in enumerate(lines) if prefix in line and text in line)
