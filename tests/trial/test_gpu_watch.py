"""The memory of GPUs during a trial: figures of each, and memory held after the tests ended."""

from __future__ import annotations

import pytest

from bisect_tool.supervise import gpus
from bisect_tool.supervise.guardian_protocol import GuardianResult, Leftovers, ProcessInfo, Reason
from bisect_tool.trial.gpu_watch import GpuWatch, Sample, held_at_end, usage
from bisect_tool.trial.result import GpuUse

MIB = 1 << 20
ENDED = 1_000.0
SURVIVOR = ProcessInfo(7, 1, 0, "Worker", 0.0)


def samples(*rows):
    """Samples at seconds before or after the end of the tests: MiB in use on GPU 0."""
    return [Sample(ENDED + seconds, {"0": used * MIB}) for seconds, used in rows]


def guarded(*processes):
    return GuardianResult(Reason.EXITED, 0, 9.0, ENDED, Leftovers(processes=processes))


@pytest.mark.parametrize(
    ("rows", "held"),
    [
        ([(-0.3, 910), (-0.1, 910), (0.1, 910), (0.3, 910)], 900),
        ([(-0.3, 990), (-0.1, 910), (0.1, 910)], 900),  # servers that the tests ended themselves
        ([(-0.1, 910), (0.1, 910), (0.5, 10)], 900),  # the guardian has ended what was left
        ([(-3.0, 910), (0.5, 10)], 900),  # a machine that was too busy to sample in time
        ([(-0.1, 60), (0.1, 60)], 0),  # as much as the driver's figures vary
        ([(-0.1, 910), (0.1, 10)], 0),
        ([(0.5, 910)], 0),
        ([], 0),
    ],
)
def test_memory_of_survivors_is_the_minimum_around_the_end(rows, held):
    found = held_at_end({"0": 10 * MIB}, samples(*rows), guarded(SURVIVOR))
    assert found == ({"0": held * MIB} if held else {})


def test_no_memory_is_held_without_a_surviving_process():
    assert held_at_end({"0": 0}, samples((-0.1, 900), (0.1, 900)), guarded()) == {}


def test_gpu_without_samples_holds_no_memory():
    unknown = [Sample(ENDED, {})]
    assert held_at_end({"0": 0}, unknown, guarded(SURVIVOR)) == {}
    assert usage({"0": 5}, unknown, {}) == (GpuUse(gpu="0", before=5, peak=5, after=None),)


def test_figures_of_each_gpu():
    seen = [Sample(1.0, {"0": 5, "1": 0}), Sample(2.0, {"0": 90, "1": 7}), Sample(3.0, {"0": 6, "1": 9})]
    assert usage({"0": 4, "1": 1}, seen, {"0": 5, "1": 1}) == (
        GpuUse(gpu="0", before=4, peak=90, after=5),
        GpuUse(gpu="1", before=1, peak=9, after=1),
    )
    assert usage({"0": 4}, [], {"0": 4}) == (GpuUse(gpu="0", before=4, peak=4, after=4),)
    assert usage({}, [], {}) == ()


def test_watch_samples_only_its_gpus(monkeypatch):
    asked = []
    monkeypatch.setattr(gpus, "in_use", lambda names: asked.append(names) or dict.fromkeys(names, 3))
    with GpuWatch({"0": 1, "2": 1}) as watch:
        pass
    assert {sample.used["2"] for sample in watch.samples} == {3}
    assert set(asked) == {("0", "2")}


def test_no_samples_without_gpus(monkeypatch):
    monkeypatch.setattr(gpus, "in_use", lambda _names: pytest.fail("the driver was asked"))
    with GpuWatch({}) as watch:
        pass
    assert watch.samples == []
