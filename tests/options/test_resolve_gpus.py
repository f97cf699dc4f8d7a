"""`--gpus` as GPU names, and the number of parallel trials."""

from __future__ import annotations

import pytest

from bisect_tool.errors import UsageError
from bisect_tool.options.resolve_gpus import parallel_trials, parse_gpus, require_selectable
from bisect_tool.scenario import LaunchProfile


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (None, ()),
        ("0-3", ("0", "1", "2", "3")),
        ("6, 0-1,5", ("6", "0", "1", "5")),
        ("3-3", ("3",)),
        ("GPU-5a1c-77,MIG-77f0", ("GPU-5a1c-77", "MIG-77f0")),
        ("MIG-GPU-5a1c/1/0", ("MIG-GPU-5a1c/1/0",)),
        ("SIM-0a1b2c3d", ("SIM-0a1b2c3d",)),
    ],
)
def test_names(text, names):
    assert parse_gpus(text) == names


@pytest.mark.parametrize("text", ["all", "1-", "3-1", "0,,1", "-1", "0.5", "GPU-", "0-1000", "cuda:0", ","])
def test_invalid_gpu_is_rejected(text):
    with pytest.raises(UsageError, match="is not a GPU"):
        parse_gpus(text)


def test_gpu_named_twice_is_rejected():
    with pytest.raises(UsageError, match="names GPU 2 twice"):
        parse_gpus("0-3,2")


def launch(**more):
    return LaunchProfile(command=("engine",), model="m", **more)


EIGHT = parse_gpus("0-7")


@pytest.mark.parametrize(
    ("requested", "gpus", "profile", "slots"),
    [
        (None, EIGHT, launch(), 4),
        (None, EIGHT, launch(dp_size=3), 2),
        (None, EIGHT, launch(tp_size=2), 2),
        (None, EIGHT, launch(tp_size=2, gpus_per_rank=1), 4),
        (None, EIGHT[:1], launch(), 1),  # too few, which the executor reports
        (None, EIGHT, launch(fixed_ports=[29550]), 1),
        (None, EIGHT, None, 1),
        (None, (), launch(), 1),
        (3, EIGHT, launch(), 3),
        (5, (), None, 5),
    ],
)
def test_slots_are_as_many_as_the_gpus_allow(requested, gpus, profile, slots):
    assert parallel_trials(requested, gpus, profile, share=False) == slots


def test_shared_gpu_gives_one_slot():
    assert parallel_trials(None, EIGHT, launch(), share=True) == 1
    assert parallel_trials(2, EIGHT, launch(), share=True) == 2


@pytest.mark.parametrize(("gpus", "flag"), [(EIGHT, "--gpus"), ((), "--share-gpu")])
@pytest.mark.parametrize("variable", ["CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"])
def test_gpus_are_not_chosen_for_a_profile_that_sets_them(gpus, flag, variable):
    profile = launch(env={variable: ""})
    with pytest.raises(UsageError, match=f"{flag} has no effect with profile cpu, which sets {variable}"):
        require_selectable("cpu", profile, gpus, share=not gpus)
    require_selectable("cpu", profile, (), share=False)
    require_selectable("gpu", launch(), gpus, share=not gpus)
    require_selectable(None, None, gpus, share=not gpus)
