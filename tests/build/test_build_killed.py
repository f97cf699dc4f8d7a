"""Builds that are killed, and concurrent builds of one environment."""

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from bisect_tool.supervise.processes import read_process

# Records its pid in the tree, then fills {out} in many small steps.
SLOW_BUILD = """
import os, pathlib, sys, time
out, tree = map(pathlib.Path, sys.argv[1:3])
with (tree / "starts").open("a") as starts:
    starts.write(f"{os.getpid()}\\n")
for index in range(20):
    (out / f"part{index}").write_text(f"{os.getpid()}")
    time.sleep(float(os.environ["STEP_S"]))
time.sleep(float(os.environ.get("END_S", "0")))
"""
BUILDER = """
import json, sys
from pathlib import Path
from bisect_tool.build import BuildProfile, prepare
tree, cache, log, profile = sys.argv[1:]
environment = prepare(Path(tree), "f", BuildProfile.model_validate_json(profile), Path(cache), Path(log))
print(json.dumps([str(environment.path), environment.reused]))
"""


def start_builder(build_paths, log, profile):
    argv = [
        sys.executable,
        "-c",
        BUILDER,
        str(build_paths.tree),
        str(build_paths.cache),
        str(log),
        profile.model_dump_json(),
    ]
    return subprocess.Popen(argv, stdout=subprocess.PIPE)


def written_by(path):
    return {(path / f"part{index}").read_text() for index in range(20)}


@pytest.mark.slow
def test_killed_at_any_moment(commands, build_paths):
    slow = commands(SLOW_BUILD, env={"STEP_S": "0.1", "END_S": "600"})
    starts = build_paths.tree / "starts"
    for parts_seen in (0, 1, 7, 15):
        before = len(starts.read_text().splitlines()) if starts.exists() else 0
        builder = start_builder(build_paths, build_paths.log, slow)
        wait_for(lambda seen=parts_seen, count=before: at_part(build_paths, seen, count))
        os.kill(builder.pid, signal.SIGKILL)
        builder.communicate()
    environment = build_paths.prepare(commands(SLOW_BUILD, env={"STEP_S": "0"}))
    pids = starts.read_text().split()
    assert written_by(environment.path) == {pids[-1]}
    assert not environment.reused
    assert not any(is_running(int(pid)) for pid in pids)


def test_killed_before_the_stamp(commands, build_paths):
    profile = commands(SLOW_BUILD, env={"STEP_S": "0"})
    environment = build_paths.prepare(profile)
    (environment.path / "built.json").rename(environment.path / "built.json.draft")
    (environment.path / "litter").touch()
    again = build_paths.prepare(profile)
    assert not again.reused
    assert not (again.path / "litter").exists()


@pytest.mark.slow
def test_concurrent_builders_share_one_build(commands, build_paths):
    profile = commands(SLOW_BUILD, env={"STEP_S": "0.05"})
    logs = [build_paths.log.with_name(f"{index}.log") for index in range(3)]
    builders = [start_builder(build_paths, log, profile) for log in logs]
    with ThreadPoolExecutor(3) as pool:
        results = list(pool.map(lambda builder: json.loads(builder.communicate(timeout=60)[0]), builders))
    assert len({path for path, _ in results}) == 1
    assert sorted(reused for _, reused in results) == [False, True, True]
    assert len((build_paths.tree / "starts").read_text().split()) == 1


def at_part(build_paths, seen, before):
    starts = build_paths.tree / "starts"
    running = starts.exists() and len(starts.read_text().splitlines()) > before
    return running and (build_paths.cache / "environments" / "f" / f"part{seen}").exists()


def is_running(pid):
    """Whether a process runs; one that has ended and was not reaped yet does not."""
    process = read_process(pid)
    return process is not None and not process.dead


def wait_for(condition, limit_s=120.0):
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)
