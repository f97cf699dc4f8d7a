"""Where trials run: what the session loop needs of any executor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from bisect_tool.errors import BisectError, ExitCode, UsageError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from bisect_tool.executor.event import Event
    from bisect_tool.trial.config import TrialConfig


class DryRunEnded(BisectError):
    """Something would have to be started: `--dry-run` ends there."""

    exit_code = ExitCode.DONE


def refused(_question: str) -> bool:
    """Answer no to whatever is asked."""
    return False


@dataclass(frozen=True)
class Capabilities:
    """What trials of an executor can do besides running the whole check at a commit.

    Attributes:
        selects_cells: They run the requested cells only, in the requested order: whether a cell fails in
            isolation, or only after others, can be found out. Else `cells` is ignored, and a trial is whole.
        finds_leftovers: Their results list what they left behind. Else an empty list means nothing.
        stresses: They can put the machine under load.
    """

    selects_cells: bool = True
    finds_leftovers: bool = True
    stresses: bool = True

    @property
    def not_examined(self) -> tuple[str, ...]:
        """What a report of such trials cannot tell."""
        order = () if self.selects_cells else ("order dependence",)
        return (*order, *(() if self.finds_leftovers else ("leftovers",)))


JOBS_OF_CI = Capabilities(selects_cells=False, finds_leftovers=False, stresses=False)
"""A job runs as its step says, and its machine is out of reach."""


class Executor(Protocol):
    """Runs trials side by side; knows nothing of search, planners or the store.

    Every method is called from one thread, and all but `reserve` within its block; a signal handler may set
    `cancel` at any time.

    A submitted trial ends with exactly one `Yielded` or `Failed`, which frees its slot. A lost trial (its
    machine, agent or GPU failed) is a `Yielded` whose result is `trial.run.lost`: it says nothing about the
    commit, and the planner retries it, which may be elsewhere. `Failed` is for what no other trial would
    escape, or for a trial that `cancel` ended (`TrialAborted`): it ends the run, and the session can be
    resumed.
    """

    @property
    def capabilities(self) -> Capabilities:
        """What its trials can do."""

    @property
    def capacity(self) -> int:
        """How many more trials can be submitted now; it may change while trials run."""

    @property
    def cancel(self) -> threading.Event:
        """Once set, the running trials end soon, and what was prefetching stops."""

    def reserve(self, waiting: Callable[[str], None]) -> AbstractContextManager[None]:
        """Hold what the trials need until the block ends.

        `waiting` is called with a sentence about what another run holds; while it waits for that, setting
        `cancel` raises TrialAborted. The end of the block waits for no trial, and on a KeyboardInterrupt for
        nothing at all.
        """

    def recover(self, folder: Path) -> None:
        """End, or adopt, the trial that was in flight in this folder when an earlier run was killed."""

    def submit(self, sha: str, cells: tuple[str, ...] | None, folder: Path) -> int:
        """Start a trial of these cells (None: all); returns its slot, which no running trial has.

        Its logs go to `folder`, which exists. Only called while there is capacity.
        """

    def prefetch(self, shas: tuple[str, ...]) -> None:
        """Prepare what these commits need, the likeliest first; replaces the previous request. Optional."""

    def next_event(self) -> Event:
        """Wait for the next event of a running trial; each of their phases has a deadline."""


def require_capabilities(config: TrialConfig, capabilities: Capabilities) -> None:
    """Raise UsageError where the trials of this configuration need what their executor cannot do."""
    if config.stress is not None and not capabilities.stresses:
        raise UsageError("--stress needs trials on this machine", "Remove --stress or --executor.")


def require_parallel(config: TrialConfig) -> None:
    """Raise UsageError where trials of this profile cannot run side by side."""
    launch = config.profile.launch if config.profile else None
    if launch is not None and launch.fixed_ports and config.slots > 1:
        ports = ", ".join(map(str, launch.fixed_ports))
        raise UsageError(
            f"the engine always binds port {ports}, so only one trial can run at a time",
            "Remove --slots.",
        )
