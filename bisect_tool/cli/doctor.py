"""`bisect-run doctor`: is this machine able, and what to do about it where it is not."""

from __future__ import annotations

import importlib.util
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from rich.text import Text

from bisect_tool.errors import BisectError, ExitCode
from bisect_tool.history import plumbing
from bisect_tool.home import home
from bisect_tool.report.terminal import show
from bisect_tool.supervise.gpus import snapshot

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


def doctor() -> int:
    """Look at Python, git, disk, GPUs and the engine packages; exits with 5 where a needed one lacks."""
    checks = list(_checks())
    for check in checks:
        mark = "ok " if check.fine else "MISSING" if check.needed else "-  "
        show(Text(f"{mark} {check.name}: {check.found}" + (f" - {check.advice}" if not check.fine else "")))
    return ExitCode.DONE if all(check.fine or not check.needed for check in checks) else ExitCode.ENVIRONMENT


def _checks() -> Iterator[Check]:
    yield Check(
        "Python", platform.python_version(), sys.version_info >= (3, 11), "install Python 3.11 or newer"
    )
    yield _git()
    here = home()
    here.cache.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(here.cache).free / 2**30
    yield Check(
        "disk", f"{free:.0f} GiB free at {here.cache}", free >= _DISK_GIB, f"free {_DISK_GIB} GiB there"
    )
    missing = [name for name in _ENGINE if importlib.util.find_spec(name) is None]
    yield Check(
        "reference engine",
        f"lacks {', '.join(missing)}" if missing else "its packages are there",
        not missing,
        "pip install 'bisect-run[engine]' for the demo",
        needed=False,
    )
    uv = shutil.which("uv")
    yield Check("uv", uv or "none", uv is not None, "optional: makes environments in seconds", needed=False)
    gpus = snapshot()
    found = f"{len(gpus)} NVIDIA GPUs" if gpus else "none"
    yield Check("GPUs", found, bool(gpus), "profiles for the CPU will be used", needed=False)


def _git() -> Check:
    try:
        return Check("git", ".".join(map(str, plumbing.version())), fine=True)
    except BisectError as error:
        return Check("git", error.message, fine=False, advice=error.hint)
