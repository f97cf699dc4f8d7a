"""The streamed report of a pytest run, as written in the environment of a tested project."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest
from forked_pytest import run_pytest as run_forked

from bisect_tool.pytest_plugin.stream_reader import Phase, read_stream
from bisect_tool.pytest_plugin.waiting import wait_until

PLUGIN_FOLDER = Path(__file__).parents[2] / "bisect_tool" / "pytest_plugin" / "stream"

FOLDERS = ("-c", os.devnull, "--rootdir", ".", "--confcutdir", ".")
WORDS = ("-q", "-p", "bisect_stream", "-p", "no:cacheprovider", *FOLDERS)
COMMAND = (sys.executable, "-B", "-m", "pytest", *WORDS)

RunPytest = "Callable[..., list[dict[str, Any]]]"


@pytest.fixture
def run_pytest(tmp_path: Path) -> RunPytest:
    """A function: source of a test file, cells (None: all) -> the events that were streamed."""

    def run(source: str, cells: object = None, *options: str) -> list[dict[str, Any]]:
        (tmp_path / "test_it.py").write_text(textwrap.dedent(source))
        report = tmp_path / "stream.jsonl"
        run_forked((*WORDS, *options, "test_it.py"), tmp_path, environment(report, cells), 60)
        return [json.loads(line) for line in report.read_text().splitlines()] if report.exists() else []

    return run


def environment(report: Path, cells: object = None) -> dict[str, str]:
    chosen = (
        {} if cells is None else {"BISECT_RUN_CELLS": cells if isinstance(cells, str) else json.dumps(cells)}
    )
    return {**os.environ, "PYTHONPATH": str(PLUGIN_FOLDER), "BISECT_RUN_REPORT": str(report), **chosen}


def phases(events: list[dict[str, Any]], cell: str = "") -> list[dict[str, Any]]:
    return [event for event in events if event["event"] == "phase" and cell in ("", event["cell"])]


def failed(events: list[dict[str, Any]]) -> dict[str, Any]:
    (event,) = [event for event in phases(events) if event["outcome"] == "failed"]
    return event


def test_passing_suite(run_pytest: RunPytest):
    before = time.time()
    events = run_pytest("import pytest\n@pytest.mark.parametrize('n', [1, 4])\ndef test_a(n): pass")
    assert [event["event"] for event in events] == ["collected", *["start", *["phase"] * 3] * 2, "finish"]
    assert events[0]["cells"] == ["test_a[1]", "test_a[4]"]
    assert [event["phase"] for event in phases(events, "test_a[4]")] == ["setup", "call", "teardown"]
    assert all(event["outcome"] == "passed" and event["seconds"] >= 0 for event in phases(events))
    nothing = {"failure": None, "hint": None, "reason": None, "logs": [], "window": None}
    assert all(nothing.items() <= event.items() for event in phases(events))
    times = [event["time"] for event in events]
    assert times == sorted(times)
    assert before <= times[0] <= times[-1] <= time.time()
    assert events[-1]["exit"] == 0


def test_trial_reads_the_streamed_report(run_pytest: RunPytest, tmp_path: Path):
    events = run_pytest("def test_a(): assert 1 == 2")
    records = read_stream(tmp_path / "stream.jsonl")
    assert [record.event for record in records] == [event["event"] for event in events]
    (call,) = [record for record in records if isinstance(record, Phase) and record.phase == "call"]
    assert call.failure is not None
    assert call.failure.exception == "AssertionError"


def test_only_requested_cells_run_in_the_order_of_the_suite(run_pytest: RunPytest):
    source = "def test_a(): pass\ndef test_b(): pass\nclass TestC:\n    def test_d(self): pass"
    events = run_pytest(source, ["TestC::test_d", "test_a"])
    assert events[0]["cells"] == ["test_a", "TestC::test_d"]
    assert [event["cell"] for event in events if event["event"] == "start"] == ["test_a", "TestC::test_d"]


def test_cells_that_do_not_exist_run_nothing(run_pytest: RunPytest):
    events = run_pytest("def test_a(): pass", ["test_z"])
    assert events[0]["cells"] == []
    assert (events[-1]["event"], events[-1]["exit"]) == ("finish", 5)


@pytest.mark.parametrize("cells", ["not json", '"test_a"', "[1]"])
def test_invalid_list_of_cells_is_rejected(run_pytest: RunPytest, cells: str):
    assert run_pytest("def test_a(): pass", cells) == []


def test_failure_has_its_exception_message_frames_and_text(run_pytest: RunPytest, tmp_path: Path):
    source = """
        class Broken(RuntimeError):
            pass

        def inner():
            raise Broken("the pipe\\nis broken \\x1b[31m \\ud800")

        def test_a():
            inner()
    """
    failure = failed(run_pytest(source))["failure"]
    assert failure["exception"] == "test_it.Broken"
    assert failure["message"] == "the pipe\nis broken \x1b[31m \ud800"
    path = str(tmp_path / "test_it.py")
    assert failure["frames"] == [[path, 9, "test_a"], [path, 6, "inner"]]
    assert "Broken" in failure["text"]


def test_exception_has_outcome_logs_and_window_of_its_causes(run_pytest: RunPytest):
    source = """
        class WithEvidence(Exception):
            bisect_outcome = "hung"
            bisect_logs = ("4-rank0.log",)
            bisect_window = (1.0, 2.5)

        def test_a():
            try:
                raise WithEvidence("first")
            except WithEvidence as error:
                raise ValueError("second") from error
    """
    event = failed(run_pytest(source))
    assert event["failure"]["exception"] == "ValueError"
    assert (event["hint"], event["logs"], event["window"]) == ("hung", ["4-rank0.log"], [1.0, 2.5])


@pytest.mark.parametrize("depth", [1, 3])
def test_every_cell_of_a_failed_module_fixture_has_its_evidence(run_pytest: RunPytest, depth: int):
    source = f"""
        import pytest

        class WithEvidence(Exception):
            pass

        def fail(n):
            error = WithEvidence(f"servers of {{n}}")
            error.bisect_logs, error.bisect_window = [f"{{n}}-rank0.log"], (n, n + 1)
            error.bisect_outcome = "infrastructure"
            raise error

        @pytest.fixture(scope="module", params=[1, 4])
        def group(request):
            fail(request.param)

        @pytest.fixture
        def servers(group):
            return group

        @pytest.mark.parametrize("turn", range({depth}))
        def test_a(servers, turn): pass

        def test_b(group): pass
    """
    events = run_pytest(source)
    seen = [event for event in phases(events) if event["outcome"] == "failed"]
    assert len(seen) == 2 * (depth + 1)
    for event in seen:
        n = 4 if "[4" in event["cell"] else 1
        assert event["phase"] == "setup"
        assert event["hint"] == "infrastructure"
        assert (event["logs"], event["window"]) == ([f"{n}-rank0.log"], [n, n + 1])
        assert event["failure"]["message"] == f"servers of {n}"


def test_plain_failure_has_the_logs_of_its_fixtures(run_pytest: RunPytest):
    source = """
        import pytest
        from unittest.mock import MagicMock

        class Group:
            bisect_logs = ("1-rank0.log",)

            @property
            def bisect_window(self):
                return (3.0, 4.0)

        @pytest.fixture
        def mock(): return MagicMock()

        @pytest.fixture
        def group(): return Group()

        def test_a(mock, group):
            assert not group
    """
    event = failed(run_pytest(source))
    assert (event["logs"], event["window"], event["hint"]) == (["1-rank0.log"], [3.0, 4.0], None)


def test_skips_and_expected_failures_have_their_reasons(run_pytest: RunPytest):
    source = """
        import pytest

        @pytest.mark.skip(reason="no GPU")
        def test_skipped(): pass

        def test_skips_itself(): pytest.skip("not here")

        @pytest.mark.xfail(reason="known")
        def test_expected(): assert 0

        @pytest.mark.xfail
        def test_expected_without_a_reason(): assert 0

        def test_gives_up(): pytest.xfail("not yet")

        @pytest.mark.xfail(strict=True, reason="known")
        def test_unexpected(): pass
    """
    events = run_pytest(source)
    reasons = {event["cell"]: event["reason"] for event in phases(events) if event["outcome"] == "skipped"}
    assert reasons == {
        "test_skipped": "no GPU",
        "test_skips_itself": "not here",
        "test_expected": "expected failure: known",
        "test_expected_without_a_reason": "expected failure",
        "test_gives_up": "expected failure: not yet",
    }
    assert [event["cell"] for event in phases(events) if event["expected"]] == [
        "test_expected",
        "test_expected_without_a_reason",
    ]
    assert failed(events)["cell"] == "test_unexpected"
    assert "known" in failed(events)["failure"]["message"]


def test_forked_copy_of_pytest_reports_nothing(run_pytest: RunPytest):
    """Its test raises there, so pytest continues in both processes."""
    events = run_pytest(
        """
        import os
        def test_forks():
            child = os.fork()
            assert child, "this is the child"
            os.waitpid(child, 0)
        def test_next(): pass
        """
    )
    assert [event["cell"] for event in events if event["event"] == "start"] == ["test_forks", "test_next"]
    assert len(phases(events)) == 6
    assert {event["outcome"] for event in phases(events)} == {"passed"}
    assert [event["event"] for event in events].count("finish") == 1


def test_tests_in_separate_processes_are_reported(run_pytest: RunPytest, tmp_path: Path):
    """As with pytest-forked, which forks before the set-up and exits after the teardown."""
    (tmp_path / "each_forked.py").write_text(
        textwrap.dedent(
            """
            import os
            from _pytest.runner import runtestprotocol
            def pytest_runtest_protocol(item, nextitem):
                item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
                child = os.fork()
                if not child:
                    runtestprotocol(item, log=False, nextitem=nextitem)
                    os._exit(0)
                os.waitpid(child, 0)
                return True
            """
        )
    )
    events = run_pytest("def test_a(): pass\ndef test_b(): assert 0", None, "-p", "each_forked")
    calls = {each["cell"]: each["outcome"] for each in phases(events) if each["phase"] == "call"}
    assert calls == {"test_a": "passed", "test_b": "failed"}


def test_suite_that_cannot_be_collected_is_reported(run_pytest: RunPytest):
    events = run_pytest("import no_such_engine")
    (event,) = [event for event in events if event["event"] == "uncollectable"]
    assert event["cell"].endswith("test_it.py")
    assert "no_such_engine" in event["failure"]["message"]
    assert events[-1]["exit"] == 2


def test_exception_that_cannot_be_printed_is_still_reported(run_pytest: RunPytest):
    source = """
        class Unprintable(Exception):
            def __str__(self): raise ValueError("no")

        def test_a(): raise Unprintable
    """
    event = failed(run_pytest(source))
    assert event["failure"]["message"] == "<unprintable Unprintable: ValueError>"


def test_endless_messages_are_truncated(run_pytest: RunPytest, tmp_path: Path):
    event = failed(run_pytest("def test_a(): raise ValueError('x' * 10_000_000)"))
    assert len(event["failure"]["message"]) == 10_000
    assert (tmp_path / "stream.jsonl").stat().st_size < 1_000_000


def test_nothing_is_written_without_a_report(tmp_path: Path):
    (tmp_path / "test_it.py").write_text("def test_a(): pass")
    env = environment(tmp_path / "unused")
    del env["BISECT_RUN_REPORT"]
    done = subprocess.run((*COMMAND, "test_it.py"), env=env, cwd=tmp_path, check=False, timeout=60)
    assert done.returncode == 0
    assert not (tmp_path / "unused").exists()


def test_killed_run_leaves_complete_lines(tmp_path: Path):
    (tmp_path / "test_it.py").write_text(
        "import time\ndef test_a(): pass\ndef test_b():\n    time.sleep(60)\ndef test_c(): pass"
    )
    report = tmp_path / "stream.jsonl"
    process = subprocess.Popen(
        (*COMMAND, "test_it.py"), env=environment(report), cwd=tmp_path, stdout=subprocess.DEVNULL
    )
    try:
        ready = '"cell": "test_b", "phase": "setup"'
        assert wait_until(lambda: report.exists() and ready in report.read_text(), 60)
    finally:
        process.kill()
        process.wait(60)
    text = report.read_text()
    assert text.endswith("\n")
    events = [json.loads(line) for line in text.splitlines()]
    assert [event["cell"] for event in phases(events)].count("test_a") == 3
    assert events[-1]["event"] == "phase"
    assert (events[-1]["cell"], events[-1]["phase"]) == ("test_b", "setup")


SEEN_AT_THE_END = """
    import os, pathlib, pytest

    @pytest.fixture(scope="module", autouse=True)
    def shared():
        yield
        complete = pathlib.Path(os.environ["BISECT_RUN_REPORT"] + ".complete")
        pathlib.Path("seen").write_text(str(complete.exists()))
"""


@pytest.mark.parametrize(
    ("cells", "seen"),
    [
        ("def test_a(): pass", False),  # its teardown can fail still
        ("def test_a(): assert 0", True),
        ("def test_a(): assert 0\ndef test_b(): pass", False),
        ("def test_a(): pass\ndef test_b(): assert 0", True),
        ("def test_a(): pytest.skip()", False),
        ("@pytest.mark.xfail\ndef test_a(): assert 0", False),
    ],
)
def test_complete_file_is_written_when_every_cell_has_a_verdict(
    run_pytest: RunPytest, tmp_path: Path, cells: str, seen: bool
):
    run_pytest(textwrap.dedent(SEEN_AT_THE_END) + cells)
    assert (tmp_path / "seen").read_text() == str(seen)
    assert (tmp_path / "stream.jsonl.complete").exists()


def test_failed_test_to_be_rerun_has_no_verdict(run_pytest: RunPytest, tmp_path: Path):
    (tmp_path / "rerunning.py").write_text(
        "def pytest_configure(config): config.pluginmanager.register(object(), 'rerunfailures')\n"
    )
    failing = textwrap.dedent(SEEN_AT_THE_END) + "def test_a(): assert 0"
    run_pytest(failing, None, "-p", "rerunning", "-o", "pythonpath=.")
    assert (tmp_path / "seen").read_text() == "False"
    assert (tmp_path / "stream.jsonl.complete").exists()
