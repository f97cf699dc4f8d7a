"""The demo of GPU memory that a cell leaves behind: its request, and a session on its history."""

from __future__ import annotations

import os

import pytest
from forked_cli import run_forked

from bisect_tool.cli import demo as command
from bisect_tool.cli import run_session
from bisect_tool.errors import UsageError
from bisect_tool.json_document.document import Document
from bisect_tool.supervise import gpus, simulated_gpu
from bisect_tool.supervise.gpu_memory import GpuMemory

GOOD = "c0b9e13be87adaa81edd92d1c6e1503f395c19d1"
BAD = "6666805f70d1750d39f2d82ed05d920b2b1142e0"
CULPRIT = "de9eb575bb44e367fe7eb2f4ad773e29f5e28b3b"
FIRST, FOURTH = "test_external_lb_server_info[1]", "test_external_lb_server_info[4]"
HELD_MIB = int(0.6 * (16 << 30)) >> 20


@pytest.fixture
def request_of(home_of_the_demo, monkeypatch):
    """A function: the request of `demo --gpu` on a machine with these GPUs; nothing is run."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    started = []
    monkeypatch.setattr(run_session, "run_and_report", lambda session, *_: started.append(session.request))

    def request_for(*found):
        monkeypatch.setattr(gpus, "snapshot", lambda: found)
        command.demo(gpu=True)
        return started.pop()

    return request_for


def test_all_ranks_share_the_first_gpu(request_of, tmp_path):
    request = request_of(GpuMemory(0, "GPU-0", 80 << 30, 0))
    assert (request.goods, request.bad) == ((GOOD,), BAD)
    assert (request.cells, request.profile) == ((FIRST, FOURTH), "reference-gpu")
    assert (request.gpus, request.share_gpu, request.slots) == ((), True, 1)
    assert request.repo == str(tmp_path / "cache" / "reference-engine-gpu.git")


def test_simulated_gpu_without_a_real_one_is_named_in_the_rerun_line(request_of):
    request = request_of()
    (name,) = request.gpus
    assert simulated_gpu.called((name,))
    assert f"--gpus {name} --share-gpu" in request.rerun


@pytest.mark.parametrize("other", ["flaky", "order"])
def test_gpu_demo_excludes_other_histories(other):
    with pytest.raises(UsageError, match=f"--{other} and --gpu cannot be used together"):
        command.demo(gpu=True, **{other: True})


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_memory_left_by_the_first_cell_is_named(bundled_history, one_rank, tmp_path, monkeypatch):
    """At the culprit only, with the options of the demo; one rank holds more than half of the GPU."""
    monkeypatch.setenv("BISECT_RUN_HOME", str(tmp_path))
    gpu = simulated_gpu.create()
    repository, history = bundled_history("gpu")
    ends = ("--good", history.labels["priority-engine"], "--bad", CULPRIT)
    scenario = ("--scenario", str(one_rank), "--profile", "reference-gpu")
    started = (*scenario, "--cells", "*server_info*", "--gpus", gpu, "--share-gpu")
    words = ("--repo", str(repository), *ends, *started, "--json")
    code, stdout, stderr = run_forked(words, tmp_path, dict(os.environ), 1400)
    assert code == 0, stderr
    document = Document.model_validate_json(stdout)
    cell = document.cells[FOURTH]
    assert (cell.finding, cell.culprit.sha) == ("culprit", CULPRIT)
    assert (cell.order_dependent, cell.prerequisites) == (True, (FIRST,))
    assert f"gpu {gpu}: {HELD_MIB} MiB" in cell.leftovers
    assert document.cells[FIRST].finding == "green"
    assert document.failure.root.exception == "ValueError"
    assert "less than desired GPU memory utilization" in document.failure.root.message
    for trial in document.trials:
        (memory,) = trial.gpu_memory
        assert (memory.gpu, memory.before, memory.peak >> 20, memory.after) == (gpu, 0, HELD_MIB, 0)
