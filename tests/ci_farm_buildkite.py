"""The part of Buildkite's REST API that is used, over a simulated farm."""

from __future__ import annotations

import re

from ci_farm_jobs import JOB, stamps

PIPELINE = "engine/ci"
BUILDS = "/v2/organizations/engine/pipelines/ci/builds"


class Buildkite:
    """Answers for a farm."""

    def __init__(self, farm):
        self.farm = farm

    def answer(self, method, path, query, body):  # noqa: PLR0911 - a route each
        """The status and body of an answer; None where there is no such path."""
        if path == "" and method == "GET":
            return 200, [_build(each) for each in self.farm.builds if each.sha in query["commit[]"]]
        if path == "" and method == "POST":
            if self.farm.on_start:
                self.farm.on_start()
            env = body.get("env", {})
            made = self.farm.build(body["commit"], **{"ran": False, "env": env, **self.farm.of_new})
            return 201, _build(self.farm.started_by_call(made))
        if found := re.fullmatch(r"/(\d+)/annotations", path):
            return self._annotations(found[1], body)
        if found := re.fullmatch(r"/(\d+)/cancel", path):
            return self.farm.canceled(found[1])
        found = re.fullmatch(r"/(\d+)/jobs(?:/(\d+)/(retry|unblock|log\.txt|artifacts|report))?", path)
        if not found:
            return None
        build = next(each for each in self.farm.builds if str(each.number) == found[1])
        if not found[2]:
            return 200, {"items": self._listed(build), "links": {"self": f"{self.farm.url}{BUILDS}{path}"}}
        return self._of_job(build, int(found[2]), found[3])

    def _annotations(self, number, body):
        """The annotations of a build, after the one with the context of a body was added or appended to."""
        build = next(each for each in self.farm.builds if str(each.number) == number)
        if body:
            before = build.annotations.get(body["context"], "") if body["append"] else ""
            build.annotations[body["context"]] = f"{before}<p>{body['body'].strip()}</p>\n"
            return 201, {"context": body["context"]}
        return 200, [{"context": name, "body_html": text} for name, text in build.annotations.items()]

    def _listed(self, build):
        if build.uploads or build.lacks:  # its jobs are listed later, or never
            build.uploads = max(build.uploads - 1, 0)
            return [{"id": "1", "type": "script", "name": build.other, "state": "running"}]
        for job in build.jobs:
            job.listed()
        gate = {"id": str(build.gate), "type": "manual", "label": f"Run {JOB}", "state": "blocked"}
        gates = [gate] if any(job.blocked for job in build.jobs) else []
        shown = [self._job(build, job) for job in build.jobs if not job.gone]
        other = {"id": "1", "type": "script", "name": build.other, "state": "passed"}
        return [*gates, other, *shown]

    def _job(self, build, job):
        state, ended = job.stage, job.has_ended
        started, finished = stamps(job)
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
            "raw_log_url": f"{self.farm.url}{BUILDS}/{build.number}/jobs/{job.id}/log.txt",
            "web_url": f"https://buildkite.com/engine/ci/builds/{build.number}#{job.id}",
        }

    def _of_job(self, build, number, what):
        if what == "unblock":
            build.jobs[-1].enter()
            self.farm.started_by_call(build)
            return 200, {"id": str(number)}
        job = next(each for each in build.jobs if each.id == number)
        if what == "log.txt":
            return 200, job.log.encode()
        if what == "artifacts":
            return 200, [self._report(build, job)] if job.ending.report else []
        if what == "report":
            return 200, job.ending.report
        return self._retried(build, job)

    def _retried(self, build, job):
        if build.is_canceled:
            return 422, {"message": "Jobs from canceled builds cannot be retried"}
        if job.retried or not job.has_ended:
            return 422, {"message": "Only finished jobs can be retried, once"}
        if job.stage == "passed" and not self.farm.permits_passed:
            return 400, {"message": "Only failed, timed out or canceled jobs can be retried"}
        job.retried = True
        again = self.farm.queue_job(build)
        self.farm.started_by_call(build)
        return 200, {"id": str(again.id)}

    def _report(self, build, job):
        return {
            "path": "test-results/junit.xml",
            "state": "finished",
            "file_size": len(job.ending.report),
            "download_url": f"{self.farm.url}{BUILDS}/{build.number}/jobs/{job.id}/report",
        }


def _state(build):
    if build.is_canceled:
        return "canceled"
    if build.uploads:
        return "running"
    if build.lacks or all(job.has_ended for job in build.jobs):
        return "passed"
    return "blocked" if any(job.blocked for job in build.jobs) else "running"


def _build(build):
    return {
        "number": build.number,
        "commit": build.sha,
        "branch": build.branch,
        "message": "Full CI run - nightly",
        "source": "schedule",
        "state": _state(build),
        "env": build.env,
        "rebuilt_from": build.rebuilt_from,
    }
