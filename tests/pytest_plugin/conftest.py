"""Fixtures for the suite plugins' tests: launches of the stub engine, each with its own folders and ports."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from bisect_tool.pytest_plugin.launch import Launch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STUB = Path(__file__).with_name("stub_engine.py")
PORTS_PER_WORKER = 200


@pytest.fixture
def ports() -> dict[str, int]:
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    start = 21000 + worker * PORTS_PER_WORKER
    return {"start": start, "stop": start + PORTS_PER_WORKER}


@pytest.fixture
def stub_launch(tmp_path: Path, ports: dict[str, int]) -> Iterator[Callable[..., Launch]]:
    """A function: fault, the rank that has it (None: all), other fields of Launch -> a launch of the stub.

    At the end, no process of the stub may be alive; if one is, it is killed, because it holds ports of the
    next test. Shared memory of killed processes is removed.
    """
    mark = f"STUB_MARK={uuid4()}"
    name, _, value = mark.partition("=")
    logs = tmp_path / "logs"
    logs.mkdir()

    def make(fault: str = "", rank: int | None = None, **fields: object) -> Launch:
        env = {"PATH": os.environ["PATH"], name: value, "STUB_FAULT": fault}
        if rank is not None:
            env["STUB_FAULT_RANK"] = str(rank)
        given = {
            "command": (sys.executable, "-S", str(STUB)),
            "env": env,
            "model": "tiny",
            "served_model": "tiny",
            "logs": logs,
            "ports": ports,
            "ready_s": 60,
            "teardown_s": 30,
        }
        return Launch.model_validate({**given, **fields})

    yield make
    left = alive(mark)
    for pid in left:
        with suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
    for segment in Path("/dev/shm").glob(f"stub_{value}_*"):
        segment.unlink()
    assert left == []


def alive(mark: str) -> list[str]:
    """Living processes, without zombies, whose environment has the mark; found without the tested code."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and mark.encode() in (process / "environ").read_bytes():
                state = (process / "stat").read_text().rpartition(")")[2].split()[0]
                found += [process.name] if state not in "ZX" else []
        except OSError:
            continue
    return found
