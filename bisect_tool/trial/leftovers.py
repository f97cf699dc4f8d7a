"""Find what a trial left behind: the guardian's list, files, and GPU memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bisect_tool.sanitise import clean_line
from bisect_tool.supervise import gpus
from bisect_tool.trial.gpu_watch import held_at_end
from bisect_tool.trial.left_files import left_files
from bisect_tool.trial.result import Leftover

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping, Sequence

    from bisect_tool.supervise.guardian_protocol import GuardianResult
    from bisect_tool.trial.config import TrialConfig, TrialPaths
    from bisect_tool.trial.gpu_watch import Sample

    Added = Callable[[], set[str]]


@dataclass(frozen=True)
class LeftoverProbe:
    """The state right before a trial's tests started.

    `added` returns the paths added to the worktree since its checkout, `built` its result then. Only folders
    are examined: with 5,000 files in 500 folders that takes 2 ms, examining each file seven times as long. So
    files changed in place are not found. `memory`: bytes in use on each GPU of the slot, by name.
    """

    place: TrialPaths
    suite: bool
    added: Added
    built: frozenset[str]
    memory: Mapping[str, int]

    @staticmethod
    def snapshot(config: TrialConfig, place: TrialPaths, added: Added) -> LeftoverProbe:
        """Record the state after the build, whose files are not leftovers.

        Files of a command are not examined: it is the only cell of its trial.
        """
        suite = not config.check.by_exit_code
        built = frozenset(added()) if suite else frozenset[str]()
        return LeftoverProbe(place, suite, added, built, gpus.in_use(config.gpus_of(place.slot)))

    def diff(
        self, guarded: GuardianResult, samples: Sequence[Sample], cancel: threading.Event
    ) -> tuple[Leftover, ...]:
        """Return what the tests left, from the guardian's report and our own checks.

        Waits at most `gpus.RELEASE_S` for the GPU driver.
        """
        guardian = guarded.leftovers
        place = self.place
        new = self.added() - self.built if self.suite else set()
        files = left_files(place.temporary, place.tree, new) if self.suite else ()
        held = held_at_end(self.memory, samples, guarded)
        memory = {**held, **gpus.not_released(self.memory, cancel)}.items()
        return (
            *(Leftover(kind="gpu", name=f"{name}: {size // gpus.MIB} MiB") for name, size in memory),
            *(
                Leftover(kind="process", name=f"{clean_line(process.title)} (pid {process.pid})")
                for process in guardian.processes
            ),
            *(Leftover(kind="port", name=str(port)) for port in guardian.ports),
            *(Leftover(kind="shm", name=clean_line(name)) for name in guardian.shm),
            *(Leftover(kind="file", name=name) for name in files),
        )
