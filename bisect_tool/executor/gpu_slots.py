"""Allocate the slots of this machine, and check that their GPUs are free before a trial starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.errors import EnvironmentFailed, UsageError
from bisect_tool.format import count
from bisect_tool.supervise import gpus, simulated_gpu
from bisect_tool.supervise.free_gpus import busy_gpus, describe_busy, wait_until_free

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping, Sequence

    from bisect_tool.supervise.gpu_memory import GpuMemory
    from bisect_tool.trial.config import TrialConfig

_SELECTED_BY = " or ".join(gpus.VARIABLES)


class GpuSlots:
    """Tracks which slots are free. A slot is quarantined while other processes use its GPUs.

    `await_gpus` is called from the thread of the slot's trial; all other methods from one thread.
    """

    def __init__(self, config: TrialConfig) -> None:
        require_gpus(config)
        self._config = config
        self._idle = list(range(config.slots))
        self._quarantined: dict[int, str] = {}
        self._busy: dict[int, str] = {}

    @property
    def idle(self) -> tuple[int, ...]:
        """The free slots, including those whose quarantine is over."""
        for slot in tuple(self._quarantined):
            if not busy_gpus(self._config.gpus_of(slot)):
                del self._quarantined[slot]
                self._idle.append(slot)
        return tuple(sorted(self._idle))

    @property
    def unusable(self) -> str:
        """The reason why no slot can be used; empty if one is free or runs a trial."""
        if len(self._quarantined) < self._config.slots or self.idle:
            return ""
        return "; ".join(dict.fromkeys(self._quarantined.values()))

    def take(self) -> int:
        """Take the first free slot."""
        slot = min(self._idle)
        self._idle.remove(slot)
        return slot

    def give_back(self, slot: int) -> None:
        """Free the slot of an ended trial, or quarantine it if its GPUs did not become free in time."""
        if (why := self._busy.pop(slot, None)) is not None:
            self._quarantined[slot] = why
        else:
            self._idle.append(slot)

    def await_gpus(self, slot: int, cancel: threading.Event, on_wait: Callable[[str], None]) -> str:
        """Wait until the slot's GPUs are free; on a timeout, return the processes that hold them.

        Slots that share one GPU do not wait for each other.
        """
        if self._config.share_gpu:
            return ""
        busy = wait_until_free(self._config.gpus_of(slot), cancel, on_wait)
        if busy and not cancel.is_set():
            self._busy[slot] = describe_busy(busy)
        return self._busy.get(slot, "")


def gpus_of_slots(config: TrialConfig) -> tuple[str, ...]:
    """Return the GPUs that trials may use: all of them for a test file, which chooses by itself."""
    return tuple(dict.fromkeys(name for slot in range(config.slots) for name in config.gpus_of(slot)))


def require_gpus(config: TrialConfig) -> None:
    """Check that the named GPUs exist, and that there are enough for all slots.

    Raises:
        UsageError: a name is that of several GPUs, or two names are those of one.
        EnvironmentFailed: a GPU is missing, or there are too few.
    """
    if config.devices:
        _require_usable(config.devices)
    need = 1 if config.share_gpu else config.gpus * config.slots
    shown = len(config.devices or gpus.visible()) if need else 0
    if need > shown:
        raise _too_few(config, need, shown)


def _too_few(config: TrialConfig, need: int, shown: int) -> EnvironmentFailed:
    """Return the error of slots that need more GPUs than there are."""
    check = f"Check {_SELECTED_BY}; see `bisect-run doctor`."
    if not shown:
        return EnvironmentFailed("the trials need a GPU, but this machine has none", check)
    source = "--gpus names" if config.devices else "this machine has"
    if config.slots == 1:
        return EnvironmentFailed(f"a trial needs {count(need, 'GPU')}, but {source} {shown}", check)
    return EnvironmentFailed(
        f"{config.slots} slots need {need} GPUs, {config.gpus} each, but {source} {shown}",
        f"Use fewer --slots. {check}",
    )


def _require_usable(names: tuple[str, ...]) -> None:
    visible = gpus.visible()
    there = [gpu for gpu in gpus.snapshot() if any(map(gpu.is_called, visible))]
    there += simulated_gpu.called(names)
    called = {name: [gpu for gpu in there if gpu.is_called(name)] for name in names}
    missing = next((name for name, found in called.items() if not found), None)
    if missing is not None:
        shown = ", ".join(gpu.name for gpu in there) or "none"
        raise EnvironmentFailed(
            f"GPU {missing} of --gpus cannot be used; the visible GPUs are: {shown}",
            f"Run `bisect-run doctor`, and check {_SELECTED_BY}.",
        )
    _require_distinct(called)


def _require_distinct(called: Mapping[str, Sequence[GpuMemory]]) -> None:
    """Raise UsageError if a name is that of several GPUs, or two names are those of one."""
    owners: dict[tuple[int, str], str] = {}
    for name, found in called.items():
        if len(found) > 1:
            raise UsageError(f"{len(found)} GPUs have a UUID that begins with {name}", "Use a longer prefix.")
        other = owners.setdefault((found[0].index, found[0].uuid), name)
        if other != name:
            raise UsageError(f"--gpus names one GPU twice: {other} and {name}", "Name each GPU once.")
