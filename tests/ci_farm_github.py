"""The part of the REST API of GitHub Actions that is used, over a simulated farm."""

from __future__ import annotations

import io
import re
import zipfile

from ci_farm_jobs import JOB, stamps
from ci_job_output import LOST

REPOSITORY, WORKFLOW = "engine/engine", "gpu.yml"
ACTIONS = f"/repos/{REPOSITORY}/actions"


class GitHub:
    """Answers for a farm."""

    def __init__(self, farm):
        self.farm = farm

    def answer(self, _method, path, query, body):  # noqa: PLR0911 - a route each
        """The status and body of an answer; None where there is no such path."""
        if path == f"/workflows/{WORKFLOW}/dispatches":
            return self._dispatched(body)
        if path == f"/workflows/{WORKFLOW}/runs":
            runs = [each for each in self.farm.builds if _is_wanted(each, query)]
            return 200, {"workflow_runs": [self._run(each) for each in runs]}
        if found := re.fullmatch(r"/runs/(\d+)/(jobs|cancel|artifacts)", path):
            build = next(each for each in self.farm.builds if str(each.number) == found[1])
            if found[2] == "cancel":
                return self.farm.canceled(found[1])
            if found[2] == "artifacts":
                kept = [self._report(job) for job in build.jobs if job.ending.report]
                return 200, {"artifacts": kept}
            for job in build.jobs:
                job.listed()
            return 200, {"jobs": [self._job(job) for job in build.jobs]}
        if found := re.fullmatch(r"/jobs/(\d+)/(rerun|logs|zip)", path):
            return self._of_run(int(found[1]), found[2])
        return None

    def _of_run(self, number, what):
        build = next(each for each in self.farm.builds if any(job.id == number for job in each.jobs))
        job = next(each for each in build.jobs if each.id == number)
        if what == "logs":
            return 200, job.log.encode()
        if what == "zip":
            return 200, _zipped(job.ending.report)
        if self._run(build)["status"] != "completed":
            return 403, {"message": "This workflow is already running"}
        self.farm.queue_job(build, attempt=job.attempt + 1)
        self.farm.started_by_call(build)
        return 201, None

    def _dispatched(self, body):
        if "return_run_details" in body and not self.farm.knows_details:
            return 422, {"message": 'Invalid request. "return_run_details" is not a permitted key.'}
        if self.farm.on_start:
            self.farm.on_start()
        sha = body["inputs"]["sha"]
        title = f"gpu {sha}" if self.farm.titled else "gpu"
        made = self.farm.build(sha, ran=False, event="workflow_dispatch", title=title)
        made.head = "f" * 40
        self.farm.started_by_call(made)
        return (200, {"workflow_run_id": made.number}) if self.farm.returns_run else (204, None)

    def _run(self, build):
        ended = all(job.has_ended for job in build.jobs)
        return {
            "id": build.number,
            "head_sha": build.head,
            "head_branch": build.branch,
            "event": build.event,
            "display_title": build.title,
            "status": "completed" if ended else "in_progress",
            "actor": {"login": build.actor},
            "html_url": f"https://github.com/{REPOSITORY}/actions/runs/{build.number}",
        }

    def _report(self, job):
        return {
            "name": "junit-distributed-tests-4-gpus",
            "size_in_bytes": len(job.ending.report),
            "created_at": stamps(job)[1],
            "archive_download_url": f"{self.farm.url}{ACTIONS}/jobs/{job.id}/zip",
        }

    def _job(self, job):
        stage, ended = job.stage, job.has_ended
        started, finished = stamps(job)
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
            "url": f"{self.farm.url}{ACTIONS}/jobs/{job.id}",
            "html_url": f"https://github.com/{REPOSITORY}/actions/runs/1/job/{job.id}",
            "steps": [
                {"name": "pytest", "conclusion": "success" if lost or stage == "passed" else "failure"}
            ],
        }


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
