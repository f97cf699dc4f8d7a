"""The checks of `doctor`: what this machine has, what it lacks, and what to do about that."""

from __future__ import annotations

import importlib.util
import platform
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bisect_tool.errors import BisectError
from bisect_tool.format import count, listing
from bisect_tool.git import plumbing
from bisect_tool.paths import VARIABLE, home
from bisect_tool.sanitise import clean_line
from bisect_tool.session.store import Store
from bisect_tool.supervise.gpus import snapshot
from bisect_tool.supervise.load import current_load

INSTALL_ENGINE = "in a clone of bisect-run: pip install '.[engine]'"
_ENGINE = ("torch", "zmq", "msgspec", "uvicorn", "starlette")
_DISK_GIB = 10


@dataclass(frozen=True)
class Check:
    """One thing looked at: whether it is needed and fine, and what to do where it is not."""

    name: str
    found: str
    fine: bool
    advice: str = ""
    needed: bool = True

    @property
    def missing(self) -> bool:
        """Whether nothing can be run without it."""
        return self.needed and not self.fine


def missing_packages() -> list[str]:
    """The packages that the reference engine needs and this Python lacks."""
    return [name for name in _ENGINE if importlib.util.find_spec(name) is None]


def render_checks(checks: tuple[Check, ...]) -> RenderableType:
    """The answer first; then a row for each check, what is missing on top, with what to do below it."""
    missing = [check.name for check in checks if check.missing]
    answer = f"Missing: {listing(missing)}." if missing else "All required checks passed."
    grid = Table.grid(padding=(0, 2, 0, 0))
    for _ in range(2):
        grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for check in sorted(checks, key=lambda check: not check.missing):
        found = Text(clean_line(check.found))
        if not check.fine:
            found.append(f"\n{clean_line(check.advice)}", "bold" if check.needed else "dim")
        grid.add_row(_mark(check), Text(check.name), found)
    return Group(Text(answer, "bold red" if missing else "bold green"), Text(), grid)


def _mark(check: Check) -> Text:
    if check.fine:
        return Text("✓", "green")
    return Text("✗", "red") if check.needed else Text("-", "yellow")


def checks() -> Iterator[Check]:
    """Look at everything that sessions need or can use."""
    yield Check("Python", platform.python_version(), fine=True)
    yield _git()
    yield _disk()
    yield _store()
    yield _load()
    missing = missing_packages()
    found = f"missing {', '.join(missing)}" if missing else "the reference engine's packages are installed"
    yield Check("demo", found, not missing, f"for `bisect-run demo`: {INSTALL_ENGINE}", needed=False)
    uv = shutil.which("uv")
    yield Check(
        "uv",
        uv or "none",
        uv is not None,
        "optional, for faster environments: pip install uv",
        needed=False,
    )
    gpus = snapshot()
    found = count(len(gpus), "GPU") if gpus else "none"
    yield Check("GPUs", found, bool(gpus), "only profiles without GPUs can run", needed=False)


def _load() -> Check:
    load = current_load()
    found = f"busy: {load}" if load.busy else str(load)
    return Check("load", found, not load.busy, "tests with deadlines may time out", needed=False)


def _git() -> Check:
    try:
        return Check("git", ".".join(map(str, plumbing.version())), fine=True)
    except BisectError as error:
        return Check("git", error.message, fine=False, advice=error.hint)


def _store() -> Check:
    path = home().store
    if not path.exists():
        return Check("store", "no sessions yet", fine=True)
    problems: list[str] = []
    try:
        with closing(Store(path, problems.append)) as store:
            problems += store.damage()
            trials = sum(len(store.trials(session.id)) for session in store.sessions())
            found = f"{count(len(store.sessions()), 'session')} with {count(trials, 'trial')}"
    except BisectError as error:
        return Check("store", error.message, fine=False, advice=error.hint)
    if not problems:
        return Check("store", found, fine=True)
    more = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
    advice = f"the rest is usable; to start over, move {path} away together with its -wal and -shm files"
    return Check("store", f"{found} can be read; {problems[0]}{more}", fine=False, advice=advice)


def _disk() -> Check:
    cache = home().cache
    try:
        cache.mkdir(parents=True, exist_ok=True)
        (cache / "doctor").touch()
        (cache / "doctor").unlink()
        free = shutil.disk_usage(cache).free / 2**30
    except OSError as error:
        return Check("disk", str(error), fine=False, advice=f"set {VARIABLE} to a writable directory")
    found = f"{free:.0f} GiB free at {cache}"
    advice = f"free {_DISK_GIB} GiB there, or set {VARIABLE} to a directory on another disk"
    return Check("disk", found, free >= _DISK_GIB, advice)
