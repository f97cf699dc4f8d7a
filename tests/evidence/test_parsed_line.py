"""The writer of a line."""

from __future__ import annotations

import pytest

from bisect_tool.evidence import LogLine, read_events
from bisect_tool.evidence.parsed_line import parse_line

HEAD = "INFO 11-23 07:56:00 [core.py:1242]"


@pytest.mark.parametrize(
    ("raw", "role", "pid", "level", "text"),
    [
        ("(EngineCore_DP1 pid=15707) " + HEAD + " Shutdown", "EngineCore_DP1", 15707, "INFO", "Shutdown"),
        (
            "(Worker pid=1) (Worker_DP1 pid=1) WARNING 11-23 07:56:00 [a.py:1] x",
            "Worker_DP1",
            1,
            "WARNING",
            "x",
        ),
        ("(Worker_DP1 pid=1) (Worker pid=1) x", "Worker_DP1", 1, "", "x"),
        ("(EngineCore_DP0 pid=1) (RayWorkerWrapper pid=22, ip=10.0.0.1) x", "RayWorkerWrapper", 22, "", "x"),
        ("(VllmWorker rank=1 pid=7) ERROR 03-06 07:02:12 [v1/worker.py:5] x", "VllmWorker", 7, "ERROR", "x"),
        ("(ApiServer_2 pid=16244) INFO:     Shutting down", "ApiServer_2", 16244, "INFO", "Shutting down"),
        ("(APIServer pid=9) ", "APIServer", 9, "", ""),
        ("(APIServer pid=9)   File indented", "APIServer", 9, "", "  File indented"),
        (HEAD + " no prefix", "EngineCore", None, "INFO", "no prefix"),
        (HEAD, "EngineCore", None, "INFO", ""),
        ("ERROR 11-23 07:56:00 [serve.py:28] x", "", None, "ERROR", "x"),
        ("EERROR 11-23 07:56:00 [serve.py:28] x", "", None, "ERROR", "x"),
        ("plain output", "", None, "", "plain output"),
        (
            "EngineCore_DP1: WorkerProc initialization failed",
            "EngineCore_DP1",
            None,
            "",
            "WorkerProc initialization failed",
        ),
        ("ValueError: not a role", "", None, "", "ValueError: not a role"),
        ("\x1b[1;36m(EngineCore_DP0 pid=3)\x1b[0;0m " + HEAD + " x", "EngineCore_DP0", 3, "INFO", "x"),
        ("[2026-03-06T07:02:12Z] (EngineCore_DP0 pid=3) " + HEAD + " x", "EngineCore_DP0", 3, "INFO", "x"),
        ("[2026-03-06T07:02:12Z] Worker_DP0_TP0: x", "Worker_DP0_TP0", None, "", "x"),
        ("PASSED(EngineCore_DP0 pid=3) " + HEAD + " x", "EngineCore_DP0", 3, "INFO", "x"),
        ("tests/a.py::test_x[4] (EngineCore_DP0 pid=3) x", "EngineCore_DP0", 3, "", "x"),
        ("tests/a.py::test_x[4] FAILED [ 50%](EngineCore_DP0 pid=3) x", "EngineCore_DP0", 3, "", "x"),
        ("tests/a.py::test_x[1] " + HEAD + " x", "EngineCore", None, "INFO", "x"),
        ("PASSED" + HEAD + " x", "EngineCore", None, "INFO", "x"),
        ("collecting ... " + HEAD + " x", "EngineCore", None, "INFO", "x"),
        ("PASSED[RemoteServer] Sent SIGTERM", "", None, "", "PASSED[RemoteServer] Sent SIGTERM"),
        ("Loading:   0%|   | 0/1 [00:00<?, ?it/s](EngineCore_DP0 pid=3) x", "EngineCore_DP0", 3, "", "x"),
        ("Loading:   0%\rLoading: 100%\r(EngineCore_DP0 pid=3) x\r", "EngineCore_DP0", 3, "", "x"),
        ("[rank0]: Traceback (most recent call last):", "", None, "", "Traceback (most recent call last):"),
        ("(Worker_DP0 pid=4) [rank1]: x", "Worker_DP0", 4, "", "x"),
        (
            "E       Exception: Servers failed to start",
            "Test",
            None,
            "",
            "Exception: Servers failed to start",
        ),
        ("it logs '(EngineCore_DP0 pid=3) ERROR'", "", None, "", "it logs '(EngineCore_DP0 pid=3) ERROR'"),
        ("(see pid=3)", "see", 3, "", ""),
        ("(Worker pid=x) y", "", None, "", "(Worker pid=x) y"),
        ("", "", None, "", ""),
    ],
)
def test_parse_line(raw, role, pid, level, text):
    parsed = parse_line(raw)
    assert (parsed.role, parsed.pid, parsed.level, parsed.text) == (role, pid, level, text)


@pytest.mark.parametrize("text", ['{"message": ' * 5000, f'{{"message": {"1" * 5000}}}'])
def test_malformed_record_is_text(text):
    assert parse_line(text).text


def test_lines_of_one_record_share_their_head():
    one, other = parse_line(HEAD + " a"), parse_line(HEAD + "   b")
    assert one.head == other.head == HEAD
    assert other.text == "  b"
    assert parse_line("INFO:     a").head == ""


def test_later_more_specific_role_names_earlier_events():
    lines = ["(Worker pid=1) ValueError: early", "(Worker pid=1) (Worker_DP1_TP0 pid=1) ready"]
    (event,) = read_events(LogLine("s", 1.0, text) for text in lines)
    assert (event.role, event.pid) == ("Worker_DP1_TP0", 1)


def test_same_pid_in_another_log_is_another_process():
    lines = [
        LogLine("a", 1.0, "(Worker_DP0 pid=1) ValueError: x"),
        LogLine("b", 1.0, "(APIServer pid=1) hello"),
    ]
    (event,) = read_events(lines)
    assert event.role == "Worker_DP0"


def test_unprefixed_lines_belong_to_launcher_or_test():
    events = read_events([LogLine("4-rank0", 1.0, "ValueError: x"), LogLine("suite", 2.0, "ValueError: x")])
    assert [event.role for event in events] == ["Launcher", "Test"]
