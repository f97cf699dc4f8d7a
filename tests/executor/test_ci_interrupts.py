"""Jobs of an interrupted session: cancelled, left running, continued."""

from __future__ import annotations

import pytest
from ci_farm import Farm, at_work
from ci_job_output import CANCELED, FAIL, PASS
from farmed_jobs import OTHER, SHA, always, check, events, result, submit

from bisect_tool.executor.event import Entered, Failed
from bisect_tool.trial.run import TrialAborted

WHOLE_BUILDS = "cancel it on its page: the REST API cancels whole builds only"
CANCEL = "Cancel the job that this session started?"


def interrupted_in(executor, tmp_path, phase="queued"):
    """The messages about the jobs of an executor that is interrupted when one is in a phase."""
    submit(executor, tmp_path)
    while not (isinstance(event := executor.next_event(), Entered) and event.phase == phase):
        pass
    executor.cancel.set()
    *noted, failed = events(executor)
    assert isinstance(failed.error, TrialAborted)
    return [each.sentence for each in noted], failed.error.remains


@pytest.mark.parametrize(
    ("service", "cancels", "answer", "asked", "message", "remains"),
    [
        ("buildkite", False, True, [], f"left running ({WHOLE_BUILDS}): https://b", "1 job left running"),
        ("buildkite", True, False, [], f"left running ({WHOLE_BUILDS}): https://b", "1 job left running"),
        ("github", True, False, [], "cancelled: https://github.com/", "1 job cancelled"),
        ("github", False, True, [CANCEL], "cancelled: https://github.com/", "1 job cancelled"),
        ("github", False, False, [CANCEL], "left running: https://github.com/", "1 job left running"),
    ],
)
def test_interrupt_reports_each_job(  # noqa: PLR0917
    farmed, tmp_path, service, cancels, answer, asked, message, remains
):
    questions = []
    with at_work(Farm(always(FAIL), queue=3, runs=9)) as farm:
        farm.build(SHA)
        executor = farmed(
            farm,
            check(service, cancel_jobs=cancels),
            agreed=lambda question: (questions.append(question), answer)[1],
        )
        result(executor, tmp_path)
        (sentence,), summed = interrupted_in(executor, tmp_path)
    assert (sentence[: len(message)], summed, questions) == (message, remains, asked)
    assert (farm.jobs()[-1].ending is CANCELED) == message.startswith("cancelled")


def test_started_buildkite_build_is_canceled(farmed, tmp_path):
    with at_work(Farm(always(FAIL), queue=3, runs=9)) as farm:
        executor = farmed(farm, check("buildkite", allow_builds=True, cancel_jobs=True))
        (messages,), remains = interrupted_in(executor, tmp_path)
    assert messages.startswith("cancelled: https://buildkite.com/")
    assert (remains, farm.jobs()[-1].ending) == ("1 job cancelled", CANCELED)


def test_unlisted_job_cannot_be_canceled(farmed, tmp_path):
    with at_work(Farm(always(FAIL))) as farm:
        executor = farmed(farm, check("github", input="sha", cancel_jobs=True))
        messages, remains = interrupted_in(executor, tmp_path, "starting a job")
    why = "GitHub does not list it yet"
    assert (messages, remains) == ([f"left running ({why}): the job for aaaaaaaaa"], "1 job left running")
    assert len(farm.calls) == 1


def test_one_question_for_all_jobs_and_each_is_reported(farmed, tmp_path):
    questions = []
    with at_work(Farm(always(FAIL), queue=3, runs=9)) as farm:
        executor = farmed(farm, check("github", input="sha"), slots=2, agreed=questions.append)
        submit(executor, tmp_path, OTHER)
        while not (isinstance(event := executor.next_event(), Entered) and event.phase == "queued"):
            pass
        messages, remains = interrupted_in(executor, tmp_path)
        assert isinstance(executor.next_event(), Failed)
    assert [each.partition(":")[0] for each in messages] == ["left running"] * 2
    assert (remains, questions) == ("2 jobs left running", ["Cancel the 2 jobs that this session started?"])


def test_canceled_job_is_no_trial_of_the_resumed_session(farmed, tmp_path):
    with at_work(Farm(lambda _, count: (FAIL, FAIL, PASS)[count], queue=3, runs=9)) as farm:
        farm.build(SHA)
        executor = farmed(farm, check("github", cancel_jobs=True))
        used = [result(executor, tmp_path).job.attempt]
        interrupted_in(executor, tmp_path)
        found = result(farmed(farm, check("github"), used=used), tmp_path)
    assert (found.outcome, found.is_free, farm.started) == ("passed", False, [SHA, SHA])


def test_interrupt_does_not_cancel_jobs_of_others(farmed, tmp_path):
    with at_work(Farm(always(FAIL), queue=9)) as farm:
        farm.build(SHA, ran=False)
        executor = farmed(farm, check("github", cancel_jobs=True))
        submit(executor, tmp_path)
        assert executor.next_event().phase == "queued"
        executor.cancel.set()
        assert [type(each) for each in events(executor)] == [Failed]
    assert farm.calls == []


@pytest.mark.parametrize("phase", ["starting a job", "queued"])
@pytest.mark.parametrize("service", ["buildkite", "github"])
def test_job_left_running_is_continued_by_the_resumed_session(farmed, tmp_path, service, phase):
    with at_work(Farm(lambda _, count: (FAIL, FAIL, PASS)[count], queue=3, runs=9)) as farm:
        farm.build(SHA)
        executor = farmed(farm, check(service))
        used = [result(executor, tmp_path).job.attempt]
        interrupted_in(executor, tmp_path, phase)
        resumed = farmed(farm, check(service), used=used)
        assert resumed.unfinished == (SHA,)
        found = result(resumed, tmp_path)
    assert (found.outcome, found.is_free, farm.started) == ("failed", False, [SHA])
    assert farmed(farm, check(service), used=[*used, found.job.attempt]).unfinished == ()
