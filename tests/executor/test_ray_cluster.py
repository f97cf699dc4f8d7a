"""Sessions on a real Ray cluster of three raylets, of which one is killed; and a driver that is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from uuid import uuid4

import psutil
import pytest
from executor.user_git import new_repository
from quick_engine import QUICK, SCENARIOS, copy_scenarios, use_one_rank

from bisect_tool.demo.patch_series import replay
from bisect_tool.json_document.document import Document

pytestmark = [
    pytest.mark.ray,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(find_spec("ray") is None, reason="needs the extra `ray`"),
]

RAYLETS = Path(__file__).with_name("three_raylets.py")
MAIN = (sys.executable, "-c", "import sys; from bisect_tool.cli.app import main; main(sys.argv[1:])")
MARK = "RAY_CLUSTER_TEST"
CELL = "test_external_lb_server_info[4]"
LIMIT_S = 400.0
FAILED = 1
"""The exit code of `repro` if a run failed."""
CHECK = """#!/bin/sh
grep -E 'SigBlk|SigIgn' /proc/self/status
env | grep -E '^(RAY_|PYTHONPATH)'
echo $$ > {pids}/$$
while [ -e {gate} ]; do sleep 0.05; done
exit "$(cat code)"
"""


class Raylets:
    """The cluster: its address, and its raylets, that of the driver first."""

    def __init__(self, address, pids):
        self.address = address
        self.head, *self.others = map(psutil.Process, pids)

    def busy(self):
        """A raylet, not the driver's, below which an engine runs, and the engine's shared memory."""
        for raylet in self.others:
            if raylet.is_running() and (segments := _segments_below(raylet)):
                return raylet, segments
        return None


def _segments_below(raylet):
    """The shared memory (multiprocessing.shared_memory) that processes below a raylet have mapped."""
    found = set()
    for process in raylet.children(recursive=True):
        with suppress(OSError):  # it has ended
            for line in Path(f"/proc/{process.pid}/maps").read_text().splitlines():
                found |= {Path(name) for name in line.split()[5:6] if name.startswith("/dev/shm/psm_")}
    return found


@pytest.fixture(scope="module")
def mark():
    """A mark in the environment of every process of this module."""
    return uuid4().hex


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def env(mark, home):
    return {**os.environ, MARK: mark, "BISECT_RUN_HOME": str(home)}


@pytest.fixture(scope="module")
def raylets(env, mark):
    with subprocess.Popen(
        [sys.executable, str(RAYLETS)],
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as started:
        line = started.stdout.readline()
        assert line, started.stderr.read()
        cluster = json.loads(line)
        yield Raylets(cluster["address"], cluster["raylets"])
        started.communicate(timeout=60)
    wait_for(lambda: not survivors(mark))


def wait_for(condition, seconds=LIMIT_S):
    ends = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < ends, "the condition never came true"
        time.sleep(0.05)
    return found


def survivors(mark, *words):
    """The processes with the mark whose command lines have one of these words; all of them without words."""
    found = []
    for process in psutil.process_iter():
        try:
            marked = process.environ().get(MARK) == mark
            line = " ".join(process.cmdline())
        except psutil.Error:
            continue
        if marked and (not words or any(word in line for word in words)):
            found.append((process.pid, line))
    return found


def newest(home):
    """The folder of the newest session."""
    return max((home / "state" / "sessions").iterdir(), key=lambda path: path.stat().st_mtime)


@contextmanager
def bisecting(env, *words):
    """A command line, which does not outlive the test.

    It runs outside of this checkout, which Ray would put before the package that it sends.
    """
    with subprocess.Popen(
        [*MAIN, *words],
        env=env,
        cwd=env["BISECT_RUN_HOME"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def document_of(process, code=0):
    out, err = process.communicate(timeout=LIMIT_S)
    assert process.returncode == code, err
    return Document.model_validate_json(out)


@pytest.fixture
def nodes():
    """The number of nodes that a trial spans."""
    return 1


@pytest.fixture
def engine(tmp_path, nodes):
    """The demo's history, and its scenario with a quick engine and the needs of its trials."""
    repository = tmp_path / "engine.git"
    labels = replay(SCENARIOS / "reference_engine" / "series.toml", repository).labels
    scenario = copy_scenarios(tmp_path, QUICK) / "external_lb_dp"
    if nodes == 1:
        use_one_rank(scenario)
    needs = f"[profiles.reference.ray]\ncpus = 1\nresources = {{ engine = 1 }}\nnodes = {nodes}\n\n"
    launch = "[profiles.reference.launch]"
    file = scenario / "scenario.toml"
    file.write_text(file.read_text().replace(launch, needs + launch))
    ends = ("--good", labels["max-tokens"], "--bad", labels["token-index"])  # a shorter range is quicker
    words = ("--repo", str(repository), "--scenario", str(scenario), "--profile", "reference", *ends)
    return labels, words


def test_demo_names_its_culprit_although_a_raylet_is_killed(raylets, engine, env, mark, home):
    labels, words = engine
    ray = ("--executor", "ray", "--address", raylets.address, "--slots", "4")
    with bisecting(env, *words, *ray, "--cells", CELL, "--json") as session:
        killed, segments = wait_for(raylets.busy)
        killed.kill()
        document = document_of(session)
    cell = document.cells[CELL]
    assert (cell.finding, cell.culprit.sha) == ("culprit", labels["culprit"])
    lost = [trial for trial in document.trials if trial.outcome == "infrastructure"]
    assert lost
    assert all("was lost" in trial.reason for trial in lost)
    # An actor that was sent to the killed node before Ray noticed ends before it reports its node.
    known = {trial.where for trial in document.trials if trial.where or trial not in lost}
    assert all(where.startswith("Ray node ") for where in known)
    assert len(known) >= 2
    environments = {trial.environment for trial in document.trials if trial.environment}
    # Once for this machine, which all nodes share. That of a lost trial is not counted, but used.
    assert environments
    assert document.cost.builds <= len(environments)
    wait_for(lambda: not survivors(mark, "refengine", "guardian.py", "pytest -p"))
    assert [*home.glob("state/nodes/*/trials/*")] == []
    assert [path for path in segments if path.exists()] == []


@pytest.mark.parametrize("nodes", [2])
def test_trials_span_two_nodes(raylets, engine, env, mark, home):
    labels, (*words, _, _, _, _) = engine
    ray = ("--executor", "ray", "--address", raylets.address)
    compared = ("repro", labels["culprit"], "--compare", f"{labels['culprit']}~1", "--runs", "1")
    with bisecting(env, *compared, *words, *ray, "--cells", CELL, "--json") as session:
        document = document_of(session, FAILED)
    cell = document.repro.cells[CELL]
    assert (cell.rate.failed, cell.baseline.failed) == (1, 0)
    assert document.failure.root.own_frame == "refengine/executor.py:wait_for_ready"
    for rank in (0, 1):
        assert any(path.read_text() for path in newest(home).glob(f"trials/*/logs/4-rank{rank}.log"))
    for trial in document.trials:
        first, second = trial.where.split(", ")
        assert first != second
        assert first.startswith("Ray node ")
    wait_for(lambda: not survivors(mark, "refengine", "guardian.py", "rank_host"))
    assert [*home.glob("state/nodes/*/trials/*")] == []


@pytest.fixture
def project(tmp_path):
    """Four commits, of which the last two fail; a gate for their checks; a file where checks write pids."""
    folder = tmp_path / "project"
    git = new_repository(folder)
    pids, gate = tmp_path / "pids", tmp_path / "gate"
    pids.mkdir()
    gate.touch()
    (folder / "check.sh").write_text(CHECK.format(pids=pids, gate=gate))
    (folder / "check.sh").chmod(0o755)
    shas = []
    for number in range(4):
        (folder / "code").write_text(f"{number // 2}\n")
        (folder / "number").write_text(f"{number}\n")
        git("add", "-A")
        git("commit", "-q", "-m", f"number {number}")
        shas.append(git("rev-parse", "HEAD"))
    return folder, shas, pids, gate


def test_ended_driver_leaves_nothing_and_its_session_is_resumed(raylets, project, env, home):
    folder, shas, pids, gate = project
    ray = ("--executor", "ray", "--address", raylets.address, "--slots", "2")
    words = ("--repo", str(folder), "--good", shas[0], "--bad", shas[3], *ray, "--json", "--", "./check.sh")
    end_amid_a_trial(env, pids, signal.SIGTERM, 143, *words)
    ended = newest(home)
    end_amid_a_trial(env, pids, signal.SIGKILL, -signal.SIGKILL, "resume", ended.name)
    gate.unlink()
    with bisecting(env, "resume", ended.name, "--json") as resumed:
        document = document_of(resumed)
    (cell,) = document.cells.values()
    assert (cell.finding, cell.culprit.sha) == ("culprit", shas[2])
    wait_for(lambda: not [*home.glob("state/nodes/*/trials/*")])
    assert_ours(next(ended.glob("trials/*/logs/*.log")).read_text())
    assert "py_modules_files" in next(ended.glob("trials/*/processes.jsonl")).read_text()


def end_amid_a_trial(env, pids, how, code, *words):
    """Send the driver a signal once a check runs; the checks end with it."""
    with bisecting(env, *words) as driver:
        running = wait_for(
            lambda: {int(path.name) for path in pids.iterdir() if psutil.pid_exists(int(path.name))}
        )
        driver.send_signal(how)
        _, err = driver.communicate(timeout=LIMIT_S)
        assert driver.returncode == code, err
    wait_for(lambda: not any(map(psutil.pid_exists, running)))


LATE = """
import sys
from bisect_tool.executor.ray.cluster import Worker, WorkerLost, connected

class Quiet:
    def renew(self):
        pass

with connected(sys.argv[1]) as cluster:
    worker = Worker(cluster.ray, cluster.ray.remote(Quiet).options(num_cpus=0).remote())
try:
    worker.call("renew")
except WorkerLost:
    print("lost")
print(cluster.ray.is_initialized())
"""


def test_call_after_the_end_starts_no_cluster(raylets, env, home):
    """By default, Ray starts one on this machine, whose processes outlive the call."""
    argv = (sys.executable, "-c", LATE, raylets.address)
    done = subprocess.run(
        argv, env=env, cwd=home, check=True, capture_output=True, text=True, timeout=LIMIT_S
    )
    assert done.stdout.split() == ["lost", "False"]


def assert_ours(output):
    """A check has none of the signal settings and variables of Ray."""
    masks = dict(line.split(":") for line in output.splitlines() if line.startswith("Sig"))
    assert {name: int(mask, 16) for name, mask in masks.items()} == {"SigBlk": 0, "SigIgn": 0}
    assert "RAY_" not in output
    assert "py_modules" not in output
