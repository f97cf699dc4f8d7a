"""Resources of each slot, and resources that cannot be divided."""

from __future__ import annotations

import json
import threading
from itertools import combinations
from pathlib import Path

import pytest

from bisect_tool.build import Environment
from bisect_tool.checks import PytestCheck, SuiteCheck
from bisect_tool.errors import EnvironmentFailed, UsageError
from bisect_tool.executor.local import LocalExecutor
from bisect_tool.git import Repository
from bisect_tool.paths import Home
from bisect_tool.scenario import Scenario
from bisect_tool.supervise import gpus, ports
from bisect_tool.supervise.gpus import GpuMemory
from bisect_tool.trial.config import TrialConfig, TrialPaths
from bisect_tool.trial.kinds import make_process
from bisect_tool.trial.leftovers import LeftoverProbe


@pytest.fixture
def setting(tmp_path):
    """Make settings for `slots` slots of an engine with two ranks, launched by `launch`."""

    def make(slots, check=None, **launch):
        profile = {"marker": "engine", "build": {"provider": "none"}}
        profile["launch"] = {"command": ["engine"], "model": "m", **launch}
        scenario = Scenario(name="s", description="", suite="s.py", repository="r", profiles={"p": profile})
        home = Home(tmp_path / "state", tmp_path / "cache")
        return TrialConfig(check or SuiteCheck(), home, scenario, scenario.profiles["p"], 60.0, (), slots)

    return make


@pytest.fixture
def place(tmp_path):
    """Make the paths of slots."""

    def make(slot):
        folder = tmp_path / f"trial-{slot}"
        folder.mkdir(exist_ok=True)
        environment = Environment("f", tmp_path, tmp_path / "python", {}, 0.0, reused=True)
        return TrialPaths(folder, tmp_path, tmp_path, environment, slot)

    return make


def launched(setting, place):
    return json.loads(Path(make_process(setting, place, None).env["BISECT_RUN_LAUNCH"]).read_text())


@pytest.mark.parametrize("slots", [1, 2, 3, 8, 64])
def test_no_two_slots_share_a_port(slots):
    shares = [set(ports.share(slot, slots)) for slot in range(slots)]
    assert all(not one & other for one, other in combinations(shares, 2))
    assert set().union(*shares) <= set(range(ports.FIRST, ports.LAST + 1))
    assert len({len(share) for share in shares}) == 1


@pytest.mark.parametrize("slots", [1, 2, 64])
def test_trial_finds_enough_ports_in_its_slot(setting, place, slots):
    for slot in {0, slots - 1}:
        given = launched(setting(slots, rpc_port=True), place(slot))["ports"]
        mine = ports.share(slot, slots)
        assert given["start"] in mine
        assert given["stop"] == mine.stop
        assert given["stop"] - given["start"] >= 3 * 4


@pytest.mark.parametrize(
    ("visible", "shares"),
    [
        ("0,1,2,3", [["0", "1"], ["2", "3"]]),
        ("GPU-a, GPU-b,GPU-c,GPU-d,", [["GPU-a", "GPU-b"], ["GPU-c", "GPU-d"]]),
    ],
)
def test_each_slot_has_its_own_gpus(setting, place, monkeypatch, visible, shares):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    given = [launched(setting(2, gpus_per_rank=1), place(slot))["rank_env"] for slot in range(2)]
    assert [[rank["CUDA_VISIBLE_DEVICES"] for rank in ranks] for ranks in given] == shares


def test_rank_has_several_gpus(setting, place, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3,4,5,6,7")
    given = launched(setting(2, gpus_per_rank=2), place(1))["rank_env"]
    assert [rank["CUDA_VISIBLE_DEVICES"] for rank in given] == ["4,5", "6,7"]


def test_gpu_variables_are_unchanged_without_gpus(setting, place):
    assert launched(setting(2), place(1))["rank_env"] == [{}, {}]


@pytest.mark.parametrize(("slots", "seen"), [(1, "0,1,2,3"), (2, "2,3")])
def test_test_file_sees_the_gpus_of_its_slot(setting, place, monkeypatch, slots, seen):
    """It selects its GPUs itself: in a single slot, it may have them all."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3")
    config = setting(slots, PytestCheck(file="test_x.py"), gpus_per_rank=1)
    process = make_process(config, place(slots - 1), None)
    assert process.env["CUDA_VISIBLE_DEVICES"] == seen


@pytest.fixture
def eight(monkeypatch):
    """A machine with eight GPUs, four of which may be used; on GPU n, n bytes are in use."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3")
    monkeypatch.setattr(gpus, "snapshot", lambda: [GpuMemory(n, f"GPU-{n}", 9, n, ()) for n in range(8)])


@pytest.mark.usefixtures("eight")
@pytest.mark.parametrize(
    ("slots", "check", "watched"),
    [
        (1, SuiteCheck(), {"0", "1"}),
        (2, SuiteCheck(), {"2", "3"}),
        (1, PytestCheck(file="test_x.py"), {"0", "1", "2", "3"}),
        (2, PytestCheck(file="test_x.py"), {"2", "3"}),
    ],
)
def test_memory_is_watched_on_the_gpus_that_a_trial_may_use(setting, place, slots, check, watched):
    before = LeftoverProbe.snapshot(setting(slots, check, gpus_per_rank=1), place(slots - 1), set)
    assert before.memory == {name: int(name) for name in watched}


def executor(setting, tmp_path):
    return LocalExecutor(setting, Repository("r", tmp_path / "r.git"), threading.Event())


@pytest.mark.parametrize(
    ("visible", "message"),
    [
        ("0,1,2", "2 slots need 4 GPUs, 2 each, but this machine has 3"),
        ("", "the trials need a GPU, but this machine has none"),
    ],
)
def test_more_slots_than_gpus(setting, tmp_path, monkeypatch, visible, message):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    with pytest.raises(EnvironmentFailed, match=message):
        executor(setting(2, gpus_per_rank=1), tmp_path)


def test_as_many_gpus_as_slots_need(setting, tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3")
    assert executor(setting(2, gpus_per_rank=1), tmp_path).capacity == 2


def test_engine_with_fixed_ports_needs_one_slot(setting, tmp_path):
    with pytest.raises(UsageError, match="29550") as caught:
        executor(setting(2, fixed_ports=[29550]), tmp_path)
    assert "--slots" in caught.value.hint
    assert executor(setting(1, fixed_ports=[29550]), tmp_path).capacity == 1
