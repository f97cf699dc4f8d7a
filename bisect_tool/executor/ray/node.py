"""Run the trials of one slot on a node, one at a time, in the process of an actor.

The processes of a trial are descendants of our guardian, which outlives this process and ends them.
"""

from __future__ import annotations

import os
import socket
import threading
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

from bisect_tool.build import BuildInterrupted, fingerprint
from bisect_tool.errors import EnvironmentFailed, is_disk_error
from bisect_tool.executor.pinned_tests import pin
from bisect_tool.executor.ray.archive import pack, unpack
from bisect_tool.executor.ray.git_objects import Receiver
from bisect_tool.executor.ray.lease import Lease
from bisect_tool.executor.ray.messages import Place, Progress, Ran
from bisect_tool.executor.ray.node_home import NodeHome
from bisect_tool.file_lock import lease
from bisect_tool.git import CheckoutFailed, Worktrees
from bisect_tool.git.repository import ignore
from bisect_tool.pytest_plugin.launch import LOOPBACK, HostAddress
from bisect_tool.trial.config import TrialSpec
from bisect_tool.trial.rank_node import PORT_FILE
from bisect_tool.trial.result import TrialResult
from bisect_tool.trial.run import lost, run_trial, untestable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bisect_tool.executor.ray.messages import Order, Parcel, Setup
    from bisect_tool.paths import Home
    from bisect_tool.trial.config import TrialConfig

_FOLLOWED = ("stream.jsonl", "logs/*.log")
_PIECE = 1 << 20
_END_S = 60.0


class NodeTrials:
    """Runs trials; `progress` and `cancel` are called from other threads than `run`."""

    def __init__(self, setup: Setup) -> None:
        self._home = NodeHome.here()
        self._home.sweep()
        home = self._home.home
        self._config = _config(setup, home)
        self._receiver = Receiver.at(setup.spec, setup.parts, home.cache)
        profile = self._config.profile
        sparse = profile.sparse if profile else ()
        self._worktrees = Worktrees(self._receiver.repository, home.cache / "worktrees", sparse)
        self._cancel, self._stopped = threading.Event(), threading.Event()
        self._idle = threading.Event()
        self._idle.set()
        self._folder: Path | None = None
        self._ended = ""
        self._phases: deque[str] = deque()
        self._waits: deque[str] = deque()
        self._lease = Lease(setup.lease_s, self._abandon)

    def place(self) -> Place:
        """Return the node."""
        return Place("", socket.gethostname(), LOOPBACK)

    def received(self) -> tuple[str, ...]:
        """Return the names of the parcels on this node."""
        return self._receiver.received

    def receive(self, parcel: Parcel) -> None:
        """Store a parcel."""
        self._receiver.receive(parcel)

    def renew(self) -> None:
        """Renew the lease of the driver."""
        self._lease.renew()

    def run(self, order: Order) -> Ran:
        """Run one trial to its end.

        A failure of this node counts as a lost trial.

        Raises:
            TrialAborted: it was cancelled.
            CheckAborted: the command asked to stop.
            UsageError: no cell matches the patterns.
        """
        return self._run(order, self._cancel)

    def serve(self, order: Order) -> Ran:
        """Run the ranks of this node for a trial, whose suite on the first node starts and ends them.

        Raises:
            TrialAborted: it was cancelled, or stopped before the suite ended.
        """
        self._stopped.clear()
        ran = self._run(order, self._stopped)
        result = TrialResult.model_validate_json(ran.result)
        here = socket.gethostname()
        left = tuple(each.model_copy(update={"name": f"{each.name} on {here}"}) for each in result.leftovers)
        return replace(ran, result=result.model_copy(update={"leftovers": left}).model_dump_json())

    def listening(self) -> HostAddress | None:
        """Return where the suite reaches the ranks of this node; None until it can."""
        folder = self._folder
        try:
            port = folder and (folder / PORT_FILE).read_text()
        except FileNotFoundError:  # not yet, or the trial has just ended
            return None
        return HostAddress(address=self.place().address, port=int(port)) if port else None

    def stop(self) -> None:
        """End the ranks of this node."""
        self._stopped.set()

    def _run(self, order: Order, cancel: threading.Event) -> Ran:
        self._idle.clear()
        try:
            with self._home.trial(order.name) as folder:
                self._folder = folder
                result = self._result(order, folder, cancel)
                return Ran(result.model_dump_json(), pack(folder))
        finally:
            self._folder, self._ended = None, order.name
            self._idle.set()

    def progress(self, sizes: Mapping[str, int]) -> Progress:
        """Return the progress of the running trial; `sizes` are the bytes of its files at the driver."""
        folder, phases, waits = self._folder, _taken(self._phases), _taken(self._waits)
        grown = {} if folder is None else _grown(folder, sizes)
        return Progress(phases, waits, grown, self._ended)

    def cancel(self) -> None:
        """End the running trial, and all later ones."""
        self._cancel.set()
        self._stopped.set()

    def _result(self, order: Order, folder: Path, cancel: threading.Event) -> TrialResult:
        try:
            return self._tried(order, folder, cancel)
        except BuildInterrupted:
            raise
        except EnvironmentFailed as error:
            return lost(order.sha, folder, order.slot, error.message)
        except OSError as error:
            if not is_disk_error(error):
                raise
            return lost(order.sha, folder, order.slot, str(error))

    def _tried(self, order: Order, folder: Path, cancel: threading.Event) -> TrialResult:
        config = replace(self._config, node=order.node)
        self._enter("checkout", folder)
        # Actors of one machine share its home, also those of one trial.
        number = order.slot + (order.node.index * config.slots if order.node else 0)
        with self._worktrees.slot(number) as worktree:
            try:
                tree = worktree.checkout(order.sha)
            except CheckoutFailed as error:
                return untestable(order.sha, folder, order.slot, f"cannot be checked out: {error}")
            repository, profile = self._receiver.repository, config.profile
            pin(config.check, repository, worktree)
            spec = TrialSpec(
                order.sha,
                tree,
                fingerprint(repository, order.sha, profile.build) if profile else "",
                order.cells,
                folder,
                order.slot,
                worktree.added,
                self._waits.append,
                order.lineage,
            )
            return run_trial(config, spec, self._enter, cancel)

    def _enter(self, phase: str, _folder: Path) -> None:
        self._phases.append(phase)

    def _abandon(self) -> None:
        """End the trial and this process, since the driver is gone."""
        self.cancel()
        self._idle.wait(_END_S)
        os._exit(1)


def _config(setup: Setup, home: Home) -> TrialConfig:
    """Return the configuration of the trials on this node: its folders, and the GPUs assigned by Ray."""
    config = replace(setup.config, home=home, assigned_gpus=True)
    if config.scenario is None:
        return config
    folder = home.cache / "scenarios" / setup.scenario_name
    with lease(folder.with_suffix(".lock"), _END_S, "another actor is unpacking the scenario", ignore):
        if not folder.is_dir():
            fresh = folder.with_suffix(".part")
            unpack(setup.scenario, fresh)
            fresh.rename(folder)
    return replace(config, scenario=config.scenario.model_copy(update={"folder": folder}))


def _taken(queue: deque[str]) -> tuple[str, ...]:
    return tuple(queue.popleft() for _ in range(len(queue)))


def _grown(folder: Path, sizes: Mapping[str, int]) -> dict[str, bytes]:
    """Return the additions to the followed files of a trial."""
    found = {}
    for path in (path for pattern in _FOLLOWED for path in folder.glob(pattern)):
        name = str(path.relative_to(folder))
        if path.is_symlink() or not path.is_file():
            continue
        with path.open("rb") as file:
            file.seek(sizes.get(name, 0))
            if piece := file.read(_PIECE):
                found[name] = piece
    return found
