"""One rank's server, a `serve` process in its own session on some host, and HTTP requests to it."""

from __future__ import annotations

import json
import signal
import socket
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import requests

from bisect_tool.pytest_plugin.failures import RequestFailed, ServersHung

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bisect_tool.pytest_plugin.deployment import Command
    from bisect_tool.pytest_plugin.host import Host
    from bisect_tool.pytest_plugin.launch import SigtermMode
    from bisect_tool.pytest_plugin.logs import RankLog
    from bisect_tool.supervise.guardian_protocol import ProcessInfo
    from bisect_tool.supervise.processes import Identity

REQUEST_TIMEOUT_S = 120.0
HEALTH_TIMEOUT_S = 5.0
_NO_CONNECTION = "no connection"


class RankServer:
    """A server that has been started.

    Every request uses a new connection, so that each of its API servers gets some. `hung`: a request was
    not answered in time.
    """

    def __init__(self, command: Command, log: RankLog, host: Host, health_path: str = "/health") -> None:
        """Start the server on its host.

        Raises:
            OSError: it cannot be started.
        """
        self._health_path = health_path
        self._host = host
        self.rank = command.rank
        self.port = command.port
        self.log = log
        self.started = time.time()
        self.hung = False
        self.pid = host.start(command.rank, command.flags, log.name)
        """The id of the root process, and of its session and process group."""

    @property
    def exit_status(self) -> int | None:
        """The root's exit status as in `subprocess` (-15: ended by SIGTERM), None while it runs."""
        return self._host.exit_status(self.pid)

    def sigterm(self, mode: SigtermMode) -> None:
        """Send SIGTERM to the root, which must not have been reaped, or to its whole process group."""
        self.send(signal.SIGTERM, mode)

    def send(self, signum: signal.Signals, mode: SigtermMode = "root") -> None:
        """Send any signal, as `sigterm` does."""
        self._host.send(self.pid, signum, mode)

    def terminate_session(self) -> None:
        """Send SIGTERM to the living processes of its session, whose root has ended."""
        self._host.terminate(self.pid)

    def session(self) -> set[Identity]:
        """The living processes of its session, orphans included."""
        return self._host.session(self.pid)

    def foreign_listener(self) -> ProcessInfo | None:
        """The foreign process that listens on its port; else None."""
        return None if self.port is None else self._host.foreign_listener(self.pid, self.port)

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
            socket.create_connection((self._host.address, self.port), HEALTH_TIMEOUT_S).close()
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
        address = self._host.address
        return f"http://{f'[{address}]' if ':' in address else address}:{self.port}{path}"


def _session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # no proxy: the server is on this machine, or on a node beside it
    return session
