"""The engine at the end of its history: its responses, and how it shuts down."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from threading import Event
from typing import TYPE_CHECKING

import pytest
import requests
from reference_rank import (
    END,
    MODEL,
    START,
    Checkout,
    Rank,
    hold_port,
    is_alive,
    matrix,
    rank,
    together,
    wait_for,
)

from bisect_tool.supervise.ports import is_free

if TYPE_CHECKING:
    from pathlib import Path

Checkouts = Callable[[str], Checkout]


def assert_serves(servers: list[Rank], api_servers: int) -> None:
    """The cells of the external-load-balancer suite, in short."""
    for server in servers:
        url = f"{server.url}/server_info?config_format=json"
        configs = [requests.get(url, timeout=60).json()["vllm_config"]["parallel_config"] for _ in range(8)]
        assert {config["_api_process_count"] for config in configs} == {api_servers}
        assert {config["_api_process_rank"] for config in configs} <= set(range(api_servers))
    answers = together(
        [partial(server.complete, "Hello, my name is", max_tokens=10) for server in servers * 25]
    )
    texts = {answer["choices"][0]["text"] for answer in answers}
    assert len(texts) == 1
    assert texts.pop().strip()
    for answer in answers:
        assert answer["choices"][0]["finish_reason"] == "length"
        assert answer["usage"] == {"prompt_tokens": 5, "completion_tokens": 10, "total_tokens": 15}
    whole = servers[0].complete("What is an LLM?", max_tokens=5)["choices"][0]["text"]
    for chunks in together(
        [partial(server.stream, "What is an LLM?", max_tokens=5) for server in servers * 25]
    ):
        assert "".join(chunk["choices"][0]["text"] for chunk in chunks) == whole
        assert [chunk["choices"][0]["finish_reason"] for chunk in chunks] == [None] * 4 + ["length"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("label", "api_servers", "mode"),
    [("good", 1, "group"), ("good", 4, "root"), ("fixed", 1, "root"), ("fixed", 4, "group")],
)
def test_two_ranks_serve_and_end_cleanly(
    label: str, api_servers: int, mode: str, checkout: Checkouts, tmp_path: Path
) -> None:
    """Pairs cover the three parameters; the demo also ends 4 API servers of the good end by group."""
    with matrix(checkout(label), tmp_path, api_servers) as servers:
        for server in servers:
            server.wait_until_up()
        assert_serves(servers, api_servers)
        statuses = [server.terminate(mode) for server in servers]
        assert statuses == [0, 0]
        for server in servers:
            assert server.problems() == []
            assert is_free(server.port)


@pytest.mark.slow
def test_processes_match_those_of_vllm(checkout: Checkouts, tmp_path: Path) -> None:
    with matrix(checkout("fixed"), tmp_path, 2, "--tensor-parallel-size", "2") as servers:
        for server in servers:
            server.wait_until_up()
            wait_for(lambda log=server.log: log().count("Starting refengine server") == 2, START)
        names = [sorted(process.name() for process in server.tree()) for server in servers]
        served = ["APIServer_0", "APIServer_1"]
        workers = [[f"Worker_DP{dp}_TP{tp}" for tp in (0, 1)] for dp in (0, 1)]
        for number in (0, 1):
            expected = {*served, *workers[number], f"EngineCore_DP{number}"}
            assert expected <= set(names[number])
        assert "DPCoordinator" in names[0]
        assert "DPCoordinator" not in names[1]
        announced = "All engine subscriptions received by DP coordinator"
        wait_for(lambda: announced in servers[0].log(), END)
        assert_serves(servers, 2)
        log = servers[1].log()
        assert "(EngineCore_DP1 pid=" in log
        assert "(Worker pid=" in log
        assert ") (Worker_DP1_TP1 pid=" in log
        assert "(ApiServer_1 pid=" in log


@pytest.mark.parametrize("mode", ["group", "root"])
def test_requests_in_flight_are_aborted_without_a_timeout(
    mode: str, checkout: Checkouts, tmp_path: Path
) -> None:
    with rank(checkout("fixed"), tmp_path) as server:
        server.wait_until_up()
        chunks, ended = stream_while(server, lambda: server.terminate(mode))
        assert chunks[-1]["choices"][0]["finish_reason"] == "abort"
        assert len(chunks) < 1900
        assert ended == 0
        assert server.problems() == []


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["group", "root"])
def test_requests_in_flight_may_finish_within_the_timeout(
    mode: str, checkout: Checkouts, tmp_path: Path
) -> None:
    with rank(checkout("fixed"), tmp_path, "--shutdown-timeout", "600", "--api-server-count", "2") as server:
        server.wait_until_up()
        chunks, ended = stream_while(server, lambda: server.terminate(mode))
        assert chunks[-1]["choices"][0]["finish_reason"] == "length"
        assert len(chunks) == 1900
        assert ended == 0
        assert server.problems() == []


@pytest.mark.slow
def test_requests_that_exceed_the_timeout_are_aborted(checkout: Checkouts, tmp_path: Path) -> None:
    with rank(checkout("fixed"), tmp_path, "--shutdown-timeout", "0.5") as server:
        server.wait_until_up()
        chunks, ended = stream_while(server, lambda: server.terminate("group"))
        assert chunks[-1]["choices"][0]["finish_reason"] == "abort"
        assert ended == 0
        assert server.problems() == []


def test_new_requests_are_rejected_while_others_finish(checkout: Checkouts, tmp_path: Path) -> None:
    with rank(checkout("fixed"), tmp_path, "--shutdown-timeout", "600") as server:
        server.wait_until_up()

        def signal_and_ask() -> int:
            server.process.terminate()
            body = {"prompt": "too late", "max_tokens": 1}
            statuses: list[int] = []

            def ask() -> bool:
                statuses.append(
                    requests.post(f"{server.url}/v1/completions", json=body, timeout=60).status_code
                )
                return statuses[-1] != 200

            wait_for(ask, END)
            return statuses[-1]

        chunks, status = stream_while(server, signal_and_ask)
        assert status == 503
        assert chunks[-1]["choices"][0]["finish_reason"] == "length"
        assert server.process.wait(END) == 0


def stream_while(server: Rank, act: Callable[[], int]) -> tuple[list[dict], int]:
    """A long streamed completion; `act` is called after its first token."""
    under_way = Event()

    def act_later() -> int:
        assert under_way.wait(60)
        return act()

    story = partial(server.stream, "write a long story", under_way, max_tokens=1900)
    chunks, result = together([story, act_later])
    return chunks, result


@pytest.mark.parametrize("delay", [0.4, 0.8, 1.3])
def test_start_can_be_interrupted(delay: float, checkout: Checkouts, tmp_path: Path) -> None:
    with rank(checkout("fixed").with_torch(), tmp_path, "--api-server-count", "4") as server:
        wait_for(lambda: server.tree()[1:], START)  # the launcher has its signal handlers
        time.sleep(delay)
        assert server.terminate("group") == 0
        assert server.problems() == []


def test_rank_with_a_killed_launcher_ends(checkout: Checkouts, tmp_path: Path) -> None:
    with rank(checkout("fixed"), tmp_path, "--api-server-count", "2") as server:
        server.wait_until_up()
        everybody = server.tree()
        server.process.send_signal(signal.SIGKILL)
        server.process.wait(END)
        wait_for(lambda: not any(is_alive(process) for process in everybody), END)


def test_rank_with_a_killed_worker_fails(checkout: Checkouts, tmp_path: Path) -> None:
    with rank(checkout("fixed"), tmp_path) as server:
        server.wait_until_up()
        worker = next(process for process in server.tree() if process.name().startswith("Worker_"))
        worker.send_signal(signal.SIGKILL)
        with pytest.raises((AssertionError, requests.RequestException)):
            server.complete("anybody there")
        assert server.process.wait(END) == 1
        assert "EngineCore encountered a fatal error." in server.log()
        assert "Engine core proc EngineCore_DP0 died unexpectedly, shutting down client." in server.log()


def test_folder_of_the_sockets_is_removed(checkout: Checkouts, tmp_path: Path) -> None:
    found = checkout("fixed")
    environment = found.environment() | {"TMPDIR": str(tmp_path)}
    command = [sys.executable, "-m", "refengine", "serve", MODEL, "--port"]
    with (
        hold_port() as held,
        subprocess.Popen(
            [*command, str(*held.numbers)], env=environment, stdout=subprocess.DEVNULL
        ) as server,
    ):
        try:
            wait_for(lambda: list(tmp_path.glob("refengine-*/client-0")), START)
        finally:
            server.terminate()
        assert server.wait(END) == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--data-parallel-size", "2", "--data-parallel-rank", "2"], "--data-parallel-rank 2 is outside"),
        (["--data-parallel-size-local", "2"], "--data-parallel-size-local must be 1"),
        (["--api-server-count", "0"], "--api-server-count must be at least 1"),
        (["--shutdown-timeout", "-1"], "--shutdown-timeout must not be negative"),
    ],
)
def test_invalid_flags(flags: list[str], message: str, checkout: Checkouts) -> None:
    status, output = run_to_the_end(checkout("fixed").environment(), *flags)
    assert status == 2
    assert message in output
    assert "Traceback" not in output


def test_missing_or_damaged_kernels(checkout: Checkouts, tmp_path: Path) -> None:
    environment = checkout("fixed").environment()
    status, output = run_to_the_end(environment | {"REFENGINE_NATIVE": ""})
    assert (status, "REFENGINE_NATIVE is not set" in output) == (2, True)
    status, output = run_to_the_end(environment | {"REFENGINE_NATIVE": str(tmp_path)})
    assert (status, "does not exist: build it with" in output) == (2, True)
    (tmp_path / "kernels.bin").write_bytes(b"REFN0000{}")
    status, output = run_to_the_end(environment | {"REFENGINE_NATIVE": str(tmp_path)})
    assert (status, "is damaged: build it again" in output) == (2, True)


def test_port_in_use(checkout: Checkouts) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        status, output = run_to_the_end(checkout("fixed").environment(), "--port", port)
    assert status == 1
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in output


def run_to_the_end(environment: dict[str, str], *flags: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "refengine", "serve", MODEL, *flags]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


def test_invalid_requests(checkout: Checkouts, tmp_path: Path) -> None:
    with rank(checkout("fixed").with_torch(), tmp_path) as server:
        server.wait_until_up()
        url = f"{server.url}/v1/completions"

        def status(**body: object) -> int:
            return requests.post(url, json=body, timeout=60).status_code

        assert status(prompt="x", model="another") == 404
        assert status() == 400
        assert status(prompt="") == 400
        assert status(prompt=7) == 400
        assert status(prompt="x", max_tokens=0) == 400
        assert status(prompt="x " * 4000) == 400
        assert requests.post(url, data=b"{", timeout=60).status_code == 400
        assert server.complete("x " * 2000, max_tokens=10**6)["usage"]["total_tokens"] == 2048
        assert server.problems() == []


def test_only_workers_import_torch(checkout: Checkouts) -> None:
    code = (
        "import sys, refengine.serve, refengine.server, refengine.core, refengine.worker;"
        "print('torch' in sys.modules, 'numpy' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=checkout("fixed").environment(),
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.split() == ["False", "False"]


MARGINS = """
import random, torch
from refengine import tokenizer
from refengine.config import ModelConfig
from refengine.model import Transformer
from refengine.native import load_kernels

torch.set_num_threads(1)
model = Transformer(ModelConfig.load("tiny", "auto", 2048, "dummy"), load_kernels(), torch.device("cpu"))
draw = random.Random(1)
prompts = [tokenizer.encode("Hello, my name is"), tokenizer.encode("What is an LLM?")]
prompts += [[draw.randrange(len(tokenizer.WORDS)) for _ in range(draw.randrange(1, 30))] for _ in range(30)]
together = [(prompt, model.begin()) for prompt in prompts]
alone = [(prompt, model.begin()) for prompt in prompts]
smallest, largest = 1.0, 0.0
for _ in range(20):
    batch = model.forward(together)
    single = torch.cat([model.forward([entry]) for entry in alone])
    best = batch.topk(2, dim=-1).values
    smallest = min(smallest, ((best[:, 0] - best[:, 1]) / batch.std(dim=-1)).min().item())
    largest = max(largest, ((batch - single).abs().amax(dim=-1) / batch.std(dim=-1)).max().item())
    assert batch.argmax(dim=-1).tolist() == single.argmax(dim=-1).tolist()
    tokens = [[token] for token in batch.argmax(dim=-1).tolist()]
    together = [(token, entry[1]) for token, entry in zip(tokens, together)]
    alone = [(token, entry[1]) for token, entry in zip(tokens, alone)]
print(smallest, largest)
"""


def test_batching_never_changes_the_text(checkout: Checkouts) -> None:
    """The best token's margin is over a hundred times the rounding error of batching."""
    done = subprocess.run(
        [sys.executable, "-c", MARGINS],
        env=checkout("fixed").with_torch().environment(),
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    margin, rounding = map(float, done.stdout.split())
    assert margin > 100 * rounding
