"""Reading a rank's log while it grows: complete lines, each once, of any bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bisect_tool.pytest_plugin.logs import LINE_LIMIT, RankLog, is_error_line

if TYPE_CHECKING:
    from pathlib import Path


@settings(max_examples=50, deadline=None)
@given(pieces=st.lists(st.text(alphabet="ab\n", max_size=12), max_size=12))
def test_lines_are_read_once_and_complete(tmp_path_factory: pytest.TempPathFactory, pieces: list[str]):
    log = RankLog(tmp_path_factory.mktemp("log") / "1-rank0.log")
    seen: list[str] = []
    for piece in pieces:
        with log.path.open("a") as file:
            file.write(piece)
        seen += log.new_lines()
    assert seen == "".join(pieces).split("\n")[:-1]


def test_earlier_lines_are_not_new(tmp_path: Path):
    path = tmp_path / "1-rank0.log"
    path.write_text("an earlier run\n")
    log = RankLog(path)
    assert log.new_lines() == []
    assert log.name == "1-rank0.log"


def test_endless_line_is_truncated_in_bounded_memory(tmp_path: Path):
    log = RankLog(tmp_path / "1-rank0.log")
    with log.path.open("ab") as file:
        file.write(b"x" * (5 << 20) + b"\nafter\n")
    lines = [line for _ in range(8) for line in log.new_lines()]
    assert [len(line) for line in lines] == [LINE_LIMIT, len("after")]


def test_binary_data_is_replaced(tmp_path: Path):
    log = RankLog(tmp_path / "1-rank0.log")
    log.path.write_bytes(b"\xff\xfe\x00 ok\n\n\n")
    assert log.last_line().endswith("ok")
    assert len(log.new_lines()) == 3


def test_last_line_of_an_empty_log_is_empty(tmp_path: Path):
    assert RankLog(tmp_path / "1-rank0.log").last_line() == ""


def test_error_lines_since_offset_ignores_earlier_lines(tmp_path: Path):
    log = RankLog(tmp_path / "1-rank0.log")
    log.path.write_text("ERROR: before\n")
    offset = log.size()
    with log.path.open("a") as file:
        file.write("INFO: fine\nERROR: after\n")
    assert log.error_lines_since(offset) == ("ERROR: after",)


@pytest.mark.parametrize(
    "line",
    [
        "(APIServer pid=1) ERROR 11-23 10:35:26 [core_client.py:694] Engine core proc died unexpectedly",
        "(Worker pid=1) (Worker_DP0 pid=1) ERROR 11-23 10:30:46 [a.py:924] WorkerProc hit an exception.",
        "\x1b[0;36m(EngineCore_DP0 pid=1)\x1b[0;0m CRITICAL 11-23 10:30:46 [a.py:1] no",
        "(APIServer pid=5779) Traceback (most recent call last):",
        "Traceback (most recent call last):",
        "Fatal Python error: Segmentation fault",
        "ERROR:    Exception in ASGI application",
        "a/resource_tracker.py:254: UserWarning: resource_tracker: There appear to be 1 leaked shared_memory",
    ],
)
def test_is_error_line(line: str):
    assert is_error_line(line)


@pytest.mark.parametrize(
    "line",
    [
        "(Worker pid=1) (Worker_DP0 pid=1) WARNING 11-23 09:45:56 [a.py:858] WorkerProc was terminated",
        "(Worker pid=1) INFO 11-23 09:45:56 [a.py:751] Parent process exited, terminating worker queues",
        "(APIServer pid=7008) INFO:     Application shutdown complete.",
        '(APIServer pid=7008) INFO:     127.0.0.1:1 - "POST /v1/ERROR HTTP/1.1" 200 OK',
        "  warnings.warn('resource_tracker: There appear to be %d '",
        "",
    ],
)
def test_is_error_line_of_a_clean_shutdown_is_false(line: str):
    assert not is_error_line(line)
