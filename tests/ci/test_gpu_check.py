"""The check of a GPU machine, tested without a GPU: made-up samples, driver and demo."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bisect_tool.json_document.document import Document
from bisect_tool.pytest_plugin.waiting import wait_until
from bisect_tool.supervise.gpus import GpuMemory

ROOT = Path(__file__).parents[2]
EXAMPLE = re.search(r"```json\n(.+?)```", (ROOT / "docs/reference/json.md").read_text("utf-8"), re.DOTALL)[1]
MIB = 1 << 20
CULPRIT = "27066d1b2bd0dea89d617afa24da611d9a32e36a"  # the example's
START = 1_772_792_103.0  # its trial's start, 2026-03-06T10:15:03+00:00
BOTH = {"cuda": ["Worker_DP0_TP0", "Worker_DP1_TP0"]}


def load(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "ci" / f"{name}.py")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


gpu_steps, gpu_page, check = load("gpu_steps"), load("gpu_page"), load("gpu_check")
DOCUMENT = Document.model_validate_json(EXAMPLE)
TRIAL = DOCUMENT.trials[0].model_copy(update={"started": "2026-03-06T10:15:03.000+00:00", "seconds": 10.0})


def samples(*rows):
    """Samples at seconds after the trial's start, memory in MiB."""
    return [check.Sample(START + seconds, used * MIB, processes) for seconds, used, processes in rows]


USUAL = samples(
    (-0.1, 9, 0), (0.1, 4, 0), (3, 500, 1), (5, 996, 2), (9.9, 996, 2), (10.1, 400, 1), (10.5, 5, 0)
)


def joined(rows=USUAL, devices=BOTH):
    return check.join(TRIAL, rows, devices)


def test_samples_are_assigned_to_their_trial():
    trial = joined()
    assert (trial.sha, trial.purpose, trial.outcome) == (CULPRIT, "narrow", "failed")
    assert (trial.memory_before, trial.memory_peak, trial.memory_after) == (4 * MIB, 996 * MIB, 5 * MIB)
    assert trial.processes_peak == 2
    assert trial.released


def test_memory_of_the_next_trial_is_not_counted():
    trial = joined([*USUAL, *samples((12, 2000, 4))])
    assert (trial.memory_peak, trial.memory_after, trial.processes_peak) == (996 * MIB, 5 * MIB, 2)


def test_memory_without_samples_is_unknown():
    trial = joined(samples((-5, 4, 0), (30, 4, 0)))
    assert (trial.memory_before, trial.memory_peak, trial.memory_after) == (None, None, None)
    assert not trial.released


def test_workers_are_found_in_an_engine_log():
    lines = [
        "(Worker pid=7) (Worker_DP1_TP0 pid=7) INFO 11-23 07:56:00 [worker.py:40] Model tiny loaded on cuda",
        "(Worker_DP0_TP0 pid=6) INFO 11-23 07:56:00 [worker.py:40] Model tiny loaded on cuda in 1s",
        "(Worker pid=8) (Worker_DP1_TP0 pid=8) INFO 11-23 07:56:09 [worker.py:40] Model tiny loaded on cuda",
        "(Worker pid=9) (Worker_DP0_TP1 pid=9) INFO 11-23 07:56:00 [worker.py:40] Model tiny loaded on cpu",
        "(ApiServer_0 pid=5) INFO 11-23 07:56:00 [api.py:1] Model tiny loaded on cuda",
    ]
    assert check.devices(lines) == {**BOTH, "cpu": ["Worker_DP0_TP1"]}


HOLD = {"culprit": True, "workers_on_cuda": True, "ranks_shared_the_gpu": True, "memory_released": True}


def test_all_checks_hold():
    idle = joined(samples((0.1, 4, 0), (10.1, 4, 0)), {})  # a commit that did not build
    assert check.checks(DOCUMENT, [joined(), idle], CULPRIT) == HOLD


@pytest.mark.parametrize(
    ("trials", "broken"),
    [
        ([], {"workers_on_cuda", "ranks_shared_the_gpu", "memory_released"}),
        ([joined(devices={})], {"workers_on_cuda"}),
        ([joined(devices={"cpu": ["Worker_DP0_TP0"]})], {"workers_on_cuda"}),
        ([joined(), joined(devices={**BOTH, "cpu": ["Worker_DP0_TP0"]})], {"workers_on_cuda"}),
        ([joined(samples((0.1, 4, 2), (5, 4, 2), (10.1, 4, 0)))], {"workers_on_cuda"}),
        ([joined(samples((0.1, 4, 0), (5, 500, 1), (10.1, 4, 0)))], {"ranks_shared_the_gpu"}),
        ([joined(), joined(samples((0.1, 4, 0), (5, 996, 2), (10.1, 13, 1)))], {"memory_released"}),
        ([joined(), joined(samples((0.1, 4, 0), (5, 996, 2)))], {"memory_released"}),
    ],
    ids=[
        "nothing",
        "no-device-lines",
        "cpu",
        "one-on-cpu",
        "no-memory",
        "one-rank",
        "leak",
        "not-seen-after",
    ],
)
def test_failed_checks(trials, broken):
    assert {name for name, holds in check.checks(DOCUMENT, trials, CULPRIT).items() if not holds} == broken


def test_wrong_or_uncertain_culprit_fails_the_check():
    assert not check.checks(DOCUMENT, [joined()], "0" * 40)["culprit"]
    unsure = DOCUMENT.model_copy(update={"exit_code": 3})
    assert not check.checks(unsure, [joined()], CULPRIT)["culprit"]


@pytest.mark.parametrize(("workers", "shared"), [(BOTH, True), ({"cuda": ["Worker_DP0_TP0"]}, False)])
def test_logs_count_where_the_driver_names_no_process(workers, shared):
    trial = joined(samples((0.1, 4, 0), (5, 996, 0), (10.1, 4, 0)), workers)
    assert check.checks(DOCUMENT, [trial], CULPRIT)["ranks_shared_the_gpu"] is shared


def test_missing_gpu_ends_the_check_before_the_demo(monkeypatch, capsys):
    monkeypatch.setattr(check, "snapshot", lambda: ())
    monkeypatch.setattr(check, "run_demo", lambda: pytest.fail("the demo was run"))
    assert check.main() == 5
    printed, error = capsys.readouterr()
    assert error == "error: no NVIDIA GPU is visible here\n"
    assert json.loads(printed) == {"gpu": None, "reason": "no NVIDIA GPU is visible", "checks": {}}


def test_missing_gpu_ends_the_command_before_installing(tmp_path):
    """No Python whose torch sees a GPU: 5, the reasons, and nothing in the temporary folder."""
    tools, temporary = tmp_path / "bin", tmp_path / "tmp"
    tools.mkdir()
    temporary.mkdir()
    for name in ("python3", "python3.11", "python3.12", "python3.13"):
        stub = tools / name
        stub.write_text("#!/bin/sh\n[ -z \"$2\" ] && exit 0\necho 'sees no NVIDIA GPU' >&2\nexit 1\n")
        stub.chmod(0o755)
    environment = {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}", "TMPDIR": str(temporary)}
    done = subprocess.run(
        [ROOT / "ci" / "gpu_check"], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 5
    assert done.stderr.startswith("error: no Python 3.11 to 3.13 here has a torch that sees an NVIDIA GPU\n")
    assert "  python3.12: sees no NVIDIA GPU\n" in done.stderr
    document = json.loads(done.stdout)
    assert (document["gpu"], document["checks"]) == (None, {})
    assert document["reason"].startswith("no Python 3.11 to 3.13 here")
    assert not list(temporary.iterdir())


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A GPU whose memory is taken while the demo "runs", and a demo of one trial with one worker's log."""
    state = {"used": 4 * MIB, "processes": (), "demo": "ends", "looks": 0}
    logs = tmp_path / "trial" / "logs"
    logs.mkdir(parents=True)
    (logs / "1-rank0.log").write_text("(Worker_DP0_TP0 pid=7) INFO Model tiny loaded on cuda\n")

    def snapshot():
        state["looks"] += 1
        return (GpuMemory(0, "GPU-0", 1 << 30, state["used"], state["processes"]),)

    def is_seen(used, processes=()):
        """Set the GPU's state and wait for two samples: the first may have started before."""
        state.update(used=used, processes=processes)
        looks = state["looks"] + 2
        assert wait_until(lambda: state["looks"] >= looks, 60)

    def demo():
        if state["demo"] != "ends":
            return None
        began = time.time()
        is_seen(4 * MIB)
        is_seen(900 * MIB, ((7, 0), (8, 0)))
        state.update(used=4 * MIB, processes=())
        ended = time.time()
        is_seen(4 * MIB)
        stamp = datetime.fromtimestamp(began, UTC).isoformat()
        update = {"started": stamp, "seconds": ended - began, "log": str(logs.parent)}
        return DOCUMENT.model_copy(update={"trials": (TRIAL.model_copy(update=update),)})

    monkeypatch.setattr(check, "snapshot", snapshot)
    monkeypatch.setattr(check, "INTERVAL_S", 0.01)
    monkeypatch.setattr(check, "run_demo", demo)
    monkeypatch.setattr(check, "name", lambda _: "NVIDIA H1")
    monkeypatch.setattr(check, "labels", lambda: {"culprit": CULPRIT})
    figures = gpu_steps.Release("SIGTERM", MIB, (0.5, 0.25, 0.75))
    monkeypatch.setattr(check, "steps", lambda _: iter([("release", figures), ("two_slots", None)]))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setenv("GPU_CHECK_FILE", str(tmp_path / "gpu.json"))
    return state


def test_document_and_page(machine, capsys, tmp_path):
    assert check.main() == 1
    report = json.loads(capsys.readouterr().out)
    assert json.loads((tmp_path / "gpu.json").read_text()) == report
    assert report["steps"] == {
        "release": {"signal": "SIGTERM", "held": MIB, "seconds": [0.5, 0.25, 0.75], "median": 0.5},
        "two_slots": None,
    }
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "GPU-0"
    lines = (tmp_path / "gpu.md").read_text().splitlines()
    assert lines[0] == "# NVIDIA H1, 1024 MiB"
    assert "| release | signal SIGTERM, held 1 MiB, seconds 0.5 0.25 0.75, median 0.5 |" in lines
    assert "| two_slots | **failed** |" in lines
    assert "| two_slots | did not end |" in lines
    assert f"| {CULPRIT[:9]} | failed | 4 | 900 | 4 |" in lines
    assert report["gpu"] == {"name": "NVIDIA H1", "uuid": "GPU-0", "total": 1 << 30}
    assert report["checks"] == {**HOLD, "release": True, "two_slots": False}
    assert Document.model_validate(report["demo"]).cells == DOCUMENT.cells
    (trial,) = report["trials"]
    assert trial["devices"] == {"cuda": ["Worker_DP0_TP0"]}
    assert (trial["memory_before"], trial["memory_peak"], trial["memory_after"]) == (
        4 * MIB,
        900 * MIB,
        4 * MIB,
    )


def test_demo_without_a_document(machine, capsys):
    machine["demo"] = "dies"
    assert check.main() == 1
    report = json.loads(capsys.readouterr().out)
    assert report["demo"] is None
    assert {name for name, holds in report["checks"].items() if holds} == {"release"}


@pytest.mark.parametrize("version", ["--help", "3", "python3.12", ""])
def test_gpu_wheels_downloads_nothing_for_a_name_that_is_no_version(version):
    ended = subprocess.run(
        [ROOT / "ci/gpu_wheels", version],
        env={"PATH": "/usr/bin:/bin", "PIP_NO_INDEX": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (
        2,
        "usage: ci/gpu_wheels [PYTHON_VERSION], such as 3.12\n",
    )
