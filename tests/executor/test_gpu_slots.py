"""Slots whose GPUs are in use by others are quarantined until they are free."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from bisect_tool.checks import CommandCheck, SuiteCheck
from bisect_tool.errors import EnvironmentFailed, UsageError
from bisect_tool.executor.event import Failed, Waits, Yielded
from bisect_tool.executor.gpu_slots import GpuSlots, gpus_of_slots, require_gpus
from bisect_tool.executor.local import LocalExecutor
from bisect_tool.git import Repository
from bisect_tool.paths import Home
from bisect_tool.scenario import Scenario
from bisect_tool.supervise import free_gpus, gpus, simulated_gpu
from bisect_tool.supervise.gpu_memory import GpuMemory
from bisect_tool.trial.config import TrialConfig
from bisect_tool.trial.run import where

GIB = 1 << 30


@pytest.fixture
def used(monkeypatch):
    """The bytes in use on each of eight GPUs; a trial waits only shortly."""
    found = dict.fromkeys(range(8), 0)
    machine = lambda: tuple(GpuMemory(n, f"GPU-{n}", 80 * GIB, found[n]) for n in range(8))  # noqa: E731
    monkeypatch.setattr(gpus, "snapshot", machine)
    monkeypatch.setattr(free_gpus, "FREE_S", 0.0)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return found


@pytest.fixture
def config(tmp_path):
    """Two slots of an engine with two ranks on GPUs 4 to 7."""
    launch = {"command": ["engine"], "model": "m"}
    profile = {"marker": "engine", "build": {"provider": "none"}, "launch": launch}
    scenario = Scenario(name="s", description="", suite="s.py", repository="r", profiles={"p": profile})
    home = Home(tmp_path / "state", tmp_path / "cache")
    made = TrialConfig(SuiteCheck(), home, scenario, scenario.profiles["p"], 60.0, slots=2)
    return replace(made, devices=("4", "5", "6", "7"))


def await_gpus(slots, slot):
    return slots.await_gpus(slot, threading.Event(), lambda _: None)


def test_slot_is_quarantined_until_its_gpus_are_free(used, config):
    slots = GpuSlots(config)
    used[5] = 41 * GIB
    assert (slots.take(), slots.take(), slots.idle) == (0, 1, ())
    assert await_gpus(slots, 0) == "41.0 GiB of GPU 5 are in use"
    assert await_gpus(slots, 1) == ""
    slots.give_back(0)
    assert slots.idle == ()
    assert slots.unusable == ""
    slots.give_back(1)
    assert slots.idle == (1,)
    used[5] = GIB
    assert slots.idle == (0, 1)
    assert await_gpus(slots, slots.take()) == ""


def test_slots_are_unusable_while_all_are_quarantined(used, config):
    slots = GpuSlots(config)
    used[4] = used[7] = 20 * GIB
    for slot in (slots.take(), slots.take()):
        await_gpus(slots, slot)
        slots.give_back(slot)
    assert slots.unusable == "20.0 GiB of GPU 4 are in use; 20.0 GiB of GPU 7 are in use"
    used[7] = 0
    assert slots.unusable == ""
    assert slots.idle == (1,)


def test_slots_that_share_a_gpu_do_not_wait_for_each_other(used, config):
    used[4] = 70 * GIB
    shared = replace(config, share_gpu=True)
    slots = GpuSlots(shared)
    assert await_gpus(slots, slots.take()) == ""
    assert gpus_of_slots(shared) == ("4",)


def test_trial_without_free_gpus_is_lost_and_the_last_ends_the_run(used, config, tmp_path):
    executor = LocalExecutor(config, Repository("r", tmp_path / "r.git"), threading.Event())
    used[4] = used[6] = 41 * GIB
    ended = []
    for sha in ("a" * 40, "b" * 40):
        slot = executor.submit(sha, None, tmp_path)
        assert isinstance(executor.next_event(), Waits)
        ended.append(executor.next_event())
        assert ended[-1].slot == slot
    lost, failed = ended
    assert isinstance(lost, Yielded)
    assert (lost.result.outcome, lost.result.reason, lost.result.where) == (
        "infrastructure", "41.0 GiB of GPU 4 are in use", "GPU 4, 5",
    )  # fmt: skip
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, EnvironmentFailed)
    assert "no GPU is free: 41.0 GiB of GPU 4 are in use; 41.0 GiB of GPU 6 are in use" in str(failed.error)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, "4,5 6,7"),
        ({"slots": 1}, "4,5"),
        ({"share_gpu": True}, "4 4"),
        ({"devices": ()}, " "),
        ({"devices": (), "share_gpu": True}, "0 0"),
        ({"check": CommandCheck(argv=("true",)), "scenario": None, "profile": None}, "4,5 6,7"),
        ({"check": CommandCheck(argv=("true",)), "scenario": None, "profile": None, "slots": 1}, "4,5,6,7"),
    ],
)
@pytest.mark.usefixtures("used")
def test_gpus_of_each_slot(config, more, expected):
    changed = replace(config, **more)
    shares = [",".join(changed.gpus_of(slot)) for slot in range(changed.slots)]
    assert " ".join(shares) == expected


@pytest.mark.parametrize(
    ("devices", "text"), [(("4", "5"), "GPU 4, 5"), (("GPU-5a", "GPU-77"), "GPU-5a, GPU-77"), ((), "")]
)
def test_place_of_a_trial_names_its_gpus(config, devices, text):
    assert where(replace(config, devices=devices), 0) == text


@pytest.mark.usefixtures("used")
def test_simulated_gpu_is_used_only_by_name(config, monkeypatch, tmp_path):
    monkeypatch.setenv("BISECT_RUN_HOME", str(tmp_path))
    alone = replace(config, devices=("SIM-0",), share_gpu=True)
    with pytest.raises(EnvironmentFailed, match="GPU SIM-0 of --gpus cannot be used"):
        require_gpus(alone)
    require_gpus(replace(alone, devices=(simulated_gpu.create(),)))


@pytest.mark.parametrize(
    ("more", "visible", "message"),
    [
        ({"devices": ("4", "8")}, None, "GPU 8 of --gpus cannot be used"),
        ({}, "0,1,4", "GPU 5 of --gpus cannot be used; the visible GPUs are: 0, 1, 4"),
        (
            {"devices": ("4", "5", "6")},
            None,
            "2 slots need 4 GPUs, 2 each, but --gpus names 3",
        ),
        ({"devices": ("4",), "slots": 1}, None, "a trial needs 2 GPUs, but --gpus names 1"),
        ({"devices": (), "share_gpu": True}, "", "the trials need a GPU, but this machine has none"),
    ],
)
@pytest.mark.usefixtures("used")
def test_unusable_gpus_are_rejected(config, monkeypatch, more, visible, message):
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    with pytest.raises(EnvironmentFailed, match=message):
        require_gpus(replace(config, **more))


@pytest.mark.parametrize(
    ("devices", "message"),
    [
        (("4", "GPU-4", "5", "6"), "--gpus names one GPU twice: 4 and GPU-4"),
        (("GPU-", "5"), "8 GPUs have a UUID that begins with GPU-"),
    ],
)
@pytest.mark.usefixtures("used")
def test_gpu_named_twice_or_ambiguously_is_rejected(config, devices, message):
    """The session would wait for itself, or lock another GPU than its trials use."""
    with pytest.raises(UsageError, match=message):
        require_gpus(replace(config, devices=devices))


@pytest.mark.parametrize(
    ("value", "names"), [("0, 1", ("0", "1")), ("-1", ()), ("0,-1,1", ("0",)), ("NoDevFiles", ()), ("", ())]
)
def test_invalid_gpu_name_hides_all_that_follow(monkeypatch, value, names):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", value)
    assert gpus.visible() == names
