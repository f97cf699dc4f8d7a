"""A simulated farm of CI agents behind the REST APIs of Buildkite and GitHub Actions.

Its clock is logical: a job ages by one with each listing that shows it. What a job does is a function of its
commit and of how many times it ran there before. The farm counts what it was asked to start.
"""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from local_server import serving

START = "2026-03-06T10:{minute:02}:00Z"
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


@dataclass(frozen=True)
class Ending:
    """How a job ends: its state, exit status, signal reason and log."""

    state: str
    code: int | None = 0
    reason: str = ""
    log: str = ""


PASS = Ending("passed", 0, "", log_of(red=False))
FAIL = Ending("failed", 1, "", log_of(red=True))
LOST = Ending("failed", -1, "agent_stop", "")
EXPIRED = Ending("expired", None, "", "")
CANCELED = Ending("canceled", None, "", "")


@dataclass
class FarmJob:
    id: int
    sha: str
    ending: Ending
    age: int = 0
    blocked: bool = False
    retried: bool = False
    attempt: int = 1
    gone: bool = False

    def stage(self, farm):
        if self.blocked:
            return "blocked"
        if self.age < farm.queue:
            return "scheduled"
        return "running" if self.age < farm.queue + farm.runs else self.ending.state


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
        self.calls = []
        self.most = 0
        self.lose = 0
        self.titled = True
        self.returns_run = True
        self.url = ""
        self._ids = 100

    def build(self, sha, *, ran=True, gate=False, **more):
        """A build of a commit: the job ran there, waits, or is blocked."""
        self._ids += 1
        made = FarmBuild(self._ids, sha, head=sha, **more)
        self.builds.append(made)
        job = self._job(made)
        job.age = 1000 if ran else 0
        if gate:
            job.blocked = True
            self._ids += 1
            made.gate = self._ids
        return made

    def _job(self, build):
        self._ids += 1
        count = sum(job.sha == build.sha for each in self.builds for job in each.jobs)
        job = FarmJob(self._ids, build.sha, self.ends(build.sha, count))
        build.jobs.append(job)
        return job

    def jobs(self):
        return [job for build in self.builds for job in build.jobs]

    def in_progress(self):
        return [job for job in self.jobs() if job.stage(self) in {"scheduled", "running"}]

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
        status, found = self._route(handler.command, address.path, query, body)
        self.most = max(self.most, len(self.in_progress()))
        if handler.command != "GET" and self.lose:
            self.lose -= 1
            handler.close_connection = True
            return None
        return _send(handler, status, found)

    def _route(self, method, path, query, body):
        served = self._buildkite if path.startswith(_BUILDS) else self._github
        found = served(method, path.removeprefix(_BUILDS).removeprefix(_ACTIONS), query, body)
        return found if found is not None else (404, {"message": "Not Found"})

    # Buildkite

    def _buildkite(self, method, path, query, body):
        if path == "" and method == "GET":
            return 200, [_buildkite_build(each) for each in self.builds if each.sha == query["commit"]]
        if path == "" and method == "POST":
            self.started.append(body["commit"])
            return 201, _buildkite_build(self.build(body["commit"], ran=False))
        if not (found := re.fullmatch(r"/(\d+)/jobs(?:/(\d+)/(retry|unblock|log\.txt))?", path)):
            return None
        build = next(each for each in self.builds if str(each.number) == found[1])
        if not found[2]:
            return 200, self._listed(build)
        return self._of_job(build, int(found[2]), found[3])

    def _listed(self, build):
        for job in build.jobs:
            job.age += not job.blocked
        gate = {"id": str(build.gate), "type": "manual", "label": f"Run {JOB}", "state": "blocked"}
        gates = [gate] if any(job.blocked for job in build.jobs) else []
        shown = [self._buildkite_job(build, job) for job in build.jobs if not job.gone]
        other = {"id": "1", "type": "script", "name": build.other, "state": "passed"}
        return [*gates, other, *shown]

    def _buildkite_job(self, build, job):
        state, ended = job.stage(self), job.stage(self) == job.ending.state
        return {
            "id": str(job.id),
            "type": "script",
            "name": JOB,
            "state": state,
            "exit_status": job.ending.code if ended else None,
            "signal_reason": job.ending.reason if ended else None,
            "retried": job.retried,
            "agent": {"name": "agent-1", "hostname": "gpu-1", "meta_data": ["queue=gpu_4_queue"]},
            "started_at": START.format(minute=0),
            "finished_at": START.format(minute=job.id % 60) if ended else None,
            "raw_log_url": f"{self.url}{_BUILDS}/{build.number}/jobs/{job.id}/log.txt",
            "web_url": f"https://buildkite.com/engine/ci/builds/{build.number}#{job.id}",
        }

    def _of_job(self, build, number, what):
        if what == "unblock":
            for job in build.jobs:
                job.blocked = False
            self.started.append(build.sha)
            return 200, {"id": str(number)}
        job = next(each for each in build.jobs if each.id == number)
        if what == "log.txt":
            return 200, self._log(job).encode()
        if job.retried or job.stage(self) != job.ending.state:
            return 422, {"message": "Only finished jobs can be retried, once"}
        job.retried = True
        self.started.append(build.sha)
        return 200, {"id": str(self._job(build).id)}

    def _log(self, job):
        lines = job.ending.log.splitlines(keepends=True)
        return job.ending.log if job.stage(self) == job.ending.state else "".join(lines[: job.age])

    # GitHub

    def _github(self, _method, path, query, body):
        if path == f"/workflows/{WORKFLOW}/dispatches":
            return self._dispatched(body)
        if path == f"/workflows/{WORKFLOW}/runs":
            runs = [each for each in self.builds if _is_wanted(each, query)]
            return 200, {"workflow_runs": [self._run(each) for each in runs]}
        if found := re.fullmatch(r"/runs/(\d+)/(jobs|cancel)", path):
            build = next(each for each in self.builds if str(each.number) == found[1])
            if found[2] == "cancel":
                for job in build.jobs:
                    job.ending, job.age = CANCELED, 1000
                return 202, {}
            for job in build.jobs:
                job.age += 1
            return 200, {"jobs": [self._github_job(job) for job in build.jobs]}
        if found := re.fullmatch(r"/jobs/(\d+)/(rerun|logs)", path):
            return self._of_run(int(found[1]), found[2])
        return None

    def _of_run(self, number, what):
        build = next(each for each in self.builds if any(job.id == number for job in each.jobs))
        job = next(each for each in build.jobs if each.id == number)
        if what == "logs":
            return 200, self._log(job).encode()
        if self._run(build)["status"] != "completed":
            return 403, {"message": "This workflow is already running"}
        self.started.append(build.sha)
        self._job(build).attempt = job.attempt + 1
        return 201, None

    def _dispatched(self, body):
        sha = body["inputs"]["sha"]
        self.started.append(sha)
        title = f"gpu {sha}" if self.titled else "gpu"
        made = self.build(sha, ran=False, event="workflow_dispatch", title=title)
        made.head = "f" * 40
        return (200, {"workflow_run_id": made.number}) if self.returns_run else (204, None)

    def _run(self, build):
        ended = all(job.stage(self) == job.ending.state for job in build.jobs)
        return {
            "id": build.number,
            "head_sha": build.head,
            "head_branch": build.branch,
            "event": build.event,
            "display_title": build.title,
            "status": "completed" if ended else "in_progress",
        }

    def _github_job(self, job):
        stage = job.stage(self)
        ended = stage == job.ending.state
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
            "started_at": START.format(minute=0),
            "completed_at": START.format(minute=job.id % 60) if ended else None,
            "url": f"{self.url}{_ACTIONS}/jobs/{job.id}",
            "html_url": f"https://github.com/{REPOSITORY}/actions/runs/1/job/{job.id}",
            "steps": [
                {"name": "pytest", "conclusion": "success" if lost or stage == "passed" else "failure"}
            ],
        }


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


def _send(handler, status, body):
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    handler.send_response_only(status)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    if status != 204:
        handler.wfile.write(content)


@contextmanager
def at_work(farm):
    """Serve a farm."""
    with serving(farm.answer) as url:
        farm.url = url
        yield farm
