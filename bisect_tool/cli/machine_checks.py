"""The checks of `doctor`: what this machine has, and how to fix what it lacks."""

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
from bisect_tool.file_lock import try_lock
from bisect_tool.format import count, listing
from bisect_tool.git import plumbing
from bisect_tool.paths import VARIABLE, find_program, home
from bisect_tool.sanitise import clean_line
from bisect_tool.session.store import Store
from bisect_tool.supervise.gpus import snapshot
from bisect_tool.supervise.machine_load import current_load

INSTALL_ENGINE = "in a clone of bisect-run: pip install '.[engine]'"
_ENGINE = ("torch", "zmq", "msgspec", "uvicorn", "starlette")
_DISK_GIB = 10


@dataclass(frozen=True)
class Check:
    """The result of one check; `advice` says how to fix it if it is not ok."""

    name: str
    found: str
    ok: bool
    advice: str = ""
    required: bool = True

    @property
    def missing(self) -> bool:
        """Whether something required is not ok."""
        return self.required and not self.ok


def missing_packages() -> list[str]:
    """Return the packages that the reference engine needs and this Python lacks."""
    return [name for name in _ENGINE if importlib.util.find_spec(name) is None]


def render_checks(checks: tuple[Check, ...]) -> RenderableType:
    """Render a summary, then a row for each check, missing ones first, with the advice below."""
    missing = [check.name for check in checks if check.missing]
    summary = f"Missing: {listing(missing)}." if missing else "All required checks passed."
    grid = Table.grid(padding=(0, 2, 0, 0))
    for _ in range(2):
        grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for check in sorted(checks, key=lambda check: not check.missing):
        found = Text(clean_line(check.found))
        if not check.ok:
            found.append(f"\n{clean_line(check.advice)}", "bold" if check.required else "dim")
        grid.add_row(_mark(check), Text(check.name), found)
    return Group(Text(summary, "bold red" if missing else "bold green"), Text(), grid)


def _mark(check: Check) -> Text:
    if check.ok:
        return Text("✓", "green")
    return Text("✗", "red") if check.required else Text("-", "yellow")


def checks() -> Iterator[Check]:
    """Check everything that sessions need or can use."""
    yield Check("Python", platform.python_version(), ok=True)
    yield _git()
    yield _disk()
    yield _store()
    yield _load()
    missing = missing_packages()
    found = f"missing {', '.join(missing)}" if missing else "the reference engine's packages are installed"
    yield Check("demo", found, not missing, f"for `bisect-run demo`: {INSTALL_ENGINE}", required=False)
    uv = find_program("uv")
    yield Check(
        "uv",
        uv or "none",
        uv is not None,
        "optional, for faster environments: pip install uv",
        required=False,
    )
    gpus = snapshot()
    found = count(len(gpus), "GPU") if gpus else "none"
    yield Check("GPUs", found, bool(gpus), "only profiles without GPUs can run", required=False)


def _load() -> Check:
    load = current_load()
    found = f"busy: {load}" if load.busy else str(load)
    return Check("load", found, not load.busy, "tests with deadlines may time out", required=False)


def _git() -> Check:
    try:
        return Check("git", ".".join(map(str, plumbing.version())), ok=True)
    except BisectError as error:
        return Check("git", error.message, ok=False, advice=error.hint)


def _store() -> Check:
    path = home().store
    if not path.exists():
        return Check("store", "no sessions yet", ok=True)
    problems: list[str] = []
    try:
        with closing(Store(path, problems.append)) as store:
            problems += store.damage()
            trials = sum(len(store.trials(session.id)) for session in store.sessions())
            found = f"{count(len(store.sessions()), 'session')} with {count(trials, 'trial')}"
    except BisectError as error:
        return Check("store", error.message, ok=False, advice=error.hint)
    if not problems:
        return Check("store", found, ok=True)
    more = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
    advice = f"the rest is usable; to start over, move {path} away together with its -wal and -shm files"
    return Check("store", f"{found} can be read; {problems[0]}{more}", ok=False, advice=advice)


def _disk() -> Check:
    cache = home().cache
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with try_lock(cache / "doctor"):
            pass
        (cache / "doctor").unlink()
        free = shutil.disk_usage(cache).free / 2**30
    except OSError as error:
        return Check("disk", str(error), ok=False, advice=f"set {VARIABLE} to a writable directory")
    except BisectError as error:  # no file can be locked there
        return Check("disk", error.message, ok=False, advice=error.hint)
    found = f"{free:.0f} GiB free at {cache}"
    advice = f"free {_DISK_GIB} GiB there, or set {VARIABLE} to a directory on another disk"
    return Check("disk", found, free >= _DISK_GIB, advice)
