"""Trials on this machine: one slot, which is one worktree and whatever the profile's ranks need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from bisect_tool.build import fingerprint
from bisect_tool.history import Repository, Worktree, Worktrees
from bisect_tool.request import PytestCheck
from bisect_tool.trial.run import Order, Phase, run_trial

if TYPE_CHECKING:
    import threading
    from pathlib import Path
    from types import TracebackType

    from bisect_tool.trial.result import TrialResult
    from bisect_tool.trial.setting import Setting


class LocalExecutor:
    """Owns the slot's worktree while it is entered."""

    def __init__(self, setting: Setting, repository: Repository, cancel: threading.Event) -> None:
        self._setting = setting
        self._repository = repository
        self._cancel = cancel
        sparse = setting.profile.sparse if setting.profile else ()
        self._worktrees = Worktrees(repository, setting.home.cache / "worktrees", sparse)
        self._slot = self._worktrees.slot(0)
        self._worktree: Worktree | None = None

    def __enter__(self) -> Self:
        self._worktree = self._slot.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._worktree = None
        self._slot.__exit__(kind, error, trace)

    def run(self, sha: str, cells: tuple[str, ...] | None, folder: Path, phase: Phase) -> TrialResult:
        """Run one trial; raises what `run_trial` and the checkout raise."""
        assert self._worktree is not None
        phase("checkout", folder)
        tree = self._worktree.checkout(sha)
        check = self._setting.check
        if isinstance(check, PytestCheck) and check.tests_from:
            pinned = tree / check.file
            pinned.parent.mkdir(parents=True, exist_ok=True)
            pinned.write_bytes(self._repository.file(check.tests_from, check.file))
        profile = self._setting.profile
        name = fingerprint(self._repository, sha, profile.build) if profile else ""
        order = Order(sha, tree, name, cells, folder, slot=0)
        return run_trial(self._setting, order, phase, self._cancel)
