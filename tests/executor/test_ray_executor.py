"""Trials on a cluster of threads: actors that run, wait, fail and are lost."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import replace

import pytest
from executor.thread_cluster import ThreadCluster
from executor.user_git import new_repository

from bisect_tool.checks import CommandCheck
from bisect_tool.errors import EnvironmentFailed
from bisect_tool.executor.event import Entered, Failed, Waits, Yielded
from bisect_tool.executor.ray import calls
from bisect_tool.executor.ray import slot as slots
from bisect_tool.executor.ray.executor import RayExecutor
from bisect_tool.executor.ray.git_objects import Sender
from bisect_tool.executor.ray.messages import Setup
from bisect_tool.git import Repository
from bisect_tool.paths import Home
from bisect_tool.trial.config import TrialConfig
from bisect_tool.trial.run import TrialAborted
from bisect_tool.verdict import Outcome

CHECK = """#!/bin/sh
echo "checking"
n=0
while [ -e {gate} ]; do n=$((n+1)); [ $n -lt 1200 ] || exit 125; sleep 0.05; done
exit "$(cat code)"
"""


@pytest.fixture
def cluster():
    return ThreadCluster()


@pytest.fixture
def gate(tmp_path):
    """A file for whose removal checks wait."""
    return tmp_path / "gate"


@pytest.fixture
def shas(tmp_path, gate):
    """Two commits: the check of the first passes, that of the second fails."""
    project = tmp_path / "project"
    git = new_repository(project)
    (project / "check.sh").write_text(CHECK.format(gate=gate))
    (project / "check.sh").chmod(0o755)
    found = []
    for code in range(2):
        (project / "code").write_text(f"{code}\n")
        git("add", "-A")
        git("commit", "-q", "-m", f"code {code}")
        found.append(git("rev-parse", "HEAD"))
    return found


@pytest.fixture
def executor(shas, cluster, tmp_path, monkeypatch):
    monkeypatch.setenv("BISECT_RUN_HOME", str(tmp_path / "node"))
    monkeypatch.setattr(calls, "_POLL_S", 0.02)
    driver = Home(tmp_path / "driver" / "state", tmp_path / "driver" / "cache")
    repository = Repository.open(str(tmp_path / "project"), driver.cache)
    config = TrialConfig(CommandCheck(argv=("./check.sh",)), driver, None, None, 60.0, slots=2)
    sender = Sender(repository, tuple(shas))
    setup = Setup("s1", config, b"", "", repository.spec, sender.parts(), {}, 600.0)

    @contextmanager
    def connect():
        yield cluster

    return RayExecutor(setup, sender, connect, threading.Event())


@pytest.fixture
def submit(executor, tmp_path):
    """Starts a trial; returns its folder and slot."""
    numbers = iter(range(100))

    def start(sha):
        folder = tmp_path / "driver" / f"{next(numbers):03}-{sha[:9]}"
        folder.mkdir(parents=True)
        return folder, executor.submit(sha, None, folder)

    return start


def ending(executor):
    """The end of a trial, and the events before it."""
    before = []
    while not isinstance(event := executor.next_event(), Yielded | Failed):
        before.append(event)
    return event, before


def test_trial_runs_on_a_node_and_its_logs_come_back(executor, submit, shas, tmp_path):
    with executor.reserve(print):
        folder, slot = submit(shas[1])
        event, before = ending(executor)
    assert isinstance(event, Yielded)
    result = event.result
    assert (result.outcome, result.folder, event.slot) == (Outcome.FAILED, str(folder), slot)
    assert result.where.startswith("Ray node ")
    assert "checking" in (folder / "logs" / "suite.log").read_text()
    assert next(each.phase for each in before if isinstance(each, Entered)) == "queued"
    assert {each.folder for each in before} == {folder}
    assert [*(tmp_path / "node").glob("state/nodes/*/trials/*")] == []


def test_trials_run_side_by_side_and_a_slot_keeps_its_actor(executor, submit, shas, cluster, gate):
    gate.touch()
    with executor.reserve(print):
        assert {submit(shas[0])[1], submit(shas[1])[1]} == {0, 1}
        assert executor.capacity == 0
        gate.unlink()
        outcomes = {ending(executor)[0].result.outcome for _ in range(2)}
        submit(shas[0])
        assert ending(executor)[0].result.outcome is Outcome.PASSED
        assert executor.capacity == 2
    assert outcomes == {Outcome.PASSED, Outcome.FAILED}
    started = [call for call in cluster.calls if call[0] == "start"]
    assert sorted(started) == [("start", "s1-0", {"CPU": 1.0}), ("start", "s1-1", {"CPU": 1.0})]
    assert all(worker.ended for worker in cluster.workers)


def test_lost_actor_loses_its_trial_and_is_replaced(executor, submit, shas, cluster, gate):
    gate.touch()
    with executor.reserve(print):
        _, slot = submit(shas[0])
        while not isinstance(event := executor.next_event(), Entered) or event.phase != "test":
            continue
        cluster.workers[0].lost.set()
        event, _ = ending(executor)
        assert isinstance(event, Yielded)
        assert event.result.outcome is Outcome.INFRASTRUCTURE
        assert event.result.reason.startswith(event.result.where)
        assert "was lost: its node died" in event.result.reason
        gate.unlink()
        assert submit(shas[0])[1] == slot
        assert ending(executor)[0].result.outcome is Outcome.PASSED
    assert len(cluster.workers) == 2
    assert cluster.calls[-1] == ("sweep",)


def test_cancelled_trial_ends_and_leaves_nothing(executor, submit, shas, gate, tmp_path):
    gate.touch()
    with executor.reserve(print):
        submit(shas[0])
        while not isinstance(event := executor.next_event(), Entered) or event.phase != "test":
            continue
        executor.cancel.set()
        event, _ = ending(executor)
    assert isinstance(event, Failed)
    assert isinstance(event.error, TrialAborted)
    assert [*(tmp_path / "node").glob("state/nodes/*/trials/*")] == []


def test_trial_waits_for_a_node_until_it_is_cancelled(executor, submit, shas, cluster, monkeypatch):
    monkeypatch.setattr(slots, "_PATIENCE_S", 0.0)
    cluster.room.clear()
    with executor.reserve(print):
        submit(shas[0])
        while not isinstance(event := executor.next_event(), Waits):
            continue
        assert event.sentence == "waiting for a node of the cluster with 1 CPU free"
        executor.cancel.set()
        event, _ = ending(executor)
        cluster.room.set()
    assert isinstance(event.error, TrialAborted)


@pytest.mark.parametrize(
    ("unresponsive", "reason"),
    [
        ("received", "it did not answer for 2 s while commits were being sent to a node"),
        ("progress", "it did not answer for 2 s"),
        ("run", "it did not answer for 0 s while the logs of a trial were being sent"),
    ],
)
def test_actor_that_does_not_answer_is_lost(  # noqa: PLR0917
    executor, submit, shas, cluster, gate, monkeypatch, unresponsive, reason
):
    monkeypatch.setattr(calls, "_RESULT_S", 0.1)
    executor._setup = replace(executor._setup, lease_s=2.0 if unresponsive != "run" else 600.0)
    cluster.unresponsive = {unresponsive}
    if unresponsive == "progress":
        gate.touch()  # or the trial may end before
    with executor.reserve(print):
        submit(shas[0])
        event, _ = ending(executor)
        ended = [worker.ended for worker in cluster.workers]
    assert event.result.outcome is Outcome.INFRASTRUCTURE
    assert event.result.reason.endswith(f"was lost: {reason}")
    assert ended == [True]


def test_trial_whose_commits_are_sent_is_cancelled(executor, submit, shas, cluster):
    cluster.unresponsive = {"received"}
    with executor.reserve(print):
        submit(shas[0])
        executor.cancel.set()
        event, _ = ending(executor)
        ended = [worker.ended for worker in cluster.workers]
    assert isinstance(event.error, TrialAborted)
    assert ended == [True]


def test_failure_of_one_node_loses_only_the_trial(executor, submit, shas, monkeypatch):
    def full(*_):
        raise EnvironmentFailed("the disk is full")

    monkeypatch.setattr("bisect_tool.executor.ray.node.run_trial", full)
    with executor.reserve(print):
        submit(shas[0])
        event, _ = ending(executor)
    assert event.result.outcome is Outcome.INFRASTRUCTURE
    assert event.result.reason == "the disk is full"


def test_resumed_session_ends_actors_of_its_killed_run(executor, cluster, tmp_path):
    killed = [tmp_path / "driver" / name for name in ("001-a", "002-b")]
    for folder in killed:
        folder.mkdir(parents=True)
    waits = []
    with executor.reserve(waits.append):
        for folder in killed:
            executor.recover(folder)
    assert cluster.calls == [("end_all", "s1-"), ("sweep",)]
    assert waits == ["waiting for the nodes to clean up what the killed run left there"]
    assert not any(folder.exists() for folder in killed)


def test_cluster_with_too_small_nodes_is_rejected(executor, cluster):
    cluster.nodes = {"n1": {"CPU": 0.5}, "n2": {"CPU": 0.5}}
    too_small = pytest.raises(EnvironmentFailed, match="1 CPU on one node, but none of the 2 nodes")
    with too_small, executor.reserve(print):
        raise AssertionError


@pytest.mark.parametrize(("cancelled", "error"), [(True, TrialAborted), (False, EnvironmentFailed)])
def test_connection_that_fails_after_an_interrupt_is_interrupted(executor, cancelled, error):
    @contextmanager
    def connect():
        if cancelled:
            executor.cancel.set()
        raise EnvironmentFailed("no Ray cluster can be reached")
        yield

    executor._connect = connect
    with pytest.raises(error), executor.reserve(print):
        raise AssertionError
