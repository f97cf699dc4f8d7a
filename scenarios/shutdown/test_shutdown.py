"""What `--shutdown-timeout` promises, as vLLM's #36666 describes it: SIGTERM to the root of one server.

A timeout of 0 is the default and is not passed, so these cells run at every commit; what has no flag for the
others, or no `--headless`, skips them. Each cell starts servers of its own.
"""

from __future__ import annotations

import re
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
import requests

from bisect_tool.pytest_plugin.fixtures import (
    RequestFailed,
    ServersBlocked,
    ServersFailed,
    headless,
    single_server,
)
from bisect_tool.pytest_plugin.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bisect_tool.pytest_plugin.fixtures import (
        Deployment,
        Launch,
        RankServer,
        ServerGroup,
        StartingServers,
    )
    from bisect_tool.pytest_plugin.shutdown import Shutdown

TIMEOUT_S = 8
AT_ONCE_S = 5.0  # for answers that are cut off; as long as vLLM gives its processes when there is no timeout
IDLE_S = TIMEOUT_S - 1.0  # who has nothing to wait for does not wait for the timeout
LIMIT_S = 2 * TIMEOUT_S - 1.0  # two waits, one after the other, take twice the timeout
ENDED_WELL = {0, -signal.SIGTERM, 128 + signal.SIGTERM}
ENDED_BY_SIGINT = {-signal.SIGINT, 128 + signal.SIGINT}
SHORT_S = 2.0
LONG_TOKENS = 1900
AT_A_TIME = 3
UNKNOWN_FLAG = re.compile(r"unrecognized arguments: (--[\w-]+)")

TIMEOUTS = pytest.mark.parametrize("timeout", [0, TIMEOUT_S], ids=lambda seconds: f"timeout_{seconds}")
TOPOLOGIES = pytest.mark.parametrize("topology", ["single", "4_api_servers", "headless"])


@dataclass
class Stream:
    """A streamed completion: whether it has started, whether it has ended, and why."""

    started: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)
    finish_reason: str = "no finish reason"

    def read(self, server: RankServer, body: dict[str, object]) -> None:
        try:
            for event in server.events("/v1/completions", {**body, "stream": True}):
                self.started.set()
                if event.get("choices"):
                    self.finish_reason = event["choices"][0]["finish_reason"] or self.finish_reason
        except (requests.RequestException, RequestFailed):
            pass  # the stream was cut off: it has the finish reason that has come, or none
        finally:
            self.started.set()
            self.ended.set()


class Shutdown:
    """One server under contract, the server that answers for it, and the end of both."""

    def __init__(self, group: ServerGroup) -> None:
        self.group = group
        self.server, self.front = group.servers[0], group.servers[-1]

    def sigterm(self) -> None:
        self.ending: Shutdown = self.group.start_shutdown()
        self.server.send(signal.SIGTERM)

    def again(self, signum: signal.Signals) -> None:
        """A second signal, if the first has not ended the root yet."""
        if self.server.exit_status is None:
            self.server.send(signum)

    def ends_within(self, seconds: float, statuses: set[int]) -> None:
        """The server ends by itself in time, with one of these exit statuses, and leaves nothing."""
        gone = wait_until(lambda: self.ending.gone(self.server), seconds - self.ending.seconds)
        assert gone, f"not gone {seconds:g} s after SIGTERM"
        assert self.server.exit_status in statuses, f"exit status {self.server.exit_status}"
        teardown = self.group.finish()
        assert not teardown.survivors, teardown.survivors
        assert not teardown.shm_left, teardown.shm_left
        assert not teardown.ports_left, teardown.ports_left


@pytest.fixture
def deployment(topology: str, timeout: int) -> Deployment:
    name = f"{topology}-{timeout}"
    flags = ["--shutdown-timeout", str(timeout)] if timeout else []
    if topology == "headless":
        return headless(name, "EngineCore", flags)
    return single_server(name, 1 if topology == "single" else 4, flags)


@contextmanager
def skipping() -> Iterator[None]:
    """Servers that do not know a flag of the contract skip the cell."""
    try:
        yield
    except ServersFailed as failure:
        if unknown := UNKNOWN_FLAG.search(str(failure)):
            pytest.skip(f"this commit has no {unknown[1]}")
        raise


@pytest.fixture
def starting(start_servers: StartingServers, deployment: Deployment) -> Iterator[ServerGroup]:
    with skipping(), start_servers(deployment) as group:
        yield group


@pytest.fixture
def serving(starting: ServerGroup) -> ServerGroup:
    with skipping():
        starting.await_ready()
    return starting


@TIMEOUTS
@TOPOLOGIES
def test_idle(serving: ServerGroup) -> None:
    """An idle engine wakes up and ends, timeout or not; a second SIGTERM changes nothing."""
    serving.wait_until_idle()
    shutdown = Shutdown(serving)
    shutdown.sigterm()
    shutdown.again(signal.SIGTERM)
    shutdown.ends_within(IDLE_S, ENDED_WELL)


@TIMEOUTS
@TOPOLOGIES
def test_during_start_up(starting: ServerGroup) -> None:
    """A server whose engine core is on its way ends, too."""
    with skipping():
        starting.await_role("EngineCore")
    shutdown = Shutdown(starting)
    shutdown.sigterm()
    shutdown.ends_within(LIMIT_S, ENDED_WELL)


@TIMEOUTS
@TOPOLOGIES
def test_in_flight(serving: ServerGroup, launch: Launch, timeout: int) -> None:
    """Without a timeout requests are aborted at once; with one they may finish, and new ones are rejected."""
    body: dict[str, object] = {"model": launch.served_model, "prompt": "Hello, my name is", "temperature": 0}
    body["ignore_eos"] = True
    shutdown = Shutdown(serving)
    short = {**body, "max_tokens": tokens_in(SHORT_S, shutdown.front, body)}
    long = {**body, "max_tokens": LONG_TOKENS}
    wanted = [short] * AT_A_TIME + [long] if timeout else [long] * AT_A_TIME
    streams = [Stream() for _ in wanted]
    with ThreadPoolExecutor(max_workers=len(wanted)) as pool:
        try:
            for stream, what in zip(streams, wanted, strict=True):
                pool.submit(stream.read, shutdown.front, what)
            started = wait_until(lambda: all(stream.started.is_set() for stream in streams), launch.ready_s)
            assert started, "requests were not started"
            refused = [stream.finish_reason for stream in streams if stream.ended.is_set()]
            if refused:  # too busy a machine, or too small a context: the engine's end is not to blame
                raise ServersBlocked(f"requests ended before SIGTERM with {', '.join(refused)}")
            shutdown.sigterm()
            if timeout:
                drained(shutdown.front, streams[:AT_A_TIME], body)
            else:
                aborted(streams)
            shutdown.again(signal.SIGINT)
            shutdown.ends_within(LIMIT_S if timeout else AT_ONCE_S + IDLE_S, ENDED_WELL | ENDED_BY_SIGINT)
        finally:
            serving.finish()  # also ends what the pool waits for


def aborted(streams: list[Stream]) -> None:
    end_with("abort", streams, AT_ONCE_S)


def drained(server: RankServer, streams: list[Stream], body: dict[str, object]) -> None:
    rejects = wait_until(lambda: rejected(server, body), AT_ONCE_S)
    assert rejects, f"new requests are accepted {AT_ONCE_S:g} s after SIGTERM"
    end_with("length", streams, TIMEOUT_S)


def end_with(reason: str, streams: list[Stream], seconds: float) -> None:
    ended = wait_until(lambda: all(stream.ended.is_set() for stream in streams), seconds)
    assert ended, f"requests still in flight {seconds:g} s after SIGTERM"
    wrong = sorted({stream.finish_reason for stream in streams} - {reason})
    assert not wrong, f"requests in flight ended with {', '.join(wrong)} instead of {reason}"


def rejected(server: RankServer, body: dict[str, object]) -> bool:
    """Whether a new request is rejected, by an error or by an answer that reports it as aborted."""
    try:
        (choice,) = server.post("/v1/completions", {**body, "max_tokens": 1})["choices"]
    except (requests.RequestException, RequestFailed):
        return True
    return bool(choice["finish_reason"] == "abort")


def tokens_in(seconds: float, server: RankServer, body: dict[str, object]) -> int:
    """How many tokens one request gets in that time, measured with 64; at most half of `LONG_TOKENS`."""
    server.post("/v1/completions", {**body, "max_tokens": 1})
    began = time.monotonic()
    server.post("/v1/completions", {**body, "max_tokens": 64})
    return max(64, min(LONG_TOKENS // 2, int(64 * seconds / (time.monotonic() - began))))
