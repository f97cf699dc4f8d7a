"""The bundled history bisected by CI jobs that simulated agents really run: `demo` on the team's CI."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from ci_farm import READ, WRITE, at_work
from ci_farm_buildkite import PIPELINE
from ci_farm_github import REPOSITORY, WORKFLOW
from engine_farm import CELL, EngineFarm

from bisect_tool.demo.patch_series import replay

SERIES = Path(__file__).parents[2] / "scenarios" / "reference_engine" / "series.toml"
MAIN = """
import sys
from bisect_tool.executor.ci import connect
from bisect_tool.executor.ci.executor import Timing

connect.TIMING = Timing(0.5)
from bisect_tool.cli.app import main

main(sys.argv[1:])
"""
NAMES = {
    "buildkite": ("--pipeline", PIPELINE),
    "github": ("--repository", REPOSITORY, "--workflow", WORKFLOW, "--input", "sha"),
}
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    """The repository, its labels, and the commits of a range shorter than the demo's: jobs take seconds."""
    repository = tmp_path_factory.mktemp("history") / "engine.git"
    labels = replay(SERIES, repository).labels
    between = ["git", "-C", str(repository), "rev-list", f"{labels['priority-engine']}..{labels['bad']}~1"]
    listed = subprocess.run(between, check=True, capture_output=True, text=True).stdout.split()
    return repository, labels, listed


@pytest.fixture
def tool(tmp_path):
    """Starts the command line; its results go to `out.json`, all else to `err.txt`."""
    started = []

    def start(farm, *args):
        env = {
            **os.environ,
            "BISECT_RUN_HOME": str(tmp_path / "home"),
            **{f"{name}_API_URL": farm.url for name in ("BUILDKITE", "GITHUB")},
            **dict.fromkeys(("BUILDKITE_API_TOKEN", "GITHUB_TOKEN"), READ),
            **{f"BISECT_RUN_{name}_WRITE_TOKEN": WRITE for name in ("BUILDKITE", "GITHUB")},
        }
        with (tmp_path / "out.json").open("w") as out, (tmp_path / "err.txt").open("w") as err:
            argv = [sys.executable, "-c", MAIN, *args, "--json"]
            started.append(subprocess.Popen(argv, env=env, cwd=tmp_path, stdout=out, stderr=err))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.mark.parametrize("service", ["buildkite", "github"])
def test_killed_and_resumed_session_finds_the_culprit_of_the_demo(history, tool, tmp_path, wait_for, service):
    repository, labels, commits = history
    good, bad = labels["priority-engine"], labels["bad"]
    farm = EngineFarm(repository, tmp_path / "farm", loses=(labels["culprit"], 0))
    with farm.staffed(), at_work(farm):
        free = {farm.build(sha, ran=False).jobs[0].id for sha in (good, bad)}
        for sha in commits if service == "buildkite" else ():
            farm.build(sha, ran=False, gate=True)
        options = ("--executor", service, *NAMES[service], "--job", "Distributed*", "--slots", "2")
        first = tool(farm, "--repo", repository, "--good", good, "--bad", bad, *options)
        wait_for(lambda: first.poll() is not None or len(farm.started_jobs) >= 4, 120.0)
        first.kill()
        first.wait()
        still_running = {job.id for job in farm.in_progress()} & {*farm.started_jobs}
        second = tool(farm, "resume")
        code = second.wait(200)
    errors = (tmp_path / "err.txt").read_text()
    assert code == 0, errors
    document = json.loads((tmp_path / "out.json").read_text())
    assert document["cells"][CELL]["culprit"]["sha"] == labels["culprit"]
    assert still_running
    jobs = [int(re.search(r"\d+$", trial["where"])[0]) for trial in document["trials"]]
    assert sorted(jobs) == sorted(farm.ran)
    assert {*farm.ran} - {*farm.started_jobs} == free
    assert [trial["sha"] for trial in document["trials"] if trial["outcome"] == "infrastructure"] == [
        labels["culprit"]
    ]
    assert farm.most <= 2
    assert farm.read_early or service == "github"
