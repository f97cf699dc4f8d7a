"""Collect the logs and JUnit artefacts of jobs: what they add, and messages about missing ones."""

import pytest
from collecting import BUILDKITE, GITHUB, LOG, TEST, artefact, build_job, log_path, nights, with_artefacts
from connected import RUNS
from recorded import github_job, github_run
from replayed_service import Reply

from bisect_tool.ci_results.observation import State
from bisect_tool.errors import UsageError


def outcomes(found):
    return [(each.key.cell, each.state.value, each.exception) for each in found]


def test_junit_artefact_lists_passed_tests(collected):
    with collected(with_artefacts(artefact(), artefact(name="wheel"))) as (run, service, notes):
        found = run(GITHUB)
        assert run(GITHUB) == found
    assert outcomes(found) == [
        (TEST, "failed", "OSError"),
        ("tests/test_dp.py::test_ok", "passed", ""),
    ]
    assert {(each.key.job, each.host) for each in found} == {("gpu (1)", "runner-7")}
    assert service.paths.count("/repos/o/r/actions/artifacts/11/zip") == 1
    assert notes == []


@pytest.mark.parametrize(
    ("fields", "answer", "note"),
    [
        ({"expired": True}, None, "1 JUnit artefacts have expired (junit-gpu-1 of run 7, ...)"),
        ({}, Reply({}, 410), "1 JUnit artefacts have expired (junit-gpu-1 of run 7, ...)"),
        (
            {},
            Reply({}, 403),
            "JUnit artefacts are not read: the GitHub token lacks the scope actions=read",
        ),
        ({"size_in_bytes": 1 << 30}, None, "junit-gpu-1 of run 7 is left out: too large for a test report"),
        ({}, Reply(b"PK"), "junit-gpu-1 of run 7 is left out: the archive cannot be read"),
    ],
)
def test_log_of_a_job_is_used_without_its_artefact(collected, fields, answer, note):
    with collected(with_artefacts(artefact(**fields), answer=answer)) as (run, _, notes):
        assert outcomes(run(GITHUB)) == [(TEST, "failed", "RuntimeError")]
    assert [each.startswith(note) for each in notes] == [True]


def test_log_is_requested_once(collected):
    path = log_path(1, "job1")
    replies = {**nights(build_job(1, "failed")), path: [Reply(LOG.encode())]}
    with collected(replies) as (run, service, _):
        assert run(BUILDKITE) == run(BUILDKITE)
    assert service.paths.count(path) == 1


HOSTILE = [
    "\x1b[31m{}\x1b[0m",
    "\x1b_bk;t=1772800000123\x07{}",
    "\x1b]8;;http://evil.example\x1b\\{}\x1b]8;;\x1b\\",
    "\x1b]0;title\x07{}",
    "\0{}\0",
    "\u202e{}\u202c",
    "\x9b31m{}",
    "{}\r",
]


@pytest.mark.parametrize("form", HOSTILE, ids=ascii)
def test_hostile_text_of_a_log_does_not_change_names(collected, form):
    log = "".join(f"{form.format(line)}\n" for line in LOG.split("\n"))
    replies = {**nights(build_job(1, "failed")), log_path(1, "job1"): [Reply(log.encode())]}
    with collected(replies) as (run, _, _):
        assert outcomes(run(BUILDKITE)) == [(TEST, "failed", "RuntimeError")]


def test_names_of_tests_are_sanitised(collected):
    log = LOG.replace("test_load", "test_\x1b]0;x\x07lo\0ad\u202e").encode() + b"\xff\xfe"
    replies = {**nights(build_job(1, "failed")), log_path(1, "job1"): [Reply(log)]}
    with collected(replies) as (run, _, _):
        assert outcomes(run(BUILDKITE)) == [(TEST, "failed", "RuntimeError")]


@pytest.mark.parametrize("damage", [b"", b"no gzip", b"\x1f\x8b\x08\x00"])
def test_damaged_log_is_requested_again(collected, tmp_path, damage):
    path = log_path(1, "job1")
    replies = {**nights(build_job(1, "failed")), path: [Reply(LOG.encode())]}
    with collected(replies) as (run, service, _):
        first = run(BUILDKITE)
        (file,) = (tmp_path / "downloads").iterdir()
        file.write_bytes(damage)
        assert run(BUILDKITE) == first
    assert service.paths.count(path) == 2


def test_empty_log_is_not_cached(collected):
    path = log_path(1, "job1")
    replies = {**nights(build_job(1, "failed")), path: [Reply(b""), Reply(LOG.encode())]}
    with collected(replies) as (run, _, _):
        assert [each.key.cell for each in (*run(BUILDKITE), *run(BUILDKITE))] == ["", TEST]


@pytest.mark.parametrize("status", [404, 410])
def test_missing_log_is_noted_and_its_job_is_kept(collected, status):
    replies = {**nights(build_job(1, "failed")), log_path(1, "job1"): [Reply({}, status)]}
    with collected(replies) as (run, _, notes):
        (found,) = run(BUILDKITE)
    assert (found.key.cell, found.state, found.exception) == ("", State.FAILED, "")
    assert notes == [
        f"a log is missing, so its failed tests are unknown: https://api.buildkite.com{log_path(1, 'job1')}"
    ]


def test_token_without_the_scope_of_logs_is_an_error(collected):
    replies = {**nights(build_job(1, "failed")), log_path(1, "job1"): [Reply({}, 403)]}
    with (
        collected(replies) as (run, _, _),
        pytest.raises(UsageError, match="lacks the scope read_build_logs"),
    ):
        run(BUILDKITE)


def test_job_without_a_log_is_one_cell(collected):
    with collected(nights(build_job(1, "failed", raw_log_url=None))) as (run, service, _):
        (found,) = run(BUILDKITE)
    assert (found.key.cell, found.state) == ("", State.FAILED)
    assert len(service.paths) == 2


def test_run_with_missing_artefacts_is_kept(collected):
    jobs = {"/repos/o/r/actions/runs/7/jobs": [Reply({"jobs": [github_job()]})]}
    with collected({RUNS: [Reply({"workflow_runs": [github_run(id=7)]})], **jobs}) as (run, _, notes):
        assert [each.build for each in run(GITHUB)] == ["7"]
    assert notes == ["JUnit artefacts of run 7 are left out: GitHub: not found, or not visible to this token"]


def test_log_on_another_server_is_noted_and_its_job_is_kept(collected):
    job = build_job(1, "failed", raw_log_url="https://evil.example/log.txt")
    with collected(nights(job)) as (run, _, notes):
        (found,) = run(BUILDKITE)
    assert (found.key.cell, found.state) == ("", State.FAILED)
    (note,) = notes
    assert note.startswith("a log is missing, so its failed tests are unknown: ")
    assert note.endswith("Buildkite refers to another server: https://evil.example/log.txt")
