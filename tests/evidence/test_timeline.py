"""Timelines: the line of each milestone, lines without a writer, hostile lines."""

from __future__ import annotations

import pytest

from bisect_tool.evidence import LogLine, TableEntry, read_timeline
from bisect_tool.evidence.timeline import PROCESSES_KEPT

HEAD = "INFO 11-23 09:49:33 [somewhere.py:1] "
SUITE, ROOT, ENGINE, WORKER, SERVER, OTHER, COORDINATOR, TRACKER = 100, 101, 110, 111, 112, 113, 114, 115
MILESTONES = ("spawned", "imports_done", "handshake", "ready", "first_request", "sigterm", "exit")


def entry(pid, parent, spawned, title="python -c from multiprocessing.spawn import spawn_main", gone=90.0):
    role = title.removeprefix("VLLM::") if title.startswith("VLLM::") else ""
    return TableEntry(pid=pid, parent=parent, spawned=spawned, gone=gone, title=title, role=role)


TABLE = (
    entry(SUITE, 99, 0.0, "python -m pytest suite.py", gone=None),
    entry(ROOT, SUITE, 1.0, "vllm serve model --api-server-count 2"),
    entry(TRACKER, ROOT, 2.0, "python -c from multiprocessing.resource_tracker import main;main(6)"),
    entry(COORDINATOR, ROOT, 3.0, "VLLM::DPCoordinator"),
    entry(ENGINE, ROOT, 4.0, "VLLM::EngineCore_DP0"),
    entry(SERVER, ROOT, 5.0, "VLLM::APIServer_0"),
    entry(OTHER, ROOT, 5.5, "VLLM::APIServer_1"),
    entry(WORKER, ENGINE, 6.0, "VLLM::Worker_DP0"),
    entry(200, SUITE, 6.5, "sleep 60"),
)


def read(*lines, table=TABLE, source="4-rank0"):
    """Timelines by pid, of lines given as (time, text)."""
    log_lines = [LogLine(source=source, time=time, text=text) for time, text in lines]
    return {process.pid: process for process in read_timeline(log_lines, table)}


def known_milestones(process):
    """The known milestones, except for those from the process table."""
    return {
        name: time
        for name in MILESTONES[1:-1]
        if (time := getattr(process, name)) is not None and name != "imports_done"
    }


NAMED = (
    (ENGINE, "EngineCore_DP0", HEAD + "Initializing a V1 LLM engine (v0.17.0) with config: x=1", "handshake"),
    (ENGINE, "EngineCore_DP0", HEAD + "init engine (profile, create kv cache) took 4.68 seconds", "ready"),
    (ENGINE, "EngineCore_DP0", HEAD + "Engine core is ready (max_num_seqs=128)", "ready"),
    (ENGINE, "EngineCore_DP0", HEAD + "Shutdown initiated (timeout=0)", "sigterm"),
    (ENGINE, "EngineCore_DP0", HEAD + "Shutting down.", "sigterm"),
    (WORKER, "Worker", HEAD + "rank 0 in world size 2 is assigned as DP rank 0, PP rank 0", "handshake"),
    (WORKER, "Worker_DP0", HEAD + "Loading weights took 0.01 seconds", "ready"),
    (WORKER, "Worker_DP0", HEAD + "Model loading took 14.9 GiB memory and 3.1 seconds", "ready"),
    (WORKER, "Worker_DP0", HEAD + "Warming up done.", "ready"),
    (WORKER, "Worker_DP0_TP0", HEAD + "Model tiny-moe loaded on cpu in 4.54 seconds", "ready"),
    (WORKER, "Worker_DP0", "WARNING 11-23 09:50:07 [m.py:858] WorkerProc was terminated", "sigterm"),
    (SERVER, "ApiServer_0", HEAD + "Supported tasks: ['generate']", "handshake"),
    (SERVER, "ApiServer_0", HEAD + "Supported_tasks: ['generate']", "handshake"),
    (SERVER, "ApiServer_0", "INFO:     Application startup complete.", "ready"),
    (SERVER, "ApiServer_0", HEAD + "Starting refengine server 0 on http://127.0.0.1:1", "handshake ready"),
    (SERVER, "ApiServer_0", 'INFO:     1:4 - "POST /v1/completions HTTP/1.1" 200 OK', "first_request"),
    (SERVER, "ApiServer_0", 'INFO:     1:4 - "GET /server_info?a=b HTTP/1.1" 200 OK', "first_request"),
    (SERVER, "ApiServer_0", HEAD + "Shutting down FastAPI HTTP server.", "sigterm"),
    (SERVER, "ApiServer_0", "INFO:     Shutting down", "sigterm"),
    (COORDINATOR, "DPCoordinator", HEAD + "All engine subscriptions received by DP c", "handshake ready"),
)


@pytest.mark.parametrize(("pid", "role", "text", "milestones"), NAMED)
def test_line_with_a_writer(pid, role, text, milestones):
    process = read((20.0, f"({role} pid={pid}) {text}"))[pid]
    assert known_milestones(process) == dict.fromkeys(milestones.split(), 20.0)
    assert process.imports_done == 20.0


UNNAMED = (
    (ROOT, "Waiting for API servers to complete ...", "handshake ready"),
    (ROOT, "Received KeyboardInterrupt, shutting down API servers...", "sigterm"),
    (ROOT, "Terminating remaining processes ...", "sigterm"),
    (ROOT, "Waiting up to 0 seconds for processes to exit", "sigterm"),
    (ROOT, "Started DP Coordinator process (PID: 114)", ""),
    (ROOT, "Started 2 API server processes", ""),
    (ROOT, "non-default args: {'model': 'x'}", ""),
    (COORDINATOR, "All engine subscriptions received by DP coordinator", "handshake ready"),
)


@pytest.mark.parametrize(("pid", "text", "milestones"), UNNAMED)
def test_line_without_a_writer_has_one_possible_writer(pid, text, milestones):
    process = read((9.0, f"(EngineCore_DP0 pid={ENGINE}) hello"), (20.0, HEAD + text))[pid]
    assert known_milestones(process) == dict.fromkeys(milestones.split(), 20.0)
    assert process.imports_done == 20.0


IGNORED = (
    (SERVER, "ApiServer_0", 'INFO:     1:4 - "GET /health HTTP/1.1" 200 OK'),
    (SERVER, "ApiServer_0", 'INFO:     1:4 - "GET /metrics HTTP/1.1" 200 OK'),
    (SERVER, "ApiServer_0", HEAD + "Route: /v1/completions, Methods: POST"),
    (WORKER, "Worker_DP0", HEAD + "Parent process exited, terminating worker queues"),
    (ENGINE, "EngineCore_DP0", "INFO:     Application startup complete."),
    (ENGINE, "EngineCore_DP0", HEAD + "Shutting down. Not yet"),
    (SERVER, "ApiServer_0", HEAD + "Warming up done."),
)


@pytest.mark.parametrize(("pid", "role", "text"), IGNORED)
def test_line_without_a_known_writer_is_ignored(pid, role, text):
    assert known_milestones(read((20.0, f"({role} pid={pid}) {text}"))[pid]) == {}


def test_roles_parents_and_times_from_the_table():
    processes = read((9.0, f"(Worker pid={WORKER}) (Worker_DP0_TP0 pid={WORKER}) hello"))
    assert {process.pid: (process.role, process.parent) for process in processes.values()} == {
        ROOT: ("Launcher", SUITE),
        TRACKER: ("ResourceTracker", ROOT),
        COORDINATOR: ("DPCoordinator", ROOT),
        ENGINE: ("EngineCore_DP0", ROOT),
        SERVER: ("APIServer_0", ROOT),
        OTHER: ("APIServer_1", ROOT),
        WORKER: ("Worker_DP0_TP0", ENGINE),
    }
    assert [process.spawned for process in processes.values()] == [1.0, 2.0, 3.0, 4.0, 5.0, 5.5, 6.0]
    assert {process.exit for process in processes.values()} == {90.0}
    assert processes[ENGINE].title == "VLLM::EngineCore_DP0"


def test_all_processes_of_a_rank_have_its_log():
    processes = read((9.0, f"(EngineCore_DP0 pid={ENGINE}) hello"))
    assert {process.source for process in processes.values()} == {"4-rank0"}


def test_first_time_of_a_milestone_is_kept():
    ready = f"(EngineCore_DP0 pid={ENGINE}) {HEAD}Engine core is ready"
    assert read((20.0, ready), (30.0, ready))[ENGINE].ready == 20.0


def test_exit_is_not_before_the_last_line():
    gone = f"(EngineCore_DP0 pid={ENGINE}) {HEAD}Shutting down."
    assert read((90.3, gone))[ENGINE].exit == 90.3


def test_single_api_server_is_its_own_launcher():
    processes = read((9.0, f"(APIServer pid={ROOT}) {HEAD}Started DP Coordinator process"))
    assert processes[ROOT].role == "APIServer"
    assert SUITE not in processes


def test_line_with_two_possible_writers_is_ignored():
    """The launchers of two ranks that write to one log."""
    second = (entry(301, SUITE, 1.0), entry(302, 301, 2.0, "VLLM::EngineCore_DP1"))
    lines = [(9.0, f"(EngineCore_DP{rank} pid={pid}) hello") for rank, pid in ((0, ENGINE), (1, 302))]
    ready = (20.0, HEAD + "Waiting for API servers to complete ...")
    processes = read(*lines, ready, table=(*TABLE, *second), source="suite")
    assert [processes[pid].role for pid in (ROOT, 301)] == ["Launcher", "Launcher"]
    assert [processes[pid].ready for pid in (ROOT, 301)] == [None, None]


def test_reused_pid():
    table = (entry(50, 1, 10.0, gone=20.0), entry(50, 1, 30.0, gone=40.0))
    log_lines = [(time, f"(EngineCore_DP0 pid=50) {HEAD}Engine core is ready") for time in (15.0, 35.0)]
    lines = [LogLine(source="1-rank0", time=time, text=text) for time, text in log_lines]
    first, second = read_timeline(lines, table)
    assert (first.spawned, first.ready, first.exit) == (10.0, 15.0, 20.0)
    assert (second.spawned, second.ready, second.exit) == (30.0, 35.0, 40.0)


def test_process_named_only_in_the_log():
    process = read((9.0, f"(EngineCore_DP0 pid=77) {HEAD}Engine core is ready"), table=())[77]
    assert (process.parent, process.spawned, process.ready, process.exit) == (None, None, 9.0, None)


def test_plain_command_has_no_timeline():
    table = (entry(SUITE, 99, 0.0, "sh check.sh"), entry(101, SUITE, 1.0, "make all"))
    assert read((9.0, "Started 4 API server processes"), (9.5, "ready"), table=table) == {}
    assert read() != {}, "titles alone name an engine"


HOSTILE = (
    "(EngineCore_DP0 pid=0) " + HEAD + "Engine core is ready",
    "(EngineCore_DP0 pid=" + "9" * 1900 + ") " + HEAD + "Engine core is ready",
    "(" * 5000 + "pid=",
    "(A pid=1" * 500,
    "pid=" * 5000,
    HEAD + "Started " + "9" * 5000 + " API server processes",
    '"' + "A" * 100_000 + " HTTP/1.1",
    "\x1b]0;x\x07(\x00pid=\ud800) \u202e",
    "Waiting for API servers to complete",
    "",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_lines_are_ignored(text):
    plain = read()
    assert read((20.0, text)) == plain


def test_texts_are_sanitised_and_truncated():
    title = "VLLM::EngineCore\x1b[31m" + "x" * 5000
    table = (entry(50, 1, 1.0, title), entry(51, 50, 2.0, "\x1b]0;x\x07python " + "y" * 5000))
    line = (9.0, f"(EngineCore{'x' * 300} pid=50) hello")
    for process in read(line, table=table, source="\x07" + "z" * 500).values():
        assert "\x1b" not in process.model_dump_json()
        assert "\\u001b" not in process.model_dump_json()
        assert len(process.role) <= 60
        assert len(process.title) <= 200
        assert len(process.source) <= 100


def test_number_of_processes_is_limited_and_named_ones_come_first():
    children = [entry(1000 + number, ROOT, 7.0 + number, "cc1 x.c") for number in range(1000)]
    processes = read(table=(*TABLE, *children))
    assert len(processes) == PROCESSES_KEPT
    assert {ROOT, ENGINE, SERVER, OTHER, WORKER} <= processes.keys()
    forged = [(9.0, f"(Forged_{pid} pid={pid}) hello") for pid in range(10_000, 14_000)]
    assert len(read(*forged, table=())) == PROCESSES_KEPT


def test_circular_parents_of_the_table_end():
    table = (entry(50, 51, 1.0, "VLLM::EngineCore_DP0"), entry(51, 50, 1.0))
    assert read(table=table)[50].role == "EngineCore_DP0"
