"""Start one rank's server, a `serve` process in its own session, and send HTTP requests to it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import requests

from bisect_tool.suite.failures import ServersHung

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bisect_tool.suite.deployment import Command
    from bisect_tool.suite.launch import SigtermMode
    from bisect_tool.suite.logs import RankLog

REQUEST_TIMEOUT_S = 120.0
HEALTH_TIMEOUT_S = 5.0
_NO_CONNECTION = "no connection"


class RequestFailed(Exception):
    """A server answered, but not with 200."""


class RankServer:
    """A server that has been started.

    Every request uses a new connection, so that each of its API servers gets some. `hung`: a request was
    not answered in time.
    """

    def __init__(
        self, command: Command, log: RankLog, env: Mapping[str, str], health_path: str = "/health"
    ) -> None:
        self._health_path = health_path
        self.rank = command.rank
        self.port = command.port
        self.log = log
        self.started = time.time()
        self.hung = False
        output = log.open_for_server()
        try:
            self._process = subprocess.Popen(
                command.argv,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        finally:
            os.close(output)

    @property
    def pid(self) -> int:
        """The id of the root process, and of its session and process group."""
        return self._process.pid

    @property
    def exit_status(self) -> int | None:
        """The root's exit status as in `subprocess` (-15: ended by SIGTERM), None while it runs."""
        return self._process.poll()

    def sigterm(self, mode: SigtermMode) -> None:
        """Send SIGTERM to the root, which must not have been reaped, or to its whole process group."""
        self.send(signal.SIGTERM, mode)

    def send(self, signum: signal.Signals, mode: SigtermMode = "root") -> None:
        """Send any signal, as `sigterm` does."""
        with suppress(ProcessLookupError):
            (os.killpg if mode == "group" else os.kill)(self.pid, signum)

    def health(self) -> str:
        """Request the health endpoint; returns the status code, or why there was no answer."""
        # Polled while a server starts: a refused connection costs a tenth of a failed request.
        if not self._accepts_connections():
            return _NO_CONNECTION
        try:
            with _session() as session:
                return str(session.get(self._url(self._health_path), timeout=HEALTH_TIMEOUT_S).status_code)
        except requests.Timeout:
            return f"no answer in {HEALTH_TIMEOUT_S:g} s"
        except requests.RequestException:
            return _NO_CONNECTION

    def _accepts_connections(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), HEALTH_TIMEOUT_S).close()
        except TimeoutError:  # it listens, but is too busy to accept: the request says so
            return True
        except OSError:  # it does not listen yet
            return False
        return True

    def get(self, path: str, **query: str) -> Any:  # noqa: ANN401 - JSON
        """GET `path`; returns the JSON of a 200 answer.

        Raises:
            RequestFailed: the answer was not 200.
            ServersHung: there was no answer in time.
            requests.ConnectionError: the server does not listen, or closed the connection.
        """
        with self._request("GET", path, params=query) as response:
            return response.json()

    def post(self, path: str, body: Mapping[str, object]) -> Any:  # noqa: ANN401 - JSON
        """POST `body` as JSON; returns and raises as `get` does."""
        with self._request("POST", path, json=body) as response:
            return response.json()

    def stream(self, path: str, body: Mapping[str, object]) -> list[Any]:
        """POST `body`; returns the JSON of each server-sent event up to `[DONE]`, raises as `events` does."""
        return list(self.events(path, body))

    def events(self, path: str, body: Mapping[str, object]) -> Iterator[Any]:
        """POST `body`; yields the JSON of each server-sent event as it arrives, up to `[DONE]`.

        Raises as `get` does, and RequestFailed if the stream ends without `[DONE]`.
        """
        with self._request("POST", path, json=body, stream=True) as response:
            for line in response.iter_lines(chunk_size=None):
                name, _, data = line.partition(b":")
                if name == b"data" and data.strip() == b"[DONE]":
                    return
                if name == b"data":
                    yield json.loads(data)
        raise RequestFailed(f"rank {self.rank} ended the stream of POST {path} without [DONE]")

    @contextmanager
    def _request(
        self,
        method: str,
        path: str,
        **options: Any,  # noqa: ANN401 - as requests has them
    ) -> Iterator[requests.Response]:
        try:
            with (
                _session() as session,
                session.request(method, self._url(path), timeout=REQUEST_TIMEOUT_S, **options) as response,
            ):
                if response.status_code != requests.codes.ok:
                    answer = f"{response.status_code} to {method} {path}: {response.text[:500]}"
                    raise RequestFailed(f"rank {self.rank} answered {answer}")
                yield response
        except requests.Timeout:
            self.hung = True
            raise ServersHung(
                f"rank {self.rank} did not answer {method} {path} in {REQUEST_TIMEOUT_S:g} s",
                [self.log.name],
                (self.started, time.time()),
            ) from None

    def _url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"


def _session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # no proxy: the server is on this machine
    return session
