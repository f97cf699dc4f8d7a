"""Run the demo and other steps on a GPU, sample its memory meanwhile, print one JSON document.

The most useful steps run first. After each of them the document so far is written to the file that
GPU_CHECK_FILE names, if it is set. `ci/gpu_check` makes the environment for this and runs it. The document:
docs/how-to/gpu-check.md.
"""

from __future__ import annotations

import json
import os
import platform
import re
import signal
import sys
import threading
import time
from collections import defaultdict
from dataclasses import asdict, dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import gpu_steps
import pynvml
from gpu_page import page

from bisect_tool.demo.patch_series import replay
from bisect_tool.errors import ExitCode
from bisect_tool.paths import home
from bisect_tool.scenario import scenarios_root
from bisect_tool.supervise.gpus import GpuMemory, snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from bisect_tool.json_document.document import Document, TrialReport

    Step: TypeAlias = gpu_steps.DemoGpu | gpu_steps.Release | gpu_steps.TwoSlots | gpu_steps.KilledTool

INTERVAL_S = 0.2
SETTLE_S = 1.0
DEADLINE_S = 180.0  # the demo takes a minute or two; all steps together at most eight
GPU_DEADLINE_S = 240.0  # its trials start servers twice
STEP_S = 60.0
HELD_SHARE = 8  # the release is measured with this part of the memory
DEMO, DEMO_GPU = "reference-engine.git", "reference-engine-gpu.git"
TOOL = Path(sys.executable).with_name("bisect-run")
_LOADED = re.compile(r"\((Worker_\w+) pid=\d+\).* Model \S+ loaded on ([a-z]+)")


@dataclass(frozen=True)
class Sample:
    """A sample of the GPU: seconds since 1970, bytes in use, processes that compute on it."""

    time: float
    used: int
    processes: int


@dataclass(frozen=True)
class GpuTrial:
    """What one trial did to the GPU; memory in bytes, null where no sample was taken at that time.

    `devices` gives, by device, the workers whose log shows that they loaded their model there.
    """

    sha: str
    purpose: str
    outcome: str
    memory_before: int | None
    memory_peak: int | None
    memory_after: int | None
    processes_peak: int
    devices: Mapping[str, Sequence[str]]

    @property
    def rose(self) -> bool:
        """Whether it allocated memory of the GPU."""
        return (self.memory_peak or 0) > (self.memory_before or 0)

    @property
    def released(self) -> bool:
        """Whether it released that memory."""
        if self.memory_before is None or self.memory_after is None:
            return False
        return self.memory_after - self.memory_before <= gpu_steps.TOLERANCE


def join(trial: TrialReport, samples: Sequence[Sample], devices: Mapping[str, Sequence[str]]) -> GpuTrial:
    """Assign the samples taken during a trial to it."""
    start = datetime.fromisoformat(trial.started).timestamp()
    end = start + trial.seconds
    during = [sample for sample in samples if start <= sample.time <= end]
    return GpuTrial(
        sha=trial.sha,
        purpose=trial.purpose,
        outcome=trial.outcome,
        memory_before=settled(samples, start),
        memory_peak=max((sample.used for sample in during), default=None),
        memory_after=settled(samples, end),
        processes_peak=max((sample.processes for sample in during), default=0),
        devices=devices,
    )


def settled(samples: Iterable[Sample], moment: float) -> int | None:
    """The least memory in use within a second of `moment`, where one trial ends and the next one begins.

    What has ended may need that second to give its memory back; what begins then has none yet, as it takes
    longer to start a server and to import torch.
    """
    return min((s.used for s in samples if moment <= s.time <= moment + SETTLE_S), default=None)


def devices(lines: Iterable[str]) -> dict[str, list[str]]:
    """Workers by the device on which they loaded the model, from an engine's log."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for line in lines:
        if match := _LOADED.search(line):
            found[match[2]].add(match[1])
    return {device: sorted(workers) for device, workers in sorted(found.items())}


def checks(demo: Document | None, trials: Sequence[GpuTrial], culprit: str) -> dict[str, bool]:
    """What must hold; `culprit` is the commit that the demo has to name."""
    named = {cell.culprit.sha for cell in demo.cells.values() if cell.culprit} if demo else set()
    loaded = [trial for trial in trials if trial.devices]
    return {
        "culprit": demo is not None and demo.exit_code == ExitCode.DONE and named == {culprit},
        "workers_on_cuda": bool(loaded) and all({*t.devices} == {"cuda"} and t.rose for t in loaded),
        "ranks_shared_the_gpu": _shared(trials),
        "memory_released": bool(trials) and all(trial.released for trial in trials),
    }


def _shared(trials: Sequence[GpuTrial]) -> bool:
    """Whether several processes held the GPU at once.

    Inside some containers the driver names no process; then two workers on CUDA in one trial must do: the
    suite's requests need both ranks at once, and there is one GPU.
    """
    if any(trial.processes_peak for trial in trials):
        return any(trial.processes_peak >= 2 for trial in trials)
    return any(len(trial.devices.get("cuda", ())) >= 2 for trial in trials)


class Sampler:
    """Samples one GPU every 0.2 seconds, in a thread, until a moment after the block ends."""

    def __init__(self, uuid: str) -> None:
        self.samples: list[Sample] = []
        self._uuid = uuid
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gpu-sampler", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.wait(SETTLE_S)
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            now = time.time()
            for gpu in snapshot():
                if gpu.uuid == self._uuid:
                    self.samples.append(Sample(now, gpu.used, len(gpu.processes)))
            if self._stop.wait(INTERVAL_S):
                return


def run_demo() -> Document | None:
    """The demo's document, None where it printed none; its messages go to stderr.

    Killed at the deadline, it leaves nothing behind: its guardian sees that it is gone.
    """
    return gpu_steps.printed([str(TOOL), "demo", "--json"], DEADLINE_S)


def in_two_slots(gpu: GpuMemory) -> list[str]:
    """The command that runs the demo's good commit twice, in two slots that share the GPU."""
    what = ["repro", labels()["good"], "--repo", str(home().cache / DEMO), "--profile", "reference"]
    return [str(TOOL), *what, "--runs", "2", "--gpus", gpu.uuid, "--share-gpu", "--slots", "2", "--json"]


def with_memory(gpu: GpuMemory) -> list[str]:
    """The command that runs a commit whose two ranks reserve most of the GPU's memory."""
    good = labels("gpu.toml", DEMO_GPU)["good"]
    what = ["repro", good, "--repo", str(home().cache / DEMO_GPU), "--profile", "reference-gpu"]
    return [str(TOOL), *what, "--gpus", gpu.uuid, "--share-gpu", "--runs", "3"]


def steps(gpu: GpuMemory) -> Iterator[tuple[str, Step | None]]:
    """Run each step after the demo, and yield its name and figures; null where it did not end."""

    def used() -> int:
        return next(each.used for each in snapshot() if each.uuid == gpu.uuid)

    culprit = labels("gpu.toml", DEMO_GPU)["culprit"]
    yield "demo_gpu", gpu_steps.demo_gpu([str(TOOL), "demo", "--gpu", "--json"], culprit, GPU_DEADLINE_S)
    hold = gpu_steps.holder(gpu.total // HELD_SHARE)
    yield "release_after_sigterm", gpu_steps.release(used, hold, signal.SIGTERM)
    yield "release_after_sigkill", gpu_steps.release(used, hold, signal.SIGKILL)
    yield "two_slots", gpu_steps.two_slots(in_two_slots(gpu), STEP_S)
    yield "killed_tool", gpu_steps.killed_tool(used, with_memory(gpu), gpu.total // 2)


def logs(trial: TrialReport) -> Iterable[str]:
    """Every line that the trial's servers wrote."""
    for path in sorted(Path(trial.log, "logs").glob("*.log")):
        yield from path.read_text(encoding="utf-8", errors="replace").splitlines()


def labels(series: str = "series.toml", repository: str = DEMO) -> Mapping[str, str]:
    """Commits of a demo's history by label, from the replay which the demo makes."""
    return replay(scenarios_root() / "reference_engine" / series, home().cache / repository).labels


def log_line(message: str) -> None:
    """Print a line to stderr."""
    print(message, file=sys.stderr)


def name(gpu: GpuMemory) -> str:
    """The GPU's name according to its driver."""
    pynvml.nvmlInit()
    try:
        return str(pynvml.nvmlDeviceGetName(pynvml.nvmlDeviceGetHandleByIndex(gpu.index)))
    finally:
        pynvml.nvmlShutdown()


def main() -> int:
    """Run the steps, print the document; returns the exit code."""
    gpu = next(iter(snapshot()), None)
    if gpu is None:
        log_line("error: no NVIDIA GPU is visible here")
        print(json.dumps({"gpu": None, "reason": "no NVIDIA GPU is visible", "checks": {}}, indent=2))
        return ExitCode.ENVIRONMENT
    os.environ["CUDA_VISIBLE_DEVICES"] = gpu.uuid
    with Sampler(gpu.uuid) as sampler:
        demo = run_demo()
    trials: list[GpuTrial] = []
    if demo is not None:
        trials = [join(trial, sampler.samples, devices(logs(trial))) for trial in demo.trials]
    held = checks(demo, trials, labels()["culprit"] if demo else "")
    report: dict[str, Any] = {
        "gpu": {"name": name(gpu), "uuid": gpu.uuid, "total": gpu.total},
        "torch": version("torch"),
        "python": platform.python_version(),
        "trials": [asdict(trial) for trial in trials],
        "demo": demo and demo.model_dump(mode="json", by_alias=True),
        "checks": held,
        "steps": {},
    }
    keep(report)
    for title, step in steps(gpu):
        report["steps"][title] = step and asdict(step)
        held[title] = step is not None and step.passed
        keep(report)
    print(json.dumps(report, indent=2))
    for check, holds in held.items():
        log_line(f"{'ok' if holds else 'FAILED':>6}  {check}")
    return ExitCode.DONE if all(held.values()) else ExitCode.REGRESSION


def keep(report: Mapping[str, Any]) -> None:
    """Write the document so far, and a page of it, to the file that was asked for, if any."""
    if (file := os.environ.get("GPU_CHECK_FILE")) is not None:
        write(Path(file), json.dumps(report, indent=2) + "\n")
        write(Path(file).with_suffix(".md"), page(report))


def write(path: Path, text: str) -> None:
    """Replace a file by the text as a whole."""
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


if __name__ == "__main__":
    sys.exit(main())
