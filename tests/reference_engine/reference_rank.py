"""Ranks of the reference engine as real processes, for the tests of this folder."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import psutil
import requests
from quick_engine import WITHOUT_TORCH

from bisect_tool.supervise.held_ports import HeldPorts, hold_free

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from threading import Event

MODEL = "tiny"
START = 150.0  # seconds; a quiet machine needs two
END = 120.0
PROBLEM = re.compile(r"ERROR|Traceback|leaked|Error:")


@dataclass(frozen=True)
class Checkout:
    """A commit's tree, and the folder of its built kernels; its workers use torch or a stand-in for it."""

    tree: Path
    native: Path
    torch: bool = False

    def with_torch(self) -> Checkout:
        return replace(self, torch=True)

    def environment(self) -> dict[str, str]:
        path = "{tree}" if self.torch else WITHOUT_TORCH["PYTHONPATH"]
        return os.environ | {
            "PYTHONPATH": path.replace("{tree}", str(self.tree)),
            "REFENGINE_NATIVE": str(self.native),
            "VLLM_SERVER_DEV_MODE": "1",
            "OMP_NUM_THREADS": "1",
        }


class Rank:
    """One `refengine serve`, with its log in a file and its processes in a separate session."""

    def __init__(self, checkout: Checkout, log: Path, flags: Sequence[str]) -> None:
        self._held = hold_port()
        (self.port,) = self._held.numbers
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = log
        command = [sys.executable, "-m", "refengine", "serve", MODEL, "--port", str(self.port), *flags]
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                command,
                env=checkout.environment() | {"TMPDIR": str(log.parent)},
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def log(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    def problems(self) -> list[str]:
        return [line for line in self.log().splitlines() if PROBLEM.search(line)]

    def is_up(self) -> bool:
        try:
            return requests.get(f"{self.url}/health", timeout=10).status_code == 200
        except requests.RequestException:
            return False

    def has_ended(self) -> bool:
        return self.process.poll() is not None

    def wait_until_up(self) -> None:
        wait_for(lambda: self.is_up() or self.has_ended(), START)
        assert not self.has_ended(), self.log()

    def complete(self, prompt: str, **fields: Any) -> dict[str, Any]:
        body = {"model": MODEL, "prompt": prompt, **fields}
        response = requests.post(f"{self.url}/v1/completions", json=body, timeout=240)
        assert response.status_code == 200, response.text
        return response.json()

    def stream(self, prompt: str, under_way: Event | None = None, **fields: Any) -> list[dict[str, Any]]:
        """The events of a streamed completion; `under_way` is set with the first."""
        body = {"model": MODEL, "prompt": prompt, "stream": True, **fields}
        events = []
        with requests.post(f"{self.url}/v1/completions", json=body, timeout=240, stream=True) as response:
            for line in response.iter_lines(chunk_size=None):  # each chunk at once
                if line:
                    events.append(line.removeprefix(b"data: "))
                if events and under_way:
                    under_way.set()
        assert events[-1] == b"[DONE]"
        return [json.loads(event) for event in events[:-1]]

    def tree(self) -> list[psutil.Process]:
        root = psutil.Process(self.process.pid)
        return [root, *root.children(recursive=True)]

    def terminate(self, mode: str) -> int:
        """Send SIGTERM to the process group or only to the root; returns the status once all have ended."""
        everybody = self.tree()
        if mode == "group":
            os.killpg(self.process.pid, signal.SIGTERM)
        else:
            self.process.terminate()
        status = self.process.wait(END)
        wait_for(lambda: not any(is_alive(process) for process in everybody), END)
        return status

    def sweep(self) -> None:
        """End the rank if the test has not, and kill what a failed test has left."""
        if not self.has_ended():
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(END)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(END)
        self._held.close()


@contextlib.contextmanager
def rank(checkout: Checkout, folder: Path, *flags: str) -> Iterator[Rank]:
    """One rank by itself."""
    server = Rank(checkout, folder / "rank.log", flags)
    try:
        yield server
    finally:
        server.sweep()


@contextlib.contextmanager
def matrix(checkout: Checkout, folder: Path, api_servers: int, *flags: str) -> Iterator[list[Rank]]:
    """Two data-parallel ranks, as the suite starts them; rank 1 first."""
    servers: list[Rank] = []
    held = hold_port()
    common = ["--data-parallel-size", "2", "--data-parallel-size-local", "1"]
    common += ["--data-parallel-rpc-port", str(*held.numbers), "--api-server-count", str(api_servers)]
    common += ["--dtype", "bfloat16", "--max-model-len", "2048", "--max-num-seqs", "128", "--enforce-eager"]
    try:
        for number in (1, 0):
            own = ["--data-parallel-rank", str(number)]
            servers.insert(
                0, Rank(checkout, folder / f"{api_servers}-rank{number}.log", [*common, *own, *flags])
            )
        yield servers
    finally:
        for server in servers:
            server.sweep()
        held.close()


def together(calls: Sequence[Any]) -> list[Any]:
    """The results of calls made at the same time."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result(240) for future in [pool.submit(call) for call in calls]]


def wait_for(condition: Any, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.02)


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def hold_port() -> HeldPorts:
    """Hold a port, so that neither other tests nor the kernel use it until it is closed."""
    return hold_free(1, 25_000, 26_000)
