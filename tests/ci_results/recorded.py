"""JSON as documented by the services, with fields that the clients read and others."""

from replayed_service import Reply

SHA = "5afb387bd4e4a2a1cf1d1e3ab1d0f9c8b7a69584"


def buildkite_job(state="passed", **fields):
    return {
        "id": "0195a1b2-0001",
        "graphql_id": "Sm9i",
        "type": "script",
        "name": "Distributed Tests (4 GPUs)",
        "step_key": "distributed-tests-4-gpus",
        "state": state,
        "exit_status": 0 if state == "passed" else 1,
        "signal_reason": None,
        "soft_failed": False,
        "retried": False,
        "retried_in_job_id": None,
        "retries_count": None,
        "parallel_group_index": None,
        "parallel_group_total": None,
        "agent": {"id": "a", "name": "gpu-agent-1", "hostname": "gpu-1", "meta_data": ["queue=gpu"]},
        "created_at": "2026-03-06T07:00:01.000Z",
        "started_at": "2026-03-06T07:10:00.123Z",
        "finished_at": "2026-03-06T08:10:00.456Z",
        "raw_log_url": "https://api.buildkite.com/v2/organizations/vllm/pipelines/ci/builds/1/jobs/1/log.txt",
        "web_url": "https://buildkite.com/vllm/ci/builds/1#1",
        **fields,
    }


def job_list(jobs, next_path=""):
    """A page of the jobs of a build, whose body names the next page."""
    links = {"next": f"https://api.buildkite.com{next_path}"} if next_path else {}
    return Reply({"items": jobs, "links": {"self": "https://api.buildkite.com/v2", **links}})


def buildkite_build(*jobs, **fields):
    return {
        "id": "f62a1b4d",
        "number": 54783,
        "state": "failed",
        "blocked": False,
        "message": "Full CI run - nightly",
        "commit": SHA,
        "branch": "main",
        "source": "schedule",
        "env": {"NIGHTLY": "1"},
        "created_at": "2026-03-06T07:00:00.000Z",
        "jobs": list(jobs),
        "pipeline": {"slug": "ci"},
        **fields,
    }


def github_run(**fields):
    return {
        "id": 30433642,
        "name": "Nightly",
        "head_branch": "main",
        "head_sha": SHA,
        "run_attempt": 2,
        "run_number": 562,
        "event": "schedule",
        "display_title": "Nightly",
        "status": "completed",
        "conclusion": "failure",
        "created_at": "2026-03-06T07:00:00Z",
        **fields,
    }


def github_job(conclusion="success", **fields):
    return {
        "id": 399444496,
        "run_id": 30433642,
        "run_attempt": 1,
        "head_sha": SHA,
        "name": "gpu (1)",
        "status": "completed",
        "conclusion": conclusion,
        "started_at": "2026-03-06T07:10:00Z",
        "completed_at": "2026-03-06T08:10:00Z",
        "runner_name": "runner-7",
        "url": "https://api.github.com/repos/o/r/actions/jobs/399444496",
        "html_url": "https://github.com/o/r/actions/runs/30433642/job/399444496",
        "steps": [
            {"name": "Set up job", "status": "completed", "conclusion": "success", "number": 1},
            {"name": "Run tests", "status": "completed", "conclusion": conclusion, "number": 2},
        ],
        **fields,
    }
