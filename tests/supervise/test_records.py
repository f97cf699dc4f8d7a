"""What goes through files: spec, result, journal."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bisect_tool.supervise import GuardianResult, GuardianSpec, Leftovers, ProcessInfo, Reason
from bisect_tool.supervise.journal import JOURNAL_FILE, Journal, read_guardian, read_journal, write_guardian
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
def test_a_result_goes_through_json(result):
    assert GuardianResult.from_json(result.to_json()) == result


@given(st.lists(TEXT).map(tuple), PATHS, st.dictionaries(TEXT, TEXT), st.none() | SECONDS)
def test_a_spec_goes_through_json(argv, path, env, idle):
    spec = GuardianSpec(argv, path, env, path, path, path, 1.0, idle)
    assert GuardianSpec.from_json(spec.to_json()) == spec
    assert GuardianSpec.from_json(spec.without_env().to_json()).env == {}


def test_every_spec_has_a_token_of_its_own():
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
    [("APIServer_3", "APIServer_3"), ("DPCoordinator", "DPCoordinator"), ("python3", ""), ("Workers", "")],
)
def test_roles_by_the_name_that_a_process_took(name, role):
    assert ProcessInfo(1, 1, 1, "python -c main", 0.0, name=name).role == role


@pytest.fixture
def own():
    process = read_process(os.getpid())
    assert process is not None
    return process


def test_the_journal_keeps_first_parents_and_last_titles(tmp_path, own, monkeypatch):
    journal = Journal(tmp_path)
    monkeypatch.setattr("bisect_tool.supervise.journal.title", lambda _pid: "python")
    journal.look([own], 1.0)
    journal.look([own._replace(ppid=1)], 2.0)
    monkeypatch.setattr("bisect_tool.supervise.journal.title", lambda _pid: "VLLM::EngineCore")
    journal.look([own], 3.0)
    journal.look([], 4.0)
    journal.look([], 5.0)
    assert read_journal(tmp_path) == (
        ProcessInfo(own.pid, own.ppid, own.started, "VLLM::EngineCore", 1.0, 4.0, name=own.name),
    )
    assert journal.parents() == {own.pid: own.ppid}
    assert len((tmp_path / JOURNAL_FILE).read_text().splitlines()) == 3


def test_a_process_that_is_ending_keeps_its_title(tmp_path, own, monkeypatch):
    journal = Journal(tmp_path)
    for number, line in enumerate(("python -c x", "VLLM::DPCoordinator", "[VLLM::DPCoordin]", "[]")):
        monkeypatch.setattr("bisect_tool.supervise.journal.title", lambda _pid, line=line: line)
        journal.look([own], float(number))
    journal.look([], 9.0)
    (info,) = read_journal(tmp_path)
    assert (info.title, info.role, info.gone) == ("VLLM::DPCoordinator", "DPCoordinator", 9.0)


def test_a_torn_journal_can_be_read(tmp_path, own):
    Journal(tmp_path).look([own], 1.0)
    with (tmp_path / JOURNAL_FILE).open("a") as file:
        file.write('{"pid": 12, "ppid"')
    assert [info.pid for info in read_journal(tmp_path)] == [own.pid]
    assert read_journal(tmp_path / "nowhere") == ()


def test_the_journal_bears_a_full_disk(own):
    Journal(Path("/dev/full/nowhere")).look([own], 1.0)


def test_the_guardian_names_itself(tmp_path, own):
    assert read_guardian(tmp_path) is None
    write_guardian(tmp_path)
    assert read_guardian(tmp_path) == own.identity
