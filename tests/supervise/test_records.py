"""Records stored in files: spec, result, journal."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bisect_tool.supervise.guarded_run import recover
from bisect_tool.supervise.guardian_protocol import (
    RESULT_FILE,
    SPEC_FILE,
    UNREADABLE,
    GuardianResult,
    GuardianSpec,
    Leftovers,
    ProcessInfo,
    Reason,
)
from bisect_tool.supervise.journal import (
    GUARDIAN_FILE,
    JOURNAL_FILE,
    Journal,
    read_guardian,
    read_journal,
    write_guardian,
)
from bisect_tool.supervise.orphan_tree import OrphanTree
from bisect_tool.supervise.processes import read_process

NUMBERS = st.integers(0, 2**31)
SECONDS = st.floats(0, 1e10)
TEXT = st.text(max_size=30)
PROCESSES = st.builds(
    ProcessInfo, NUMBERS, NUMBERS, NUMBERS, TEXT, SECONDS, st.none() | SECONDS, st.tuples(NUMBERS), TEXT
)
LEFTOVERS = st.builds(Leftovers, st.tuples(PROCESSES), st.tuples(NUMBERS), st.tuples(TEXT))
RESULTS = st.builds(
    GuardianResult,
    st.sampled_from(Reason),
    st.none() | st.integers(-64, 255),
    SECONDS,
    SECONDS,
    LEFTOVERS,
    st.dictionaries(NUMBERS, NUMBERS, max_size=3),
)
PATHS = TEXT.map(lambda text: Path("/", text.replace("\0", "").replace("/", "")))


@given(RESULTS)
def test_result_round_trips_through_json(result):
    assert GuardianResult.from_json(result.to_json()) == result


@given(st.lists(TEXT).map(tuple), PATHS, st.dictionaries(TEXT, TEXT), st.none() | SECONDS)
def test_spec_round_trips_through_json(argv, path, env, idle):
    spec = GuardianSpec(argv, path, env, path, path, path, 1.0, idle)
    assert GuardianSpec.from_json(spec.to_json()) == spec
    assert GuardianSpec.from_json(spec.without_env().to_json()).env == {}


def test_every_spec_has_its_own_token():
    here = Path("/")
    tokens = {GuardianSpec((), here, {}, here, here, here, 1.0).token for _ in range(100)}
    assert len(tokens) == 100


@pytest.mark.parametrize(
    ("title", "role"),
    [
        ("VLLM::EngineCore_DP1", "EngineCore_DP1"),
        ("VLLM::Worker_DP0_TP0 busy", "Worker_DP0_TP0"),
        ("python -m std::x", ""),
        ("[kworker]", ""),
        ("", ""),
    ],
)
def test_roles(title, role):
    assert ProcessInfo(1, 1, 1, title, 0.0).role == role


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("APIServer_3", "APIServer_3"),
        ("DPCoordinator", "DPCoordinator"),
        ("python3", ""),
        ("MainThread", ""),
        ("Xvfb", ""),
    ],
)
def test_roles_by_the_name_that_a_process_set(name, role):
    assert ProcessInfo(1, 1, 1, "python -c main", 0.0, name=name).role == role


@pytest.fixture
def own():
    process = read_process(os.getpid())
    assert process is not None
    return process


def test_journal_keeps_first_parents_and_last_titles(tmp_path, own, monkeypatch):
    journal = Journal(tmp_path)
    monkeypatch.setattr("bisect_tool.supervise.journal.title", lambda _pid: "python")
    journal.poll([own], 1.0)
    journal.poll([own._replace(ppid=1)], 2.0)
    monkeypatch.setattr("bisect_tool.supervise.journal.title", lambda _pid: "VLLM::EngineCore")
    journal.poll([own], 3.0)
    journal.poll([], 4.0)
    journal.poll([], 5.0)
    assert read_journal(tmp_path) == (
        ProcessInfo(own.pid, own.ppid, own.started, "VLLM::EngineCore", 1.0, 4.0, name=own.name),
    )
    assert journal.parents() == {own.pid: own.ppid}
    assert len((tmp_path / JOURNAL_FILE).read_text().splitlines()) == 3


def test_process_that_is_ending_keeps_its_title(tmp_path, own, monkeypatch):
    journal = Journal(tmp_path)
    for number, line in enumerate(("python -c x", "VLLM::DPCoordinator", "[VLLM::DPCoordin]", "[]")):
        monkeypatch.setattr("bisect_tool.supervise.journal.title", lambda _pid, line=line: line)
        journal.poll([own], float(number))
    journal.poll([], 9.0)
    (info,) = read_journal(tmp_path)
    assert (info.title, info.role, info.gone) == ("VLLM::DPCoordinator", "DPCoordinator", 9.0)


def test_torn_journal_can_be_read(tmp_path, own):
    Journal(tmp_path).poll([own], 1.0)
    with (tmp_path / JOURNAL_FILE).open("a") as file:
        file.write('{"pid": 12, "ppid"')
    assert [info.pid for info in read_journal(tmp_path)] == [own.pid]
    assert read_journal(tmp_path / "nowhere") == ()


def test_journal_survives_a_full_disk(own):
    Journal(Path("/dev/full/nowhere")).poll([own], 1.0)


def test_guardian_names_itself(tmp_path, own):
    assert read_guardian(tmp_path, 0) is None
    write_guardian(tmp_path)
    assert read_guardian(tmp_path, 0) == own.identity


DAMAGED = ["", "{", "[]", "null", "0", '"x"', "\0" * 40, "[" * 10_000, '{"identity": 1}']


@pytest.mark.parametrize("content", DAMAGED)
def test_damaged_record_of_the_guardian_names_no_process(tmp_path, content):
    (tmp_path / GUARDIAN_FILE).write_text(content)
    assert read_guardian(tmp_path, 0) is None


@pytest.mark.parametrize("identity", [["1", 2], [1.5, 2], [True, 2], [1, 1e400], [1], [10**30, 2], None])
def test_only_a_process_can_be_a_guardian(tmp_path, own, identity):
    write_guardian(tmp_path)
    record = json.loads((tmp_path / GUARDIAN_FILE).read_text())
    (tmp_path / GUARDIAN_FILE).write_text(json.dumps({**record, "identity": identity}))
    assert read_guardian(tmp_path, 0) is None


RESULT = GuardianResult(Reason.EXITED, 0, 1.0, 2.0, Leftovers((), (8000,), ("psm_1",)), {5: 4})


@pytest.mark.parametrize(
    "change",
    [
        {"reason": "because"},
        {"exit_code": "0"},
        {"exit_code": 1.5},
        {"seconds": float("inf")},
        {"ended": float("nan")},
        {"ended": 1e308},
        {"leftovers": None},
        {"leftovers": {"processes": [{}], "ports": [], "shm": []}},
        {"leftovers": {"processes": [], "ports": ["x"], "shm": []}},
        {"leftovers": {"processes": [], "ports": [], "shm": [1]}},
        {"parents": {"x": 1}},
        {"parents": {"9" * 5000: 1}},
        {"parents": {"1": None}},
        {"load": {"cpus": None}},
        {"load": 7},
    ],
)
def test_invalid_result_is_rejected(change):
    record = json.loads(RESULT.to_json()) | change
    with pytest.raises(UNREADABLE):
        GuardianResult.from_json(json.dumps(record))


@pytest.mark.parametrize("content", DAMAGED)
@pytest.mark.parametrize("name", [SPEC_FILE, GUARDIAN_FILE, RESULT_FILE, JOURNAL_FILE])
def test_damaged_records_are_read_as_those_of_an_unfinished_run(tmp_path, content, name):
    """As after a power loss: all other records are complete, and no process runs."""
    here = tmp_path
    (tmp_path / SPEC_FILE).write_text(GuardianSpec(("true",), here, {}, here, here, here, 1.0).to_json())
    (tmp_path / RESULT_FILE).write_text(RESULT.to_json())
    (tmp_path / name).write_text(content)
    result = recover(tmp_path)
    assert result == (RESULT if name != RESULT_FILE else replace(result, reason=Reason.LOST))


def test_only_recorded_processes_are_ended_without_a_token(tmp_path):
    """An empty token would match every environment."""
    write_guardian(tmp_path)
    bystander = subprocess.Popen(["sleep", "60"], stdin=subprocess.DEVNULL)
    try:
        abandoned = OrphanTree(tmp_path, "", 0)
        abandoned.empty()
        assert abandoned.alive() == []
    finally:
        bystander.kill()
        bystander.wait()
