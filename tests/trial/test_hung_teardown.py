"""A fixture that hangs in its teardown, after the last verdict or before it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from bisect_tool.supervise.guarded_run import run_guarded
from bisect_tool.supervise.guardian_protocol import GuardianSpec, Reason
from bisect_tool.trial.cell_outcomes import SuiteExit, collect
from bisect_tool.verdict import Outcome

PLUGIN_FOLDER = Path(__file__).parents[2] / "bisect_tool" / "pytest_plugin" / "stream"
SUITE = """
import pytest, time

@pytest.fixture(scope="module", autouse=True)
def servers():
    yield
    time.sleep(1000)

def test_first(): pass

def test_last(): {}
"""


@pytest.fixture
def ended(tmp_path):
    """A function: the body of the last test -> why the suite's process ended, and both tests' outcomes."""

    def run(body, deadline_s):
        (tmp_path / "test_it.py").write_text(SUITE.format(body))
        logs, stream = tmp_path / "logs", tmp_path / "stream.jsonl"
        logs.mkdir()
        folders = ("-c", os.devnull, "--rootdir", ".", "--confcutdir", ".")
        options = ("-q", "-p", "bisect_stream", "-p", "no:cacheprovider", *folders)
        result = run_guarded(
            GuardianSpec(
                argv=(sys.executable, "-B", "-m", "pytest", *options, "test_it.py"),
                cwd=tmp_path,
                env={**os.environ, "PYTHONPATH": str(PLUGIN_FOLDER), "BISECT_RUN_REPORT": str(stream)},
                stdout=logs / "suite.log",
                watch=logs,
                folder=tmp_path,
                deadline_s=deadline_s,
                complete=tmp_path / "stream.jsonl.complete",
            )
        )
        cells = collect(stream, logs, result.parents, SuiteExit(result.reason, result.ended), None)
        return result.reason, [cell.outcome for cell in cells]

    return run


def test_teardown_after_a_failure_is_not_waited_for(ended):
    assert ended("assert 0", 200) == (Reason.COMPLETE, [Outcome.PASSED, Outcome.FAILED])


@pytest.mark.slow
def test_teardown_after_a_pass_is_part_of_the_verdict(ended):
    assert ended("pass", 20) == (Reason.DEADLINE, [Outcome.PASSED, Outcome.HUNG])
