"""The interface between the session loop and the executors that run trials."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from bisect_tool.errors import UsageError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from bisect_tool.executor.event import Event
    from bisect_tool.trial.config import TrialConfig


def refused(_question: str) -> bool:
    """Answer no to every question."""
    return False


@dataclass(frozen=True)
class Capabilities:
    """What an executor supports besides running the whole check at a commit.

    Attributes:
        selects_cells: Trials run the requested cells only, in the requested order, so that order dependence
            can be tested. Otherwise `cells` is ignored, and a trial runs all of them.
        finds_leftovers: Results list leftover processes and files. Otherwise an empty list means nothing.
        stresses: Trials can put the machine under load.
    """

    selects_cells: bool = True
    finds_leftovers: bool = True
    stresses: bool = True

    @property
    def not_examined(self) -> tuple[str, ...]:
        """Return what a report must list as not examined."""
        order = () if self.selects_cells else ("order dependence",)
        return (*order, *(() if self.finds_leftovers else ("leftovers",)))


JOBS_OF_CI = Capabilities(selects_cells=False, finds_leftovers=False, stresses=False)
"""A job runs the steps of its definition, on a machine that we cannot access."""


class Executor(Protocol):
    """Runs trials in parallel; knows nothing of search, planners or the store.

    All methods are called from one thread, and all but `reserve` within its block. A signal handler may set
    `cancel` at any time.

    A submitted trial ends with exactly one `Yielded` or `Failed`, which frees its slot. A lost trial (its
    machine, agent or GPU failed) is a `Yielded` whose result is `trial.run.lost`: it says nothing about the
    commit, and the planner retries it, perhaps on another machine. `Failed` is for an error that would hit
    every trial, or for a trial that `cancel` ended (`TrialAborted`): it ends the run, and the session can be
    resumed.
    """

    @property
    def capabilities(self) -> Capabilities:
        """What its trials support."""

    @property
    def capacity(self) -> int:
        """The number of trials that can be submitted now; it may change while trials run."""

    @property
    def cancel(self) -> threading.Event:
        """Once set, running trials and prefetching stop soon."""

    def reserve(self, on_wait: Callable[[str], None]) -> AbstractContextManager[None]:
        """Hold the resources of the trials until the block ends.

        `on_wait` is called with a sentence that names a resource which another run holds. During that wait,
        setting `cancel` raises TrialAborted. The end of the block does not wait for trials, and on a
        KeyboardInterrupt for nothing at all.
        """

    @property
    def unfinished(self) -> tuple[str, ...]:
        """The commits of trials that an earlier run of the session started and that this one can continue.

        They are submitted first, once each: they are paid for already.
        """

    def recover(self, folder: Path) -> None:
        """End, or adopt, the trial that was running in this folder when an earlier run was killed."""

    def submit(self, sha: str, cells: tuple[str, ...] | None, folder: Path) -> int:
        """Start a trial of these cells (None: all); returns its slot, unique among running trials.

        Its logs go to `folder`, which exists. Only called while there is capacity.
        """

    def prefetch(self, shas: tuple[str, ...]) -> None:
        """Prepare the environments of these commits, likeliest first; optional.

        Each call replaces the previous one.
        """

    def next_event(self) -> Event:
        """Wait for the next event of a running trial; every phase has a deadline."""


def require_capabilities(config: TrialConfig, capabilities: Capabilities) -> None:
    """Raise UsageError if this configuration needs something that its executor does not support."""
    if config.stress is not None and not capabilities.stresses:
        raise UsageError("--stress needs trials on this machine", "Remove --stress or --executor.")


def require_parallel(config: TrialConfig) -> None:
    """Raise UsageError if trials of this profile cannot run in parallel."""
    launch = config.profile.launch if config.profile else None
    if launch is not None and launch.fixed_ports and config.slots > 1:
        ports = ", ".join(map(str, launch.fixed_ports))
        raise UsageError(
            f"the engine always binds port {ports}, so only one trial can run at a time",
            "Remove --slots.",
        )
