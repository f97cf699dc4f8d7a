"""Environments that will probably be needed next, built while tests run."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from bisect_tool.build import BuildInterrupted, fingerprint, lineage, prepare
from bisect_tool.build.cache import Entry
from bisect_tool.errors import BisectError
from bisect_tool.executor.environments import own_builds
from bisect_tool.git import CheckoutFailed
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bisect_tool.build import BuildProfile
    from bisect_tool.git import Repository, Worktrees
    from bisect_tool.trial.config import TrialConfig

_log = logging.getLogger("bisect_run.executor")
_END_S = 30.0
_REASON_LIMIT = 300


class Prefetch:
    """One build at a time, in a worktree of its own; nothing where commits have no builds of their own.

    What fails here is left to the trial that needs it, which tries anew; `note` is given a sentence about it.
    A trial that needs what is being built waits for it.
    """

    def __init__(
        self, config: TrialConfig, repository: Repository, worktrees: Worktrees, note: Callable[[str], None]
    ) -> None:
        self._setting, self._repository, self._worktrees = config, repository, worktrees
        self._note = note
        self._wanted: tuple[str, ...] = ()
        self._changed = threading.Condition()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def want(self, shas: tuple[str, ...]) -> None:
        """Prepare these commits, the likeliest first; they take the place of those wanted before."""
        build = own_builds(self._setting.profile)
        if build is None:
            return
        with self._changed:
            self._wanted = shas
            self._changed.notify()
        if shas and self._thread is None:
            self._thread = threading.Thread(target=self._work, args=(build,), name="prefetch", daemon=True)
            self._thread.start()

    def end(self, *, at_once: bool) -> None:
        """Cancel the build that runs; `at_once` leaves it to its guardian."""
        with self._changed:
            self._ended.set()
            self._changed.notify()
        if self._thread is not None and not at_once:
            self._thread.join(_END_S)

    def _work(self, build: BuildProfile) -> None:
        asked: set[str] = set()
        tried: set[str] = set()
        for sha in self._likeliest():
            if sha in asked:
                continue
            asked.add(sha)
            try:
                name = fingerprint(self._repository, sha, build)
                if name not in tried and not Entry.of(self._setting.home.cache, name).complete:
                    tried.add(name)
                    self._prepare(sha, name, build)
            except BuildInterrupted:
                _log.debug("%s is not built ahead: interrupted", sha[:9])
                return
            except (BisectError, CheckoutFailed, OSError) as error:
                # Nobody may hear the note any more.
                _log.warning("%s is not built ahead", sha[:9], exc_info=True)
                why = clean_line(str(error), _REASON_LIMIT)
                self._note(f"{sha[:9]} could not be built ahead, and is built again when it is tested: {why}")

    def _likeliest(self) -> Iterator[str]:
        """What is wanted most, as often as something is; `end` ends it."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._wanted or self._ended.is_set())
                if self._ended.is_set():
                    return
                sha, *rest = self._wanted
                self._wanted = tuple(rest)
            yield sha

    def _prepare(self, sha: str, name: str, build: BuildProfile) -> None:
        cache = self._setting.home.cache
        log = cache / "environments" / f"{name}.log"
        wheels = lineage(self._repository, sha, build)
        with self._worktrees.slot(self._setting.slots) as worktree:
            tree = worktree.checkout(sha)
            prepare(tree, name, build, cache, log, cancel=self._ended, lineage=wheels)
