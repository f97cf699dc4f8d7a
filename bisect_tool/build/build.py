"""One build in progress, and the programs it runs: each under a guardian, its output in the build's log."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bisect_tool.build.environment import BuildFailed, BuildInterrupted
from bisect_tool.build.profile import PLACEHOLDERS
from bisect_tool.errors import EnvironmentFailed
from bisect_tool.git.repository import ignore
from bisect_tool.sanitise import clean_line
from bisect_tool.supervise.files import append_regular, open_regular
from bisect_tool.supervise.guarded_run import run_guarded
from bisect_tool.supervise.guardian_protocol import GuardianSpec, Reason

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping, Sequence

    from bisect_tool.build.profile import BuildProfile
    from bisect_tool.wheels.lineage import Lineage

_TAIL_BYTES = 1 << 16


@dataclass(frozen=True)
class Build:
    """What a provider needs to build.

    Attributes:
        tree: the commit's tree.
        folder: the environment's folder, which is built into.
        log: receives the output of every program.
        token: marks the processes of this build.
        records: the folder of its guardians' records; with `token`, a killed build's processes can be ended.
        deadline: on the monotonic clock.
        lineage: the commits whose published wheels fit this one.
        on_wait: called with a message if the build waits for another run.
    """

    tree: Path
    folder: Path
    profile: BuildProfile
    log: Path
    token: str
    records: Path
    deadline: float
    cancel: threading.Event | None = None
    lineage: Lineage | None = None
    on_wait: Callable[[str], None] = ignore

    @property
    def python(self) -> Path:
        """The environment's interpreter; ours if the environment has none."""
        own = self.folder / "venv" / "bin" / "python"
        return own if self.profile.needs_venv else Path(sys.executable)

    @property
    def pip_log(self) -> Path:
        """Path of pip's own log."""
        return self.folder / "pip.log"

    @property
    def wheels(self) -> Path:
        """The cache of published wheels, a sibling of the cache of environments."""
        return self.folder.parents[1] / "wheels"

    @property
    def is_expired(self) -> bool:
        """Whether the deadline has passed."""
        return time.monotonic() >= self.deadline

    def check(self) -> None:
        """Raise an error if the build was cancelled or its deadline has passed."""
        if self.cancel is not None and self.cancel.is_set():
            raise BuildInterrupted("the build was interrupted", "Resume the session.")
        if self.is_expired:
            raise EnvironmentFailed(
                f"the download took longer than {self.profile.timeout_s:g} s", f"See {self.log}."
            )

    def fill(self, template: str) -> str:
        """Fill in `{python}`, `{tree}` and `{out}`; any other brace is kept."""
        for name, value in zip(PLACEHOLDERS, (self.python, self.tree, self.folder), strict=True):
            template = template.replace(f"{{{name}}}", str(value))
        return template

    def note(self, line: str) -> None:
        """Append a line of our own to the log.

        Raises:
            BuildFailed: a program of the build put something else in its place.
        """
        if self.log.exists() and not self.log.is_file():
            raise BuildFailed("the build replaced its log", self.log)
        append_regular(self.log, f"{line}\n")

    def run(self, argv: Sequence[str], env: Mapping[str, str], cwd: Path) -> None:
        """Run one program under a guardian, which ends every process that it starts.

        Raises:
            BuildFailed: it ended with a code other than 0, or the deadline passed.
            BuildInterrupted: the build was cancelled.
            EnvironmentFailed: the program could not be supervised, or this machine lacks it.
        """
        self.note(f"$ {shlex.join(argv)}")
        spec = GuardianSpec(
            argv=tuple(argv),
            cwd=cwd,
            env=env,
            stdout=self.log,
            watch=self.records,
            folder=self.records,
            deadline_s=max(0.0, self.deadline - time.monotonic()),
            token=self.token,
        )
        result = run_guarded(spec, self.cancel)
        program = Path(argv[0]).name
        if result.reason is Reason.CANCELLED:
            raise BuildInterrupted("the build was interrupted", "Resume the session.")
        if result.reason is Reason.DEADLINE:
            raise BuildFailed(f"the build took longer than {self.profile.timeout_s:g} s", self.log)
        if result.reason is not Reason.EXITED:
            raise EnvironmentFailed(f"{program} could not be supervised: {result.reason}", f"See {self.log}.")
        if result.not_started and not self._is_of_commit(argv[0]):
            raise EnvironmentFailed(
                f"the build cannot start: {result.not_started}",
                f"Install it, or change the build. See {self.log}.",
            )
        if result.exit_code != 0:
            message = f"{program} ended with code {result.exit_code}: {last_line(self.log)}"
            raise BuildFailed(message, self.log, program, result.exit_code)

    def _is_of_commit(self, program: str) -> bool:
        """Whether a program is part of the commit's tree, or of what was built."""
        path = self.tree / program
        return os.sep in program and any(path.is_relative_to(each) for each in (self.tree, self.folder))

    def remove_temporary_files(self) -> None:
        """Remove files that only the build needed."""
        for path in (self.records, self.folder / "home", self.folder / "tmp"):
            shutil.rmtree(path, ignore_errors=True)
        self.pip_log.unlink(missing_ok=True)


def last_line(log: Path) -> str:
    """Return the last non-empty line of a log."""
    lines = deque((line for line in tail(log, 0).splitlines() if line.strip()), maxlen=1)
    return clean_line(lines[0].strip(), 300) if lines else "(no output)"


def tail(log: Path, start: int) -> str:
    """Return the text of a log from byte `start` on, at most its last 64 KiB."""
    if not log.is_file():
        return ""
    with open_regular(log) as file:
        size = file.seek(0, 2)
        file.seek(max(start, size - _TAIL_BYTES))
        return file.read().decode("utf-8", "replace")
