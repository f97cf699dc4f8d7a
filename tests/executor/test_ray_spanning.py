"""Trials that span two nodes of a cluster of threads, with the stub engine: its ranks are on both."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
from executor.thread_cluster import ThreadCluster
from executor.user_git import new_repository

from bisect_tool.checks import SuiteCheck
from bisect_tool.executor.event import Entered, Failed, Waits, Yielded
from bisect_tool.executor.ray import calls, slot
from bisect_tool.executor.ray.archive import pack
from bisect_tool.executor.ray.executor import RayExecutor
from bisect_tool.executor.ray.git_objects import Sender
from bisect_tool.executor.ray.messages import Place, Setup
from bisect_tool.git import Repository
from bisect_tool.paths import Home
from bisect_tool.pytest_plugin.waiting import wait_until
from bisect_tool.scenario import load
from bisect_tool.trial.config import TrialConfig
from bisect_tool.trial.run import TrialAborted, lost
from bisect_tool.verdict import Outcome

STUB = Path(__file__).parents[1] / "pytest_plugin" / "stub_engine.py"
SUITE = """
import os, time

def test_both_ranks_serve(rank_servers):
    with rank_servers(api_server_count=1) as group:
        assert [server.get("/server_info", config_format="json") for server in group.servers]
        while os.path.exists({gate!r}):
            time.sleep(0.05)
        teardown = group.terminate()
        assert not teardown.survivors, teardown.survivors
        assert not teardown.shm_left, teardown.shm_left
"""
PROFILE = """
name = "two-nodes"
description = "one rank on each of two nodes"
suite = "test_it.py"

[profiles.p]
marker = "engine"
build = {{ provider = "command", native = ["engine"], command = [["sh", "{{tree}}/build.sh"]] }}
timeouts = {{ trial = 300, idle = 240, ready = 120, teardown = {teardown} }}
ray = {{ nodes = 2 }}

[profiles.p.launch]
command = ["{{python}}", "-S", "{stub}"]
model = "tiny"
env = {{ STUB_FAULT = "{fault}", STUB_FAULT_RANK = "1", STUB_MARK = "{mark}" }}
"""


@pytest.fixture
def gate(tmp_path):
    """A file for whose removal the suite waits."""
    return tmp_path / "gate"


@pytest.fixture
def fault():
    """The fault of the second node."""
    return ""


@pytest.fixture
def build():
    """The build of the engine."""
    return "true"


@pytest.fixture
def sha(tmp_path, build):
    """A commit of the engine."""
    project = tmp_path / "project"
    git = new_repository(project)
    (project / "engine").touch()
    (project / "build.sh").write_text(f"{build}\n")
    git("add", "-A")
    git("commit", "-q", "-m", "engine")
    return git("rev-parse", "HEAD")


@pytest.fixture
def cluster():
    made = ThreadCluster()
    made.nodes = {"n1": {"CPU": 8.0}, "n2": {"CPU": 8.0}}
    return made


@pytest.fixture
def executor(sha, cluster, gate, fault, tmp_path, monkeypatch):  # noqa: PLR0917 - what a session has
    monkeypatch.setenv("BISECT_RUN_HOME", str(tmp_path / "node"))
    monkeypatch.setattr(calls, "_POLL_S", 0.02)
    folder = tmp_path / "scenario"
    folder.mkdir()
    teardown, mark = (1 if fault == "ignores-sigterm" else 60), tmp_path.name
    profile = PROFILE.format(stub=STUB, fault=fault, mark=mark, teardown=teardown)
    (folder / "scenario.toml").write_text(profile)
    (folder / "test_it.py").write_text(SUITE.format(gate=str(gate)))
    scenario = load(str(folder))
    driver = Home(tmp_path / "driver" / "state", tmp_path / "driver" / "cache")
    repository = Repository.open(str(tmp_path / "project"), driver.cache)
    config = TrialConfig(SuiteCheck(), driver, scenario, scenario.profiles["p"], 60.0, nodes=2)
    sender = Sender(repository, (sha,))
    setup = Setup("s1", config, pack(folder), "two-nodes", repository.spec, sender.parts(), {}, 600.0)

    @contextmanager
    def connect():
        yield cluster

    return RayExecutor(setup, sender, connect, threading.Event())


@pytest.fixture
def submitted(executor, sha, tmp_path):
    """The folder of a trial that was started."""
    with executor.reserve(print):
        folder = tmp_path / "driver" / "000-trial"
        folder.mkdir(parents=True)
        executor.submit(sha, None, folder)
        yield folder
    assert wait_until(lambda: not [*(tmp_path / "node").glob("state/nodes/*/trials/*")], 60)


def ending(executor):
    """The end of the trial."""
    while not isinstance(event := executor.next_event(), Yielded | Failed):
        continue
    return event


def await_test(executor, folder):
    """Wait until both ranks have requests."""
    while not isinstance(event := executor.next_event(), Entered) or event.phase != "test":
        continue
    assert wait_until((folder / "logs" / "1-rank1.log").exists, 120)


def test_trial_has_ranks_on_both_nodes(executor, submitted, cluster):
    result = ending(executor).result
    assert result.outcome is Outcome.PASSED, result
    assert result.leftovers == ()
    first, second = result.where.split(", ")
    assert first.startswith("Ray node ")
    assert second.startswith("Ray node ")
    assert len(cluster.workers) == 2
    for rank in (0, 1):
        assert "rpc port" in (submitted / "logs" / f"1-rank{rank}.log").read_text()


@pytest.mark.parametrize("fault", ["ignores-sigterm"])
def test_rank_that_fails_on_the_second_node_fails_the_test(executor, submitted):
    (cell,) = ending(executor).result.cells
    assert cell.outcome is Outcome.FAILED
    assert "stub_engine.py" in str(cell.failure)
    assert (submitted / "logs" / "1-rank1.log").exists()


@pytest.mark.usefixtures("submitted")
@pytest.mark.parametrize("fault", ["leaks-shm"])
def test_leftovers_on_the_second_node_name_it(executor):
    result = ending(executor).result
    assert result.cells[0].outcome is Outcome.FAILED
    (left,) = result.leftovers
    assert left.kind == "shm"
    assert left.name.endswith(f" on {socket.gethostname()}")


@pytest.mark.parametrize("build", ["echo cannot compile >&2; exit 1"])
def test_commit_that_does_not_build_on_the_second_node_is_unbuildable(executor, submitted):
    result = ending(executor).result
    assert (result.outcome, result.cells) == (Outcome.UNBUILDABLE, ())
    assert "cannot compile" in (submitted / "build.log").read_text()


def test_lost_second_node_loses_the_trial(executor, gate, request, cluster):
    gate.touch()
    folder = request.getfixturevalue("submitted")
    await_test(executor, folder)
    cluster.workers[1].lost.set()
    result = ending(executor).result
    assert result.outcome is Outcome.INFRASTRUCTURE
    assert result.reason == f"Ray node {socket.gethostname()} (n2) was lost: its node died"
    assert "(n1)" in result.where
    assert all(worker.ended for worker in cluster.workers)


@pytest.mark.parametrize(
    ("others", "where"),
    [
        (["GPU 2"], "Ray node a (n1), GPU 0, Ray node b (n2), GPU 2"),
        ([None], "Ray node a (n1), GPU 0, Ray node b (n2)"),  # it was stopped
        ([], "Ray node a (n1), Ray node b (n2)"),  # one of them ended before the suite
    ],
)
def test_gpus_of_a_trial_are_named_with_their_nodes(tmp_path, others, where):
    def result(gpus):
        return lost("c0ffee", tmp_path, 0, "").model_copy(update={"where": gpus})

    made = slot.Slot(0)
    made._places = (Place("n1", "a", "127.0.0.1"), Place("n2", "b", "127.0.0.2"))
    found = made._joined(result("GPU 0"), [gpus and result(gpus) for gpus in others], tmp_path)
    assert found.where == where


def test_trial_reports_once_that_it_waits_for_its_nodes(executor, request, cluster, monkeypatch):
    monkeypatch.setattr(slot, "_PATIENCE_S", 0.0)
    cluster.room.clear()
    request.getfixturevalue("submitted")
    waits = []
    while not waits:
        event = executor.next_event()
        waits += [event.sentence] if isinstance(event, Waits) else []
    cluster.room.set()
    while not isinstance(event := executor.next_event(), Entered) or event.phase != "build":
        waits += [event.sentence] if isinstance(event, Waits) else []
    executor.cancel.set()
    assert isinstance(ending(executor), Failed)
    assert waits == ["waiting for 2 nodes of the cluster with 1 CPU free"]


def test_interrupt_ends_both_nodes(executor, gate, request):
    gate.touch()
    folder = request.getfixturevalue("submitted")
    await_test(executor, folder)
    executor.cancel.set()
    assert isinstance(ending(executor).error, TrialAborted)
