"""Events that cannot be a cause, and events that can."""

from __future__ import annotations

import pytest

from bisect_tool.evidence import Event, is_symptom


def event(kind, exception, message=""):
    return Event(
        time=0.0, source="s", role="r", kind=kind, severity="error", exception=exception, message=message
    )


SYMPTOMS = [
    ("exception", "BrokenPipeError", "[Errno 32] Broken pipe"),
    ("exception", "RuntimeError", "WorkerProc initialization failed. See stack trace for root cause."),
    ("log", "", "Worker proc VllmWorker-1 died unexpectedly, shutting down executor."),
    ("exit", "", "Server exited unexpectedly (rank 0): died with exit code 1"),
    ("exception", "EOFError", ""),
    ("test", "ConnectionRefusedError", "[Errno 111] Connection refused"),
    ("test", "RuntimeError", "Engine core initialization failed. See root cause above."),
    ("test", "subprocess.CalledProcessError", "Command '['x']' returned non-zero exit status 1."),
    ("test", "subprocess.CalledProcessError", "Command '['x']' died with <Signals.SIGSEGV: 11>."),
    ("test", "", "worker 'gw0' crashed while running 'test_a.py::test_b'"),
    ("test", "concurrent.futures.process.BrokenProcessPool", "A process in the process pool was terminated"),
    ("exception", "torch.multiprocessing.spawn.ProcessExitedException", "process 0 terminated with SIGABRT"),
    ("log", "", "Job failed, see the logs for more details"),
]
CAUSES = [
    ("test", "AssertionError", "assert 1 == 2"),
    ("test", "EOFError", "Ran out of input"),
    ("test", "SystemExit", "2"),
    ("exception", "torch.OutOfMemoryError", "CUDA out of memory."),
    ("exception", "ValueError", "see what you did"),
    ("leak", "", "resource_tracker: There appear to be 2 leaked shared_memory objects"),
    ("exception", "", "Fatal Python error: Segmentation fault"),
    ("hang", "Hang", "call did not end (deadline)"),
    ("exit", "", "the command failed"),
    ("test", "KeyError", "'process'"),
]


@pytest.mark.parametrize(("kind", "exception", "message"), SYMPTOMS)
def test_consequence_is_a_symptom(kind, exception, message):
    assert is_symptom(event(kind, exception, message))


@pytest.mark.parametrize(("kind", "exception", "message"), CAUSES)
def test_possible_cause_is_no_symptom(kind, exception, message):
    assert not is_symptom(event(kind, exception, message))
