"""Builds of a replayed service whose jobs have logs and reports, for tests of collecting."""

import io
import zipfile
from datetime import UTC, datetime

from connected import BUILDS, RUNS
from recorded import buildkite_build, buildkite_job, github_job, github_run, job_list
from replayed_service import Reply

from bisect_tool.ci_results.collect import SourceOptions

NIGHT = datetime(2026, 3, 8, 5, 30, tzinfo=UTC)
BUILDKITE = SourceOptions("buildkite", "vllm/ci", message="Full CI run - nightly")
GITHUB = SourceOptions("github", repository="o/r", workflow="nightly.yml")
TEST = "tests/test_dp.py::test_load"
LOG = f"""\
=========== test session starts ===========
{TEST} FAILED
======== short test summary info ========
FAILED {TEST} - RuntimeError: engine core died
========= 1 failed in 3.21s =========
"""
ARTEFACTS = "/repos/o/r/actions/runs/7/artifacts"
JUNIT = b"""<testsuites><testsuite name="gpu" hostname="h1">
<testcase classname="tests.test_dp" name="test_load"><failure message="OSError: x"/></testcase>
<testcase classname="tests.test_dp" name="test_ok"/></testsuite></testsuites>"""


def log_path(build, job):
    return f"{BUILDS}/{build}/jobs/{job}/log.txt"


def build_job(build, state, **fields):
    job = f"job{build}"
    url = f"https://api.buildkite.com{log_path(build, job)}"
    return buildkite_job(state, **{"id": job, "raw_log_url": url, **fields})


def nights(*jobs):
    builds = [buildkite_build(number=number) for number, _ in enumerate(jobs, 1)]
    replies = {f"{BUILDS}/{number}/jobs": [job_list([job])] for number, job in enumerate(jobs, 1)}
    return {BUILDS: [Reply(builds)], **replies}


def artefact(**fields):
    url = "https://api.github.com/repos/o/r/actions/artifacts/11/zip"
    entry = {"id": 11, "name": "junit-gpu-1", "size_in_bytes": 900, "expired": False}
    return {**entry, "created_at": "2026-03-06T08:09:00Z", "archive_download_url": url, **fields}


def with_artefacts(*artefacts, answer=None):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("junit.xml", JUNIT)
    job = github_job("failure", id=1, url="https://api.github.com/repos/o/r/actions/jobs/1")
    return {
        RUNS: [Reply({"workflow_runs": [github_run(id=7)]})],
        "/repos/o/r/actions/runs/7/jobs": [Reply({"jobs": [job]})],
        "/repos/o/r/actions/jobs/1/logs": [Reply(LOG.encode())],
        ARTEFACTS: [Reply({"artifacts": list(artefacts)})],
        "/repos/o/r/actions/artifacts/11/zip": [answer or Reply(data.getvalue())],
    }
