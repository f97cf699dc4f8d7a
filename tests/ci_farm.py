"""A simulated farm of CI agents behind the REST APIs of Buildkite and GitHub Actions.

Its clock is logical: a job ages by one with each listing that shows it. What a job does is a function of its
commit and of how many times it ran there before. The farm counts what it was asked to start.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from urllib.parse import parse_qs, urlsplit

from local_server import serving

BEGAN = datetime(2026, 3, 6, 10, tzinfo=UTC)
RUN_S = 30.0
READ, WRITE = "reads-only", "starts-jobs"
PIPELINE, REPOSITORY, WORKFLOW = "engine/ci", "engine/engine", "gpu.yml"
JOB = "Distributed Tests (4 GPUs)"
TEST = "tests/test_dp.py::test_external_lb[4]"
PASSING = "tests/test_dp.py::test_single"
_BUILDS = "/v2/organizations/engine/pipelines/ci/builds"
_ACTIONS = f"/repos/{REPOSITORY}/actions"


def log_of(red, other=""):
    """What the job prints: of pytest with -v, of one of two tests a failure where it is `red`."""
    error = other or "RuntimeError: rank 1 did not come up"
    test = [f"{TEST} FAILED"] if red else [f"{TEST} PASSED"]
    failure = [
        "=================================== FAILURES ===================================",
        "_____________________________ test_external_lb[4] ______________________________",
        "    def test_external_lb(size):",
        ">       launch(size)",
        "tests/test_dp.py:12: ",
        "_ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _",
        "    def launch(size):",
        f">       raise {error.partition(':')[0]}()",
        f"E       {error}",
        "engine/launch.py:40: " + error.partition(":")[0],
        "=========================== short test summary info ============================",
        f"FAILED {TEST} - {error}",
    ]
    return "\n".join(
        (
            "============================= test session starts ==============================",
            f"{PASSING} PASSED",
            *test,
            *(failure if red else ()),
            f"========================= {1 + (not red)} passed in 1.00s =========================",
            "",
        )
    )


def junit_of(red, skipped=False):
    """The report of pytest of the same run."""
    failure = '<failure message="RuntimeError: rank 1 did not come up">{}</failure>'.format(
        "    def test_external_lb(size):\n&gt;       launch(size)\n\ntests/test_dp.py:12: \n"
        "E       RuntimeError: rank 1 did not come up\n\nengine/launch.py:40: RuntimeError"
    )
    inside = failure if red else "<skipped/>" if skipped else ""
    return f"""<?xml version="1.0" encoding="utf-8"?><testsuites><testsuite name="pytest" tests="2">
<testcase classname="tests.test_dp" name="test_single" time="0.1"/>
<testcase classname="tests.test_dp" name="test_external_lb[4]" time="0.9">{inside}</testcase>
</testsuite></testsuites>""".encode()


@dataclass(frozen=True)
class Ending:
    """How a job ends: its state, exit status, signal reason and log, and its JUnit report."""

    state: str
    code: int | None = 0
    reason: str = ""
    log: str = ""
    report: bytes = b""


PASS = Ending("passed", 0, "", log_of(red=False))
FAIL = Ending("failed", 1, "", log_of(red=True))
LOST = Ending("failed", -1, "agent_stop", "")
EXPIRED = Ending("expired", None, "", "")
CANCELED = Ending("canceled", None, "", "")


@dataclass
class FarmJob:
    """A job on a logical clock: it ages by one with each listing."""

    id: int
    sha: str
    ending: Ending
    queue: int = 1
    runs: int = 1
    age: int = 0
    blocked: bool = False
    retried: bool = False
    attempt: int = 1
    gone: bool = False

    @property
    def stage(self):
        if self.blocked:
            return "blocked"
        if self.age < self.queue:
            return "scheduled"
        return "running" if self.age < self.queue + self.runs else self.ending.state

    @property
    def has_ended(self):
        return self.stage == self.ending.state

    @property
    def times(self):
        """When it started and finished."""
        started = BEGAN + timedelta(minutes=self.id)
        return started, started + timedelta(seconds=RUN_S) if self.has_ended else None

    @property
    def log(self):
        lines = self.ending.log.splitlines(keepends=True)
        return self.ending.log if self.has_ended else "".join(lines[: self.age])

    def listed(self):
        self.age += not self.blocked

    def enter(self):
        """Enter the queue."""
        self.blocked = False

    def cancel(self):
        self.ending, self.age = CANCELED, 1000


@dataclass
class FarmBuild:
    number: int
    sha: str
    jobs: list = field(default_factory=list)
    gate: int = 0
    branch: str = "main"
    env: dict = field(default_factory=dict)
    title: str = ""
    event: str = "schedule"
    head: str = ""
    other: str = "Entrypoints Test"


class Farm:
    """All builds; `ends(sha, n)` is how the n-th job of a commit ends, from 0."""

    def __init__(self, ends, queue=1, runs=1):
        self.ends, self.queue, self.runs = ends, queue, runs
        self.builds = []
        self.started = []
        self.started_jobs = []
        self.calls = []
        self.most = 0
        self.lose = 0
        self.headers = {}
        self.refusals = 0
        self.requests = 0
        self.forbids = "-"
        self.on_answer = None
        self.titled = True
        self.returns_run = True
        self.url = ""
        self._ids = 100

    def build(self, sha, *, ran=True, gate=False, **more):
        """A build of a commit: the job ran there, waits, or is blocked."""
        self._ids += 1
        made = FarmBuild(self._ids, sha, head=sha, **more)
        self.builds.append(made)
        job = self._job(made, blocked=gate)
        if ran:
            job.age = 1000
        if gate:
            self._ids += 1
            made.gate = self._ids
        return made

    def _job(self, build, *, blocked=False, attempt=1):
        self._ids += 1
        count = sum(job.sha == build.sha for each in self.builds for job in each.jobs)
        job = self.new_job(self._ids, build.sha, count)
        job.blocked, job.attempt = blocked, attempt
        build.jobs.append(job)
        if not blocked:
            job.enter()
        return job

    def _started(self, build):
        """Count that the latest job of a build was started by a call."""
        self.started.append(build.sha)
        self.started_jobs.append(build.jobs[-1].id)
        return build

    def new_job(self, number, sha, count):
        """The job that ran `count` times at a commit before."""
        return FarmJob(number, sha, self.ends(sha, count), self.queue, self.runs)

    def jobs(self):
        return [job for build in self.builds for job in build.jobs]

    def in_progress(self):
        return [job for job in self.jobs() if job.stage in {"scheduled", "running"}]

    def answer(self, handler):
        length = int(handler.headers.get("Content-Length") or 0)
        body = json.loads(handler.rfile.read(length) or b"null")
        token = handler.headers.get("Authorization", "").removeprefix("Bearer ")
        address = urlsplit(handler.path)
        query = {name: value[0] for name, value in parse_qs(address.query).items()}
        if handler.command != "GET":
            self.calls.append((handler.command, address.path, body))
            if token != WRITE:
                return _send(handler, 403, {"message": "Forbidden"})
        elif token != READ:
            return _send(handler, 401, {"message": "Bad credentials"})
        self.requests += 1
        if self.forbids in address.path:
            return _send(handler, 403, {"message": "Forbidden"})
        if handler.command != "GET" and self.refusals:
            self.refusals -= 1
            return _send(handler, 429, {}, {"Retry-After": "3"})
        status, found = self._route(handler.command, address.path, query, body)
        ours = [job for job in self.in_progress() if job.id in self.started_jobs]
        self.most = max(self.most, len(ours))
        if self.on_answer:
            self.on_answer()
        if handler.command != "GET" and self.lose:
            self.lose -= 1
            handler.close_connection = True
            return None
        return _send(handler, status, found, self.headers)

    def _route(self, method, path, query, body):
        served = self._buildkite if path.startswith(_BUILDS) else self._github
        found = served(method, path.removeprefix(_BUILDS).removeprefix(_ACTIONS), query, body)
        return found if found is not None else (404, {"message": "Not Found"})

    def _canceled(self, number):
        build = next(each for each in self.builds if str(each.number) == number)
        for job in build.jobs:
            if not job.has_ended:
                job.cancel()
        return 202, {}

    # Buildkite

    def _buildkite(self, method, path, query, body):
        if path == "" and method == "GET":
            return 200, [_buildkite_build(each) for each in self.builds if each.sha == query["commit"]]
        if path == "" and method == "POST":
            return 201, _buildkite_build(self._started(self.build(body["commit"], ran=False)))
        if found := re.fullmatch(r"/(\d+)/cancel", path):
            return self._canceled(found[1])
        found = re.fullmatch(r"/(\d+)/jobs(?:/(\d+)/(retry|unblock|log\.txt|artifacts|report))?", path)
        if not found:
            return None
        build = next(each for each in self.builds if str(each.number) == found[1])
        if not found[2]:
            return 200, self._listed(build)
        return self._of_job(build, int(found[2]), found[3])

    def _listed(self, build):
        for job in build.jobs:
            job.listed()
        gate = {"id": str(build.gate), "type": "manual", "label": f"Run {JOB}", "state": "blocked"}
        gates = [gate] if any(job.blocked for job in build.jobs) else []
        shown = [self._buildkite_job(build, job) for job in build.jobs if not job.gone]
        other = {"id": "1", "type": "script", "name": build.other, "state": "passed"}
        return [*gates, other, *shown]

    def _buildkite_job(self, build, job):
        state, ended = job.stage, job.has_ended
        started, finished = _stamps(job)
        return {
            "id": str(job.id),
            "type": "script",
            "name": JOB,
            "state": state,
            "exit_status": job.ending.code if ended else None,
            "signal_reason": job.ending.reason if ended else None,
            "retried": job.retried,
            "agent": {"name": "agent-1", "hostname": "gpu-1", "meta_data": ["queue=gpu_4_queue"]},
            "started_at": started,
            "finished_at": finished,
            "raw_log_url": f"{self.url}{_BUILDS}/{build.number}/jobs/{job.id}/log.txt",
            "web_url": f"https://buildkite.com/engine/ci/builds/{build.number}#{job.id}",
        }

    def _of_job(self, build, number, what):
        if what == "unblock":
            build.jobs[-1].enter()
            self._started(build)
            return 200, {"id": str(number)}
        job = next(each for each in build.jobs if each.id == number)
        if what == "log.txt":
            return 200, job.log.encode()
        if what == "artifacts":
            return 200, [self._buildkite_report(build, job)] if job.ending.report else []
        if what == "report":
            return 200, job.ending.report
        if job.retried or not job.has_ended:
            return 422, {"message": "Only finished jobs can be retried, once"}
        job.retried = True
        again = self._job(build)
        self._started(build)
        return 200, {"id": str(again.id)}

    def _buildkite_report(self, build, job):
        return {
            "path": "test-results/junit.xml",
            "state": "finished",
            "file_size": len(job.ending.report),
            "download_url": f"{self.url}{_BUILDS}/{build.number}/jobs/{job.id}/report",
        }

    # GitHub

    def _github(self, _method, path, query, body):  # noqa: PLR0911 - a route each
        if path == f"/workflows/{WORKFLOW}/dispatches":
            return self._dispatched(body)
        if path == f"/workflows/{WORKFLOW}/runs":
            runs = [each for each in self.builds if _is_wanted(each, query)]
            return 200, {"workflow_runs": [self._run(each) for each in runs]}
        if found := re.fullmatch(r"/runs/(\d+)/(jobs|cancel|artifacts)", path):
            build = next(each for each in self.builds if str(each.number) == found[1])
            if found[2] == "cancel":
                return self._canceled(found[1])
            if found[2] == "artifacts":
                kept = [self._github_report(job) for job in build.jobs if job.ending.report]
                return 200, {"artifacts": kept}
            for job in build.jobs:
                job.listed()
            return 200, {"jobs": [self._github_job(job) for job in build.jobs]}
        if found := re.fullmatch(r"/jobs/(\d+)/(rerun|logs|zip)", path):
            return self._of_run(int(found[1]), found[2])
        return None

    def _of_run(self, number, what):
        build = next(each for each in self.builds if any(job.id == number for job in each.jobs))
        job = next(each for each in build.jobs if each.id == number)
        if what == "logs":
            return 200, job.log.encode()
        if what == "zip":
            return 200, _zipped(job.ending.report)
        if self._run(build)["status"] != "completed":
            return 403, {"message": "This workflow is already running"}
        self._job(build, attempt=job.attempt + 1)
        self._started(build)
        return 201, None

    def _dispatched(self, body):
        sha = body["inputs"]["sha"]
        title = f"gpu {sha}" if self.titled else "gpu"
        made = self.build(sha, ran=False, event="workflow_dispatch", title=title)
        made.head = "f" * 40
        self._started(made)
        return (200, {"workflow_run_id": made.number}) if self.returns_run else (204, None)

    def _run(self, build):
        ended = all(job.has_ended for job in build.jobs)
        return {
            "id": build.number,
            "head_sha": build.head,
            "head_branch": build.branch,
            "event": build.event,
            "display_title": build.title,
            "status": "completed" if ended else "in_progress",
        }

    def _github_report(self, job):
        return {
            "name": "junit-distributed-tests-4-gpus",
            "size_in_bytes": len(job.ending.report),
            "created_at": _stamps(job)[1],
            "archive_download_url": f"{self.url}{_ACTIONS}/jobs/{job.id}/zip",
        }

    def _github_job(self, job):
        stage, ended = job.stage, job.has_ended
        started, finished = _stamps(job)
        conclusions = {"passed": "success", "failed": "failure", "canceled": "cancelled"}
        lost = job.ending is LOST
        return {
            "id": job.id,
            "run_attempt": job.attempt,
            "name": JOB,
            "status": "completed" if ended else {"scheduled": "queued", "running": "in_progress"}[stage],
            "conclusion": conclusions.get(stage) if ended else None,
            "runner_name": "runner-1",
            "labels": ["4-gpu-runner"],
            "started_at": started,
            "completed_at": finished,
            "url": f"{self.url}{_ACTIONS}/jobs/{job.id}",
            "html_url": f"https://github.com/{REPOSITORY}/actions/runs/1/job/{job.id}",
            "steps": [
                {"name": "pytest", "conclusion": "success" if lost or stage == "passed" else "failure"}
            ],
        }


def _stamps(job):
    return [each and each.isoformat() for each in job.times]


def _zipped(content):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("results/junit.xml", content)
    return file.getvalue()


def _is_wanted(build, query):
    return all(
        (
            query.get("head_sha") in (None, build.head),
            query.get("event") in (None, build.event),
        )
    )


def _buildkite_build(build):
    return {
        "number": build.number,
        "commit": build.sha,
        "branch": build.branch,
        "message": "Full CI run - nightly",
        "source": "schedule",
        "env": build.env,
    }


def _send(handler, status, body, headers=MappingProxyType({})):
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    handler.send_response_only(status)
    handler.send_header("Content-Length", str(len(content)))
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.end_headers()
    if status != 204:
        handler.wfile.write(content)


@contextmanager
def at_work(farm):
    """Serve a farm."""
    with serving(farm.answer) as url:
        farm.url = url
        yield farm
