"""Shared by the fault tests: the stub program, a guarded run of it, and a check for survivors.

The check reads /proc itself, independently of the code under test.
"""

from __future__ import annotations

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from bisect_tool.supervise.guarded_run import run_guarded
from bisect_tool.supervise.guardian_protocol import GuardianResult, GuardianSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STUB = Path(__file__).with_name("stub.py")
MARK = "STUB_MARK"
SIDE_BY_SIDE = 4


@dataclass(frozen=True)
class Run:
    """One guarded run: its result, its spec, and the seconds from the end of the program to the answer."""

    result: GuardianResult
    spec: GuardianSpec
    sweep_s: float
    survivors: list[str]

    @property
    def log(self) -> str:
        return self.spec.stdout.read_text(errors="replace")


def stub_argv(*words: str) -> tuple[str, ...]:
    return (sys.executable, "-I", "-S", str(STUB), *words)


def survivors(mark: str) -> list[str]:
    """Living processes, zombies left out, whose environment has the mark."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if mark.encode() not in (entry / "environ").read_bytes():
                continue
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            if state not in "ZX":
                found.append(f"{entry.name} {state} {(entry / 'cmdline').read_bytes()!r}")
        except OSError:
            continue
    return found


def zombies_of(pid: int) -> int:
    count = 0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            count += fields[0] == "Z" and int(fields[1]) == pid
    return count


@pytest.fixture
def spec(tmp_path: Path) -> Callable[..., GuardianSpec]:
    """Make specs for the stub, each with its own folder and mark."""

    def make(*words: str, extra_env: dict[str, str] | None = None, **changes: object) -> GuardianSpec:
        folder = tmp_path / uuid4().hex[:8]
        (folder / "logs").mkdir(parents=True)
        values: dict[str, object] = {
            "argv": stub_argv(*words),
            "cwd": folder,
            "env": {**os.environ, MARK: uuid4().hex, **(extra_env or {})},
            "stdout": folder / "logs" / "suite.log",
            "watch": folder / "logs",
            "folder": folder,
            "deadline_s": 60.0,
            "grace_s": 3.0,
        }
        return GuardianSpec(**{**values, **changes})  # type: ignore[arg-type]

    return make


@pytest.fixture
def guard(spec: Callable[..., GuardianSpec]) -> Callable[..., Run]:
    """Run the stub under a guardian, and check for survivors right after the result."""

    def run(*words: str, **changes: object) -> Run:
        made = spec(*words, **changes)
        result = run_guarded(made)
        sweep_s = time.time() - result.ended
        return Run(result, made, sweep_s, survivors(made.env[MARK]))

    return run


@pytest.fixture
def repeat(guard: Callable[..., Run]) -> Callable[..., list[Run]]:
    """Run the stub `quick` times, or up to `full` times with BISECT_FAULT_REPEAT, a few side by side."""

    def run(*words: str, quick: int, full: int, **changes: object) -> list[Run]:
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            runs = [pool.submit(guard, *words, **changes) for _ in range(times(quick, full))]
            return [one.result() for one in runs]

    return run


@pytest.fixture
def wait_for() -> Callable[..., None]:
    """Waits until a condition holds, and fails the test if it does not in time."""

    def wait(condition: Callable[[], object], seconds: float = 60.0) -> None:
        ends = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < ends, "the condition never came true"
            time.sleep(0.005)

    return wait


@pytest.fixture
def ready(wait_for: Callable[..., None]) -> Callable[[GuardianSpec], None]:
    """Wait until the stub of a spec has printed that it is ready."""
    return lambda made: wait_for(lambda: made.stdout.exists() and b"ready" in made.stdout.read_bytes())


def times(quick: int, full: int) -> int:
    return min(full, int(os.environ.get("BISECT_FAULT_REPEAT", quick)))


@pytest.fixture
def count_times() -> Callable[[int, int], int]:
    return times


@pytest.fixture
def alive() -> Callable[[str], list[str]]:
    return survivors


@pytest.fixture
def zombies() -> Callable[[int], int]:
    return zombies_of


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Iterator[Callable[[str], None]]:
    """Print a fault's figure (shown by `pytest -rP` or `-s`) and store it in the JUnit report."""

    def record_figure(text: str) -> None:
        sys.stdout.write(f"\n[figure] {request.node.name}: {text}\n")
        request.node.user_properties.append(("figure", text))

    return record_figure
