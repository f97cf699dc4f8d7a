"""Preparation of a Ray worker process for trials."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

PACKAGES = Path(__file__).parents[2]
WORKER = """
import json, os, signal, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
from bisect_tool.executor.ray.actor import settle
import subprocess
settle({"HF_TOKEN": "secret"})
print(json.dumps({
    "code": subprocess.run(["false"]).returncode,
    "blocked": [*map(int, signal.pthread_sigmask(signal.SIG_BLOCK, ()))],
    "variables": dict(os.environ),
}))
"""


def test_ray_worker_is_prepared_for_trials(tmp_path):
    paths = os.pathsep.join((str(PACKAGES), "/kept"))
    env = {**os.environ, "PYTHONPATH": paths, "RAY_ADDRESS": "10.0.0.1:6379", "RAY_JOB_ID": "1"}
    done = subprocess.run(
        [sys.executable, "-c", WORKER], env=env, cwd=tmp_path, check=True, capture_output=True, text=True
    )
    seen = json.loads(done.stdout)
    assert seen["code"] == 1  # with SIGCHLD ignored it would be 0
    assert seen["blocked"] == []
    variables = seen["variables"]
    assert (variables["HF_TOKEN"], variables["PYTHONPATH"]) == ("secret", "/kept")
    assert not [name for name in variables if name.startswith("RAY_")]
