"""A simulated farm of CI agents behind the REST APIs of Buildkite and GitHub Actions.

Its clock is logical: a job ages by one with each listing that shows it. The result of a job is a function of
its commit and of the number of earlier runs there. The farm counts requested starts.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from types import MappingProxyType
from urllib.parse import parse_qs, urlsplit

from ci_farm_buildkite import BUILDS, Buildkite
from ci_farm_github import ACTIONS, GitHub
from ci_farm_jobs import FarmBuild, FarmJob
from local_server import serving

READ, WRITE = "reads-only", "starts-jobs"


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
        self.permits_passed = True
        self.of_new = {}
        self.fails = 0
        self.on_start = None
        self.knows_details = True
        self.account = "us"
        self.late_logs = 0
        self.url = ""
        self._ids = 100

    def build(self, sha, *, ran=True, gate=False, **more):
        """A build of a commit: the job ran there, waits, or is blocked."""
        self._ids += 1
        made = FarmBuild(self._ids, sha, head=sha, **more)
        self.builds.append(made)
        job = self.queue_job(made, blocked=gate)
        if ran:
            job.age = 1000
        if gate:
            self._ids += 1
            made.gate = self._ids
        return made

    def queue_job(self, build, *, blocked=False, attempt=1):
        """Put a job of a build into the queue, or behind its gate."""
        self._ids += 1
        count = sum(job.sha == build.sha for each in self.builds for job in each.jobs)
        job = self.new_job(self._ids, build.sha, count)
        job.blocked, job.attempt = blocked, attempt
        build.jobs.append(job)
        if not blocked:
            job.enter()
        return job

    def started_by_call(self, build):
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
        query = {
            name: value if name.endswith("[]") else value[0]
            for name, value in parse_qs(address.query).items()
        }
        if handler.command != "GET" and not address.path.endswith("/annotations"):
            self.calls.append((handler.command, address.path, body))
        if address.path == "/user":
            known = token == WRITE and self.account
            return _send(handler, *((200, {"login": self.account}) if known else (403, {})))
        if refusal := self._refusal(handler.command, address.path, token):
            return _send(handler, *refusal)
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

    def _refusal(self, method, path, token):
        """The reason for rejecting a request; None if it is answered."""
        reads = method == "GET"
        if token != (READ if reads else WRITE):
            return 401 if reads else 403, {"message": "Forbidden"}
        self.requests += 1
        if self.forbids in path:
            return 403, {"message": "Forbidden"}
        if method == "GET" and self.fails:
            self.fails -= 1
            return 500, {}
        if self.late_logs and "/log" in path:
            self.late_logs -= 1
            return 404, {"message": "Not Found"}
        if method != "GET" and self.refusals:
            self.refusals -= 1
            return 429, {}, {"Retry-After": "3"}
        return None

    def _route(self, method, path, query, body):
        served = Buildkite(self) if path.startswith(BUILDS) else GitHub(self)
        found = served.answer(method, path.removeprefix(BUILDS).removeprefix(ACTIONS), query, body)
        return found if found is not None else (404, {"message": "Not Found"})

    def canceled(self, number):
        """Cancel all jobs of a build."""
        build = next(each for each in self.builds if str(each.number) == number)
        build.is_canceled = True
        for job in build.jobs:
            if not job.has_ended:
                job.cancel()
        return 202, {}


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
