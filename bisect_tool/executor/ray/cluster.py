"""Call Ray: the only module that imports it."""

from __future__ import annotations

import io
import logging
import os
import signal
import socket
import tempfile
import threading
import time
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bisect_tool.errors import EnvironmentFailed, UsageError
from bisect_tool.executor.ray.actor import NodeActor, sweep
from bisect_tool.executor.ray.package import copy_package
from bisect_tool.executor_names import NO_RAY
from bisect_tool.sanitise import clean_line
from bisect_tool.trial.run import TrialAborted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from concurrent.futures import Future

    from bisect_tool.executor.ray.messages import Setup
    from bisect_tool.executor.ray.needs import Needs

_log = logging.getLogger("bisect_run.executor")
NAMESPACE = "bisect-run"
_THREADS = 4
"""An actor concurrently runs a trial, reports progress, renews its lease, and is cancelled."""
_END_S = 30.0
_SWEEP_S = 60.0
_CONNECT_S = 10.0
_POLL_S = 0.2
_LITTLE = {"CPU": 0.01}
_REASON_LIMIT = 300
_NOT_CREATED = "error raised in its creation task"
_NODES = "Nodes need git and the packages that bisect-run depends on; see docs/how-to/ray.md."
_HANDLED = (signal.SIGINT, signal.SIGTERM)


class WorkerLost(Exception):
    """The actor, its node or its result is lost; `worker` is the actor, if one is known."""

    def __init__(self, why: str, worker: object = None) -> None:
        super().__init__(why)
        self.worker = worker


class Worker:
    """One actor; its methods are those of `NodeTrials`."""

    def __init__(self, ray: Any, actor: Any, group: Any = None) -> None:  # noqa: ANN401 - Ray's
        self._ray, self._actor, self._group = ray, actor, group

    def call(self, method: str, *arguments: object) -> Future[Any]:
        """Start a method.

        Raises:
            WorkerLost: the connection is closed.
        """
        if not self._ray.is_initialized():
            raise WorkerLost("the connection to the cluster is closed")
        future: Future[Any] = getattr(self._actor, method).remote(*arguments).future()
        return future

    def result(self, future: Future[Any]) -> Any:  # noqa: ANN401 - what the method returned
        """Return the result of an ended method.

        Raises:
            WorkerLost: the result is lost.
            EnvironmentFailed: the actor could not be created.
            BaseException: the exception of the method.
        """
        try:
            return future.result(0)
        except self._ray.exceptions.RayTaskError as error:
            raise error.cause from None
        except self._ray.exceptions.RayError as error:
            unloaded = isinstance(error, self._ray.exceptions.RuntimeEnvSetupError)
            if unloaded or _NOT_CREATED in str(error):
                raise EnvironmentFailed(
                    f"bisect-run cannot start on a node: {_cause(error)}", _NODES
                ) from error
            _log.info("lost: %s", error)
            raise WorkerLost(_sentence(error), self) from error

    def end(self) -> None:
        """Kill the actor, and release the nodes reserved for it; our guardian ends its trial."""
        with suppress(self._ray.exceptions.RayError, ValueError):
            self._ray.kill(self._actor, no_restart=True)
        if self._group is not None:
            with suppress(self._ray.exceptions.RayError, ValueError):
                self._ray.util.remove_placement_group(self._group)


@dataclass(frozen=True)
class Cluster:
    """A connected cluster."""

    ray: Any

    @property
    def nodes(self) -> dict[str, Mapping[str, float]]:
        """Return the resources of each live node, by id."""
        return {node["NodeID"]: node["Resources"] for node in self.ray.nodes() if node["Alive"]}

    def share(self, setup: Setup) -> Any:  # noqa: ANN401 - Ray's
        """Put the setup of all actors into the object store, once."""
        return self.ray.put(setup)

    def start(self, name: str, setup: Any, needs: Needs) -> tuple[Worker, ...]:  # noqa: ANN401 - of `share`
        """Start an actor for each node of a trial as soon as all have room.

        Ray restarts neither them nor their calls. Several nodes are reserved together, by a placement group
        with a bundle for each.
        """
        if needs.nodes == 1:
            return (self._actor(name, setup, needs, None, "SPREAD"),)
        bundle = needs.resources or _LITTLE  # Ray rejects an empty bundle
        group = self.ray.util.placement_group([bundle] * needs.nodes, strategy="STRICT_SPREAD")
        return tuple(
            self._actor(f"{name}-{node}", setup, needs, group, _bundle(group, node))
            for node in range(needs.nodes)
        )

    def _actor(self, name: str, setup: Any, needs: Needs, group: Any, where: Any) -> Worker:  # noqa: ANN401
        custom = {name: amount for name, amount in needs.resources.items() if name not in ("CPU", "GPU")}
        how = self.ray.remote(NodeActor).options(
            name=name,
            namespace=NAMESPACE,
            num_cpus=needs.cpus,
            num_gpus=needs.gpus,
            resources=custom,
            max_restarts=0,
            max_task_retries=0,
            max_concurrency=_THREADS,
            scheduling_strategy=where,
        )
        return Worker(self.ray, how.remote(setup), group)

    def end_all(self, prefix: str, on_wait: Callable[[str], None]) -> None:
        """Kill the actors with this name prefix, those of a killed driver, and wait for their ends.

        `on_wait` is called once, if there are any.
        """
        ends, reported = time.monotonic() + _END_S, False
        while names := self._named(prefix):
            if not reported:
                on_wait(f"waiting for the Ray actors of the killed run to end: {', '.join(names)}")
                reported = True
            for name in names:
                with suppress(ValueError, self.ray.exceptions.RayError):  # it has just ended
                    self.ray.kill(self.ray.get_actor(name, NAMESPACE), no_restart=True)
            if time.monotonic() > ends:
                raise EnvironmentFailed(
                    f"Ray actors are still running: {', '.join(names)}", "See `ray list actors`."
                )
            time.sleep(_POLL_S)

    def sweep(self) -> None:
        """Clean up after killed actors, on every node."""
        from ray.util.scheduling_strategies import (  # noqa: PLC0415 - see `connected`
            NodeAffinitySchedulingStrategy,
        )

        task = self.ray.remote(sweep)
        done = []
        for node in self.nodes:
            there = NodeAffinitySchedulingStrategy(node, soft=False)
            done.append(task.options(num_cpus=0, max_retries=0, scheduling_strategy=there).remote())
        swept, late = self.ray.wait(done, num_returns=len(done), timeout=_SWEEP_S)
        if late:
            _log.warning("%d of %d nodes are not cleaned up after %.0f s", len(late), len(done), _SWEEP_S)
        for each in swept:
            try:
                self.ray.get(each, timeout=_SWEEP_S)
            except self.ray.exceptions.RayError as error:
                _log.warning("a node is not cleaned up: %s", _cause(error))

    def _named(self, prefix: str) -> list[str]:
        listed = self.ray.util.list_named_actors(all_namespaces=True)
        return [
            each["name"]
            for each in listed
            if each["namespace"] == NAMESPACE and each["name"].startswith(prefix)
        ]


@contextmanager
def connected(address: str) -> Iterator[Cluster]:
    """Connect to a cluster until the end of the block; sends our package to its nodes.

    Raises:
        UsageError: Ray is not installed.
        EnvironmentFailed: the cluster cannot be reached.
        TrialAborted: SIGTERM was received meanwhile.
    """
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # else its core writes to stderr
    # Else a thread that calls an actor after the end of the block starts a cluster of this machine.
    os.environ["RAY_ENABLE_AUTO_CONNECT"] = "0"
    try:
        import ray  # noqa: PLC0415 - loads much, and is an extra
    except ImportError:
        raise UsageError(*NO_RAY) from None
    _require_listener(address)
    with tempfile.TemporaryDirectory(prefix="bisect-run-") as folder, _own_signals():
        package = copy_package(Path(folder))
        try:
            ray.init(
                address=address,
                namespace=NAMESPACE,
                runtime_env={"py_modules": [str(package)]},
                log_to_driver=False,
                logging_level=logging.ERROR,
                configure_logging=False,
            )
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise _unreachable(address, error) from error
    with redirect_stdout(_Logged()):  # until its end, when Ray prints what it held back
        try:
            yield Cluster(ray)
        finally:
            ray.shutdown()


def _bundle(group: Any, index: int) -> Any:  # noqa: ANN401 - Ray's
    from ray.util.scheduling_strategies import (  # noqa: PLC0415 - see `connected`
        PlacementGroupSchedulingStrategy,
    )

    return PlacementGroupSchedulingStrategy(group, placement_group_bundle_index=index)


class _Logged(io.TextIOBase):
    """Logs Ray's output, such as messages about dead nodes: stdout is for the result only."""

    def write(self, text: str) -> int:
        """Log the lines of a text."""
        for line in filter(None, map(str.strip, text.splitlines())):
            _log.info("Ray: %s", clean_line(line))
        return len(text)


def _require_listener(address: str) -> None:
    """Raise EnvironmentFailed if nothing listens at an address: Ray would retry for minutes."""
    named = os.environ.get("RAY_ADDRESS", "") if address == "auto" else address
    host, _, port = named.rpartition(":")
    if not port.isdecimal() or "/" in host:
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), _CONNECT_S).close()
    except (OSError, OverflowError) as error:
        raise _unreachable(named, error) from error


def _cause(error: Exception) -> str:
    """Return the last line of Ray's message, which has the original exception."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return clean_line(lines[-1] if lines else type(error).__name__, _REASON_LIMIT)


def _sentence(error: Exception) -> str:
    """Return Ray's message without its ids, which are on separate lines."""
    lines = [line for line in str(error).splitlines() if line.strip() and not line.startswith("\t")]
    return clean_line(" ".join(lines), _REASON_LIMIT)


def _unreachable(address: str, error: BaseException) -> EnvironmentFailed:
    why = clean_line(str(error), _REASON_LIMIT)
    return EnvironmentFailed(
        f"no Ray cluster can be reached at {clean_line(address)}: {why}",
        "`ray status` shows whether one is running, and `ray start --head` starts one here. If it requires a "
        "token, set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN; see docs/how-to/ray.md.",
    )


@contextmanager
def _own_signals() -> Iterator[None]:
    """Keep our signal handlers: Ray sets its own when it connects.

    Raises:
        TrialAborted: SIGTERM was received meanwhile, on which Ray would exit; our handler gets it as well.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers = {number: signal.getsignal(number) for number in _HANDLED}
    terminated = False
    try:
        yield
    except SystemExit as ended:
        terminated = ended.code == signal.SIGTERM
        if not terminated:
            raise
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    if terminated:
        signal.raise_signal(signal.SIGTERM)
        raise TrialAborted("interrupted while the session connected to Ray")
