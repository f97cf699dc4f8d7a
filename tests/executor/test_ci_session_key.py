"""Traces of a session at Buildkite, by which people and a resumed session find its jobs."""

from __future__ import annotations

import pytest
from ci_farm import Farm, at_work
from ci_job_output import FAIL, PASS
from farmed_jobs import SERVICES, SHA, always, check, events, result, submit

from bisect_tool.executor.ci.journal import FILE
from bisect_tool.executor.event import Entered, Noted

ALLOWED = check("buildkite", allow_builds=True)
SESSION = "session"


def sent(farm):
    return [f"{method} {path.rpartition('/')[2]}" for method, path, _ in farm.calls]


def run_until(executor, tmp_path, phase="starting a job"):
    """Run a trial until its job enters a phase."""
    submit(executor, tmp_path)
    while not (isinstance(event := executor.next_event(), Entered) and event.phase == phase):
        pass


def forget(tmp_path, number):
    """Lose the last records of the journal."""
    file = tmp_path / SESSION / FILE
    lines = [line for line in file.read_text().splitlines() if line]
    file.write_text("\n".join(lines[: len(lines) - number]))
    return len(lines) - number


def test_started_build_has_the_session_in_its_environment(farmed, tmp_path):
    with at_work(Farm(always(PASS))) as farm:
        result(farmed(farm, ALLOWED), tmp_path)
    assert farm.calls[0][2]["env"] == {"BISECT_RUN_SESSION": SESSION}


@pytest.mark.parametrize("forgotten", [1, 2])
@pytest.mark.parametrize("new", [{}, {"uploads": 20}], ids=["listed", "late"])
def test_resumed_session_finds_its_build_by_its_environment(farmed, tmp_path, new, forgotten):
    """Killed before it wrote the number of the build (1), or also without the record of the call (2).

    Another build of the commit, started by another user, is not used.
    """
    with at_work(Farm(lambda _, count: (FAIL, PASS)[count], queue=3)) as farm:
        farm.of_new = new
        run_until(farmed(farm, ALLOWED), tmp_path)
        ours = farm.builds[0]
        farm.build(SHA, ran=False)
        assert forget(tmp_path, forgotten) == 2 - forgotten
        found = result(farmed(farm, ALLOWED, step=9.0), tmp_path)
    assert (found.outcome, found.is_free, sent(farm)) == ("failed", False, ["POST builds"])
    assert found.where.endswith(f"/builds/{ours.number}#{ours.jobs[0].id}")


def test_rebuild_by_another_user_is_not_the_trial(farmed, tmp_path):
    with at_work(Farm(always(PASS))) as farm:
        farm.build(SHA, ran=False, env={"BISECT_RUN_SESSION": SESSION}, rebuilt_from={"number": 1})
        found = result(farmed(farm, ALLOWED), tmp_path)
    assert (found.is_free, farm.calls) == (True, [])


@pytest.mark.parametrize(
    ("built", "action"), [({}, "retried as job {}"), ({"gate": True, "ran": False}, "unblocked job {}")]
)
def test_build_is_annotated_with_the_session_and_its_jobs(farmed, tmp_path, built, action):
    with at_work(Farm(lambda _, count: (FAIL, PASS, PASS)[count])) as farm:
        build = farm.build(SHA, **built)
        executor = farmed(farm, check("buildkite"))
        results = [result(executor, tmp_path) for _ in range(3)]
    (context,) = build.annotations
    assert context == f"bisect-run {SESSION}"
    ours = [each.job.attempt for each in results if not each.is_free]
    texts = build.annotations[context].splitlines()
    assert texts[0] == f"<p>bisect-run, session {SESSION}: {action.format(ours[0])}</p>"
    assert len(texts) == len(ours) == len(farm.started)


def test_retried_job_is_known_from_the_answer(farmed, tmp_path):
    """Another user starts a build with the job meanwhile: that is not the trial."""
    with at_work(Farm(lambda _, count: (FAIL, PASS, PASS)[count], queue=3)) as farm:
        farm.build(SHA)
        executor = farmed(farm, check("buildkite"))
        result(executor, tmp_path)
        run_until(executor, tmp_path)
        farm.build(SHA)
        found = events(executor)[-1].result
    assert (found.job.attempt, found.is_free) == (str(farm.started_jobs[0]), False)


@pytest.mark.parametrize("is_annotated", [True, False])
def test_resumed_session_reads_its_annotation_if_the_journal_lacks_the_job(
    farmed, tmp_path, caplog, is_annotated
):
    """Without it, the job is still found by its commit, but so would be that of another user."""
    with at_work(Farm(lambda _, count: (FAIL, PASS, FAIL)[count], queue=1)) as farm:
        build = farm.build(SHA)
        farm.forbids = "-" if is_annotated else "annotations"
        executor = farmed(farm, check("buildkite"))
        used = [result(executor, tmp_path).job.attempt]
        run_until(executor, tmp_path)
        (ours,) = farm.started_jobs
        other = farm.build(SHA)
        build.jobs[-1].queue = 9
        forget(tmp_path, 1)
        found = result(farmed(farm, check("buildkite"), used=used), tmp_path)
    expected = ours if is_annotated else other.jobs[0].id
    assert (found.job.attempt, sent(farm)) == (str(expected), ["PUT retry"])
    warnings = [each for each in caplog.messages if "annotated" in each]
    assert len(warnings) == (not is_annotated)


def test_missing_permission_to_annotate_is_reported_once(farmed, tmp_path, caplog):
    with at_work(Farm(lambda _, count: (FAIL, PASS, PASS)[count])) as farm:
        farm.build(SHA)
        farm.forbids = "annotations"
        executor = farmed(farm, check("buildkite"))
        results = [result(executor, tmp_path) for _ in range(3)]
    assert [each.outcome for each in results] == ["failed", "passed", "passed"]
    (warning,) = [each for each in caplog.messages if "not annotated" in each]
    assert "the token has no permission for POST" in warning


@pytest.mark.parametrize("service", SERVICES)
def test_build_without_a_started_job_is_not_annotated(farmed, tmp_path, service):
    with at_work(Farm(always(PASS))) as farm:
        build = farm.build(SHA)
        result(farmed(farm, check(service)), tmp_path)
    assert build.annotations == {}


def noted(executor):
    """The notes until the trial ends, and its result."""
    *notes, ended = events(executor)
    return [each.sentence for each in notes if isinstance(each, Noted)], ended.result


def test_second_of_two_simultaneous_builds_is_cancelled(farmed, tmp_path):
    with at_work(Farm(always(PASS), queue=3)) as farm:
        farm.on_start = lambda: farm.build(SHA, ran=False, env={"BISECT_RUN_SESSION": "another"})
        executor = farmed(farm, ALLOWED)
        submit(executor, tmp_path)
        notes, found = noted(executor)
    theirs, ours = farm.builds
    assert sent(farm) == ["POST builds", "PUT cancel"]
    assert (ours.is_canceled, theirs.is_canceled, found.outcome, found.is_free) == (
        True,
        False,
        "passed",
        True,
    )
    assert f"/builds/{theirs.number}#" in found.where
    assert notes == [f"build {ours.number} is cancelled: another build of aaaaaaaaa was started before it"]


def test_first_of_two_builds_is_kept(farmed, tmp_path):
    with at_work(Farm(always(PASS), queue=3)) as farm:
        executor = farmed(farm, ALLOWED)
        run_until(executor, tmp_path)
        farm.build(SHA, ran=False, env={"BISECT_RUN_SESSION": "another"})
        found = events(executor)[-1].result
    assert (found.is_free, sent(farm)) == (False, ["POST builds"])
    assert f"/builds/{farm.builds[0].number}#" in found.where


def test_second_build_with_a_running_job_is_kept(farmed, tmp_path):
    with at_work(Farm(always(PASS), queue=0, runs=3)) as farm:
        farm.on_start = lambda: farm.build(SHA, ran=False)
        executor = farmed(farm, ALLOWED)
        submit(executor, tmp_path)
        notes, found = noted(executor)
    assert (notes, sent(farm), found.outcome) == ([], ["POST builds"], "passed")


def test_build_that_cannot_be_cancelled_is_kept(farmed, tmp_path, caplog):
    with at_work(Farm(always(PASS), queue=3)) as farm:
        farm.on_start = lambda: farm.build(SHA, ran=False)
        farm.forbids = "/cancel"
        found = result(farmed(farm, ALLOWED), tmp_path)
    assert (found.is_free, f"/builds/{farm.builds[1].number}#" in found.where) == (False, True)
    assert any("is not cancelled" in each for each in caplog.messages)


def test_second_build_for_another_trial_is_kept(farmed, tmp_path):
    """The job of the first one passed, and must not be retried."""
    with at_work(Farm(always(PASS), queue=3)) as farm:
        farm.permits_passed = False
        farm.build(SHA)
        executor = farmed(farm, ALLOWED)
        results = [result(executor, tmp_path) for _ in range(2)]
    assert [each.is_free for each in results] == [True, False]
    assert sent(farm) == ["PUT retry", "POST builds"]


def test_jobs_of_a_cancelled_build_are_not_retried(farmed, tmp_path):
    with at_work(Farm(always(PASS))) as farm:
        farm.build(SHA, is_canceled=True)
        executor = farmed(farm, check("buildkite"))
        first, second = (result(executor, tmp_path) for _ in range(2))
    assert (first.outcome, second.outcome, farm.calls) == ("passed", "unbuildable", [])
