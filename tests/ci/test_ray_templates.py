"""The templates that start Ray, with stand-ins for Slurm, Ray and bisect-run."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import contextmanager, suppress

import pytest
import yaml
from stand_ins import TEMPLATES

from bisect_tool.executor.ray.needs import Needs
from bisect_tool.pytest_plugin.waiting import wait_until

SCRIPT = TEMPLATES / "slurm" / "bisect-run.sbatch"
KUBERAY = TEMPLATES / "kuberay" / "raycluster.yaml"
STEP = """
import os
words = sys.argv[1:]
while words[0].startswith("-"):
    words.pop(0)
if words[0] == "hostname":
    print("10.0.0.1 fe80::1")
    sys.exit()
os.execvp(words[0], words)
"""
RAY = """
import os
import signal
from pathlib import Path
mode, token, known = os.environ["RAY_AUTH_MODE"], os.environ["RAY_AUTH_TOKEN"], Path("token")
if sys.argv[1] == "health-check":
    sys.exit(not known.exists() or known.read_text() != token)
if "--head" in sys.argv and mode == "token":
    known.write_text(token)
if "--block" in sys.argv:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.pause()
"""
CHECKS_AUTH = """
import os
from pathlib import Path
sys.exit(Path("token").read_text() != os.environ["RAY_AUTH_TOKEN"])
"""
UNRESPONSIVE = """
import signal
if sys.argv[1] == "health-check":
    sys.exit(1)
signal.pause()
"""
WAITS = """
import signal, time
def end(*_):
    with open("terminated", "w"):
        sys.exit(143)
signal.signal(signal.SIGTERM, end)
open("driving", "w").close()
while True:
    time.sleep(0.02)  # `pause` would miss a signal that comes right before it
"""


@pytest.fixture
def slurm(place):
    """A job on three nodes; a function that sets the exit code of bisect-run there."""
    place.stand_in("scontrol", "print('n1\\nn2\\nn3')")
    place.stand_in("srun", STEP)
    place.stand_in("ray", RAY)

    def bisect_run(code):
        place.stand_in("bisect-run", code)
        return place

    return bisect_run


def started(place, program):
    return [words[1:] for words in place.calls if words[0] == program]


def nodes_of(call):
    return next(word.partition("=")[2] for word in call if word.startswith("--nodelist="))


@pytest.mark.parametrize("code", [0, 3, 5])
def test_job_starts_ray_and_ends_with_the_code_of_bisect_run(slurm, code):
    place = slurm(f"sys.exit({code})")
    done = place.run("bash", SCRIPT, "--good", "a", "--bad", "b", SLURM_JOB_NODELIST="n[1-3]")
    assert done.returncode == code, done.stderr
    assert started(place, "bisect-run") == [["--executor", "ray", "--good", "a", "--bad", "b"]]
    head, *others = [call for call in started(place, "ray") if call[0] == "start"]
    assert {"--head", "--block", "--node-ip-address=10.0.0.1", "--port=6379"} <= set(head)
    assert others in ([], [["start", "--block", "--address=10.0.0.1:6379"]])
    assert {nodes_of(call) for call in started(place, "srun")} <= {"n1", "n2,n3"}


def test_each_job_has_its_own_token(slurm):
    place, tokens = slurm(CHECKS_AUTH), set()
    for _ in range(2):
        done = place.run("bash", SCRIPT, "--good", "a", SLURM_JOB_NODELIST="n1")
        assert done.returncode == 0, done.stderr
        tokens.add((place.folder / "token").read_text())
    assert [len(token) for token in tokens] == [64, 64]


def test_unresponsive_head_node_ends_the_job(slurm):
    """Bash counts on from the SECONDS of its environment."""
    place = slurm("")
    place.stand_in("ray", UNRESPONSIVE)
    done = place.run("bash", SCRIPT, "--good", "a", SLURM_JOB_NODELIST="n1", SECONDS="600")
    assert (done.returncode, started(place, "bisect-run")) == (5, [])
    assert "did not answer within ten minutes" in done.stderr


def test_every_other_node_joins(slurm):
    place = slurm(WAITS)
    with job(place, "--good", "a") as running:
        assert wait_until(
            lambda: any("--address=10.0.0.1:6379" in each for each in started(place, "ray")), 60
        )
        running.send_signal(signal.SIGTERM)
        running.wait(60)
    steps = [call for call in started(place, "srun") if "hostname" not in call]
    assert [(nodes_of(call), call[2]) for call in steps] == [("n1", "--nodes=1"), ("n2,n3", "--nodes=2")]


def test_cancelled_job_waits_for_bisect_run(slurm):
    place = slurm(WAITS)
    with job(place, "resume", "20261127-1") as running:
        assert wait_until((place.folder / "driving").exists, 60)
        running.send_signal(signal.SIGTERM)
        assert running.wait(60) == 143
    assert (place.folder / "terminated").exists()
    assert started(place, "bisect-run") == [["resume", "20261127-1"]]


@contextmanager
def job(place, *words):
    """A job on three nodes; its processes end with the test."""
    env = place.environment(SLURM_JOB_NODELIST="n[1-3]")
    argv = ["bash", str(SCRIPT), *words]
    with subprocess.Popen(argv, cwd=place.folder, env=env, start_new_session=True) as running:
        try:
            yield running
        finally:
            with suppress(ProcessLookupError):  # all have ended
                os.killpg(running.pid, signal.SIGKILL)


def test_kubernetes_worker_has_resources_for_a_trial():
    spec = yaml.safe_load(KUBERAY.read_text())["spec"]
    (group,) = spec["workerGroupSpecs"]
    (worker,) = group["template"]["spec"]["containers"]
    limits = worker["resources"]["limits"]
    node = {"CPU": float(limits["cpu"]), "GPU": float(limits["nvidia.com/gpu"])}
    assert Needs(cpus=8, gpus=4).able([node]) == 1
    assert group["minReplicas"] >= 1
    assert spec["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"


def test_every_kubernetes_pod_has_the_home_of_its_kind():
    spec = yaml.safe_load(KUBERAY.read_text())["spec"]
    for group, volume in (
        (spec["headGroupSpec"], "persistentVolumeClaim"),
        (spec["workerGroupSpecs"][0], "emptyDir"),
    ):
        pod = group["template"]["spec"]
        (container,) = pod["containers"]
        home = next(each["value"] for each in container["env"] if each["name"] == "BISECT_RUN_HOME")
        mount = next(each["name"] for each in container["volumeMounts"] if each["mountPath"] == home)
        assert volume in next(each for each in pod["volumes"] if each["name"] == mount)
