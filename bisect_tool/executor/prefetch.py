"""Build the environments that trials will probably need next, while tests run."""

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
    """Builds one environment at a time in a worktree of its own, if commits are built separately.

    An error is passed to `note` as a sentence, and the trial that needs the environment builds it again. A
    trial waits for an environment that is being built.
    """

    def __init__(
        self, config: TrialConfig, repository: Repository, worktrees: Worktrees, note: Callable[[str], None]
    ) -> None:
        self._config, self._repository, self._worktrees = config, repository, worktrees
        self._note = note
        self._requested: tuple[str, ...] = ()
        self._changed = threading.Condition()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def request(self, shas: tuple[str, ...]) -> None:
        """Build the environments of these commits, likeliest first; replaces the previous request."""
        build = own_builds(self._config.profile)
        if build is None:
            return
        with self._changed:
            self._requested = shas
            self._changed.notify()
        if shas and self._thread is None:
            self._thread = threading.Thread(target=self._work, args=(build,), name="prefetch", daemon=True)
            self._thread.start()

    def stop(self, *, at_once: bool) -> None:
        """Cancel the running build; with `at_once`, do not wait until it has ended."""
        with self._changed:
            self._stopped.set()
            self._changed.notify()
        if self._thread is not None and not at_once:
            self._thread.join(_END_S)

    def _work(self, build: BuildProfile) -> None:
        seen: set[str] = set()
        tried: set[str] = set()
        for sha in self._next_commits():
            if sha in seen:
                continue
            seen.add(sha)
            try:
                name = fingerprint(self._repository, sha, build)
                if name not in tried and not Entry.of(self._config.home.cache, name).complete:
                    tried.add(name)
                    self._prepare(sha, name, build)
            except BuildInterrupted:
                _log.debug("%s is not built ahead: interrupted", sha[:9])
                return
            except (BisectError, CheckoutFailed, OSError) as error:
                # Logged as well: the session may have stopped reading notes.
                _log.warning("%s is not built ahead", sha[:9], exc_info=True)
                why = clean_line(str(error), _REASON_LIMIT)
                self._note(
                    f"{sha[:9]} could not be built in advance, and is built again when it is tested: {why}"
                )

    def _next_commits(self) -> Iterator[str]:
        """Yield the likeliest requested commit as long as there is one; returns after `stop`."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._requested or self._stopped.is_set())
                if self._stopped.is_set():
                    return
                sha, *rest = self._requested
                self._requested = tuple(rest)
            yield sha

    def _prepare(self, sha: str, name: str, build: BuildProfile) -> None:
        cache = self._config.home.cache
        log = cache / "environments" / f"{name}.log"
        wheels = lineage(self._repository, sha, build)
        with self._worktrees.slot(self._config.slots) as worktree:
            tree = worktree.checkout(sha)
            prepare(tree, name, build, cache, log, cancel=self._stopped, lineage=wheels)
