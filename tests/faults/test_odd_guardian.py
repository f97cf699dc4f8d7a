"""A bug in the guardian, an unwritable disk (a part of row 14), a clock that jumps (row 23)."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from bisect_tool.errors import EnvironmentFailed
from bisect_tool.supervise.fork_server import ForkServer
from bisect_tool.supervise.guarded_run import run_guarded
from bisect_tool.supervise.guardian_protocol import Reason
from bisect_tool.supervise.logs import read_lines

MARK = "STUB_MARK"


@pytest.fixture
def odd(monkeypatch):
    """Start guardians from a separate server."""
    server = ForkServer()
    monkeypatch.setattr("bisect_tool.supervise.guarded_run.SERVER", server)

    def make(fault):
        monkeypatch.setenv("ODD_GUARDIAN", fault)
        monkeypatch.setattr(
            "bisect_tool.supervise.fork_server.PROGRAM", Path(__file__).with_name("odd_guardian.py")
        )

    yield make
    server.close()


def test_bug_in_the_guardian_leaves_nothing_running(spec, alive, odd):
    odd("bug")
    made = spec("tree")
    with pytest.raises(EnvironmentFailed, match="a bug of ours"):
        run_guarded(made)
    assert alive(made.env[MARK]) == []


def test_clock_jumps_back(guard, odd):
    odd("clock")
    began = time.time()
    run = guard("tick", "0.1", "8")
    seen = [when for when, _ in read_lines(run.spec.stdout)]
    assert run.result.reason is Reason.EXITED
    assert 0.8 < run.result.seconds < 60
    assert seen == sorted(seen)
    assert began - 1 < seen[0] <= seen[-1] <= run.result.ended + 1 <= time.time() + 2


def test_result_cannot_be_written(spec, alive, odd):
    odd("result")
    made = spec("escape")
    with pytest.raises(EnvironmentFailed, match=r"result\.json"):
        run_guarded(made)
    assert alive(made.env[MARK]) == []


def test_log_cannot_be_written(spec):
    made = spec("leave", stdout=Path("/proc/nowhere/suite.log"))
    with pytest.raises(EnvironmentFailed, match="nowhere"):
        run_guarded(made)


def test_folder_cannot_be_written(spec):
    with pytest.raises(EnvironmentFailed, match="nowhere"):
        run_guarded(spec("leave", folder=Path("/proc/nowhere")))


def test_leftover_has_the_time_of_its_end(guard):
    run = guard("orphan")
    (process,) = run.result.leftovers.processes
    assert process.gone is not None
    assert process.gone >= process.seen
