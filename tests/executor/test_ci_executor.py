"""Trials on a simulated farm behind both APIs."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import ci_farm
import pytest
from ci_farm import (
    CANCELED,
    EXPIRED,
    FAIL,
    LOST,
    PASS,
    READ,
    TEST,
    WRITE,
    Ending,
    Farm,
    at_work,
    junit_of,
)

from bisect_tool.errors import UsageError
from bisect_tool.executor.ci import connect
from bisect_tool.executor.ci.executor import LOG, Timing
from bisect_tool.executor.event import Entered, Failed, Noted, Yielded
from bisect_tool.executor.executor import DryRunEnded, refused
from bisect_tool.paths import Home
from bisect_tool.request import JobCheck
from bisect_tool.trial.run import TrialAborted

SHA, OTHER = "a" * 40, "b" * 40
SERVICES = ("buildkite", "github")


def check(service, **fields):
    names = (
        {"pipeline": ci_farm.PIPELINE}
        if service == "buildkite"
        else {"repository": ci_farm.REPOSITORY, "workflow": ci_farm.WORKFLOW}
    )
    return JobCheck(service=service, job="Distributed*", **names, **fields)


class Clock:
    """A time that passes with each reading."""

    def __init__(self, step=0.0):
        self.now, self.step = 0.0, step

    def __call__(self):
        self.now += self.step
        return self.now


@pytest.fixture
def farmed(tmp_path, monkeypatch):
    """Makes an executor of a job on a farm; `again` makes that of a session that is resumed."""

    def make(farm, asked, *, used=(), slots=1, tokens=(READ, WRITE), step=0.0, cancel=None, agreed=refused):
        monkeypatch.setattr(connect, "TIMING", Timing(0.0, Clock(step)))
        prefix = "BUILDKITE" if asked.service == "buildkite" else "GITHUB"
        reads = "BUILDKITE_API_TOKEN" if prefix == "BUILDKITE" else "GITHUB_TOKEN"
        environment = {
            f"{prefix}_API_URL": farm.url,
            reads: tokens[0],
            f"BISECT_RUN_{prefix}_WRITE_TOKEN": tokens[1],
        }
        config = SimpleNamespace(home=Home(tmp_path, tmp_path / "cache"), slots=slots, cells=())
        folder = tmp_path / "session"
        return connect.ci_executor(
            asked, config, environment, folder, cancel or threading.Event(), used, agreed
        )

    return make


def submit(executor, tmp_path, sha=SHA, cells=None):
    folder = tmp_path / f"trial-{sha[:4]}-{len(list(tmp_path.glob('trial-*')))}"
    folder.mkdir()
    return executor.submit(sha, cells, folder)


def events(executor):
    """All events until a trial ends."""
    found = [executor.next_event()]
    while not isinstance(found[-1], Yielded | Failed):
        found.append(executor.next_event())
    return found


def result(executor, tmp_path, sha=SHA, cells=None):
    submit(executor, tmp_path, sha, cells)
    last = events(executor)[-1]
    if isinstance(last, Failed):
        raise last.error
    return last.result


def always(ending):
    return lambda _sha, _count: ending


@pytest.mark.parametrize("service", SERVICES)
def test_a_job_that_ran_is_a_trial_and_costs_nothing(farmed, tmp_path, service):
    with at_work(Farm(always(FAIL))) as farm:
        farm.build(SHA)
        found = result(farmed(farm, check(service), tokens=(READ, "")), tmp_path)
    assert (found.cell(TEST).outcome, found.is_free, farm.calls) == ("failed", True, [])


@pytest.mark.parametrize("service", SERVICES)
def test_another_trial_runs_the_job_again(farmed, tmp_path, service):
    with at_work(Farm(lambda _, count: (FAIL, PASS)[count])) as farm:
        farm.build(SHA)
        executor = farmed(farm, check(service))
        first, second = (result(executor, tmp_path, cells=(TEST,)) for _ in range(2))
    assert [each.cell(TEST).outcome for each in (first, second)] == ["failed", "passed"]
    assert (second.is_free, second.gpus, farm.started) == (False, 4, [SHA])


def test_a_blocked_job_is_unblocked_and_no_build_is_started(farmed, tmp_path):
    with at_work(Farm(always(FAIL))) as farm:
        build = farm.build(SHA, ran=False, gate=True)
        found = result(farmed(farm, check("buildkite", allow_builds=True)), tmp_path)
    assert (found.outcome, found.is_free) == ("failed", False)
    assert [(method, path.rpartition("/jobs/")[2]) for method, path, _ in farm.calls] == [
        ("PUT", f"{build.gate}/unblock")
    ]


def test_without_a_build_a_commit_cannot_be_tested_unless_builds_are_allowed(farmed, tmp_path):
    with at_work(Farm(always(PASS))) as farm:
        found = result(farmed(farm, check("buildkite")), tmp_path)
        assert (found.outcome, found.reason) == ("unbuildable", "Buildkite has no build of this commit")
        found = result(farmed(farm, check("buildkite", allow_builds=True)), tmp_path)
    assert (found.outcome, farm.started) == ("passed", [SHA])
    assert farm.calls[0][2]["commit"] == SHA


@pytest.mark.parametrize(("titled", "returns_run"), [(True, False), (False, True)])
def test_a_workflow_is_dispatched_with_the_commit_as_an_input(farmed, tmp_path, titled, returns_run):
    with at_work(Farm(always(FAIL))) as farm:
        farm.titled, farm.returns_run = titled, returns_run
        assert result(farmed(farm, check("github")), tmp_path).outcome == "unbuildable"
        found = result(farmed(farm, check("github", input="sha")), tmp_path)
    assert (found.sha, found.cell(TEST).outcome, farm.started) == (SHA, "failed", [SHA])
    assert farm.calls[0][2]["inputs"] == {"sha": SHA}


def test_a_dispatched_run_that_does_not_say_its_commit_is_not_taken_for_another(farmed, tmp_path):
    with at_work(Farm(always(FAIL))) as farm:
        farm.titled, farm.returns_run = False, False
        found = result(farmed(farm, check("github", input="sha"), step=9.0), tmp_path)
    assert (found.outcome, farm.started) == ("infrastructure", [SHA])
    assert found.reason == "the job that was started does not appear"


@pytest.mark.parametrize("ending", [LOST, EXPIRED, CANCELED], ids=["lost", "expired", "canceled"])
def test_an_agent_that_is_lost_says_nothing_about_the_commit(farmed, tmp_path, ending):
    with at_work(Farm(lambda _, count: (ending, ending, PASS)[count])) as farm:
        farm.build(SHA)
        executor = farmed(farm, check("buildkite"))
        ours, again = (result(executor, tmp_path) for _ in range(2))
    assert (ours.outcome, ours.is_free, again.outcome) == ("infrastructure", False, "passed")
    assert farm.started == [SHA, SHA]


@pytest.mark.parametrize("service", SERVICES)
def test_a_call_whose_answer_is_lost_is_not_repeated(farmed, tmp_path, service):
    with at_work(Farm(lambda _, count: (FAIL, PASS)[count])) as farm:
        farm.build(SHA)
        farm.lose = 1
        executor = farmed(farm, check(service))
        results = [result(executor, tmp_path) for _ in range(2)]
    assert [each.outcome for each in results] == ["failed", "passed"]
    assert farm.started == [SHA]


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("is_killed", [False, True])
def test_a_job_that_is_lost_before_it_was_seen_is_the_trial(farmed, tmp_path, service, is_killed):
    with at_work(Farm(lambda _, count: (FAIL, LOST, PASS)[count], queue=0, runs=0)) as farm:
        farm.build(SHA)
        executor = farmed(farm, check(service), step=9.0)
        used = [result(executor, tmp_path).job.attempt]
        if is_killed:
            submit(executor, tmp_path)
            assert executor.next_event().phase == "starting a job"
            executor = farmed(farm, check(service), step=9.0, used=used)
        found = result(executor, tmp_path)
    assert (found.outcome, found.is_free, farm.started) == ("infrastructure", False, [SHA])
    assert found.where.startswith("https://")


@pytest.mark.parametrize("service", SERVICES)
def test_a_session_that_was_killed_finds_the_job_that_it_started(farmed, tmp_path, service):
    """Wherever it was killed: after the call, while the job waits, and while it runs."""
    with at_work(Farm(lambda _, count: (FAIL, PASS)[count], queue=3, runs=3)) as farm:
        farm.build(SHA)
        executor = farmed(farm, check(service))
        used = [result(executor, tmp_path).job.attempt]
        for phase in ("starting a job", "queued", "test"):
            executor = farmed(farm, check(service), used=used)
            submit(executor, tmp_path)
            while not (isinstance(event := executor.next_event(), Entered) and event.phase == phase):
                assert not isinstance(event, Yielded | Failed)
            if phase == "starting a job":
                assert farm.started == [SHA]
        found = result(farmed(farm, check(service), used=used), tmp_path)
    assert (found.outcome, found.is_free, farm.started) == ("passed", False, [SHA])


def test_at_most_as_many_jobs_run_as_there_are_slots(farmed, tmp_path):
    shas = [f"{number:040x}" for number in range(5)]
    with at_work(Farm(always(PASS), queue=2, runs=2)) as farm:
        for sha in shas:
            farm.build(sha, ran=False, gate=True)
        executor = farmed(farm, check("buildkite"), slots=2)
        ended, left = 0, list(shas)
        while ended < len(shas):
            while executor.capacity and left:
                submit(executor, tmp_path, left.pop())
            ended += isinstance(executor.next_event(), Yielded)
    assert (farm.most, sorted(farm.started)) == (2, shas)


@pytest.mark.parametrize("ran", [True, False])
def test_two_trials_of_one_commit_share_no_job(farmed, tmp_path, ran):
    """What one of them started is not taken by the other."""
    with at_work(Farm(lambda _, count: (FAIL, PASS, PASS)[count])) as farm:
        farm.build(SHA, ran=ran)
        executor = farmed(farm, check("buildkite"), slots=2, step=9.0)
        first = [result(executor, tmp_path)] if ran else []
        for _ in range(2):
            submit(executor, tmp_path)
        ends = [*first, *(events(executor)[-1].result for _ in range(2))]
    assert [each.outcome for each in ends] == ["failed", "passed", "passed"][: len(ends)]
    assert [each.is_free for each in ends] == [True, False, False][: len(ends)]
    assert farm.started == [SHA] * (len(ends) - 1)


def test_the_log_is_read_as_it_grows(farmed, tmp_path):
    with at_work(Farm(always(FAIL), runs=4)) as farm:
        farm.build(SHA, ran=False)
        executor = farmed(farm, check("buildkite"))
        submit(executor, tmp_path)
        while not (isinstance(event := executor.next_event(), Entered) and event.phase == "test"):
            pass
        begun = (event.folder / "logs" / LOG).read_text()
        events(executor)
    assert "test session starts" in begun
    assert begun != FAIL.log == (event.folder / "logs" / LOG).read_text()


@pytest.mark.parametrize(
    ("service", "given", "built", "line"),
    [
        ("buildkite", {}, {"gate": True, "ran": False}, "PUT {builds}/{build}/jobs/{gate}/unblock {{}}"),
        ("buildkite", {}, {}, "PUT {builds}/{build}/jobs/{job}/retry"),
        ("buildkite", {"allow_builds": True}, None, 'POST {builds} {{"commit": "{sha}", "branch": "main", '),
        ("github", {}, {}, "POST {actions}/jobs/{job}/rerun"),
        ("github", {"input": "sha"}, None, "POST {actions}/workflows/gpu.yml/dispatches {{"),
    ],
)
def test_a_dry_run_prints_the_call_of_each_slot_and_sends_none(  # noqa: PLR0917
    farmed, tmp_path, service, given, built, line
):
    with at_work(Farm(always(FAIL))) as farm:
        builds = [farm.build(sha, **built) for sha in (SHA, OTHER)] if built is not None else [None, None]
        used = [str(each.id) if service == "buildkite" else f"1 job {each.id}" for each in farm.jobs()]
        asked = check(service, dry_run=True, **given)
        executor = farmed(farm, asked, tokens=(READ, ""), slots=2, used=used if built == {} else ())
        for sha in (SHA, OTHER):
            submit(executor, tmp_path, sha)
        found = [*events(executor), *events(executor)]
    names = {"builds": f"{farm.url}{ci_farm._BUILDS}", "actions": f"{farm.url}{ci_farm._ACTIONS}"}
    expected = [
        "would " + line.format(sha=sha, **names, **numbers(build))
        for sha, build in zip((SHA, OTHER), builds, strict=True)
    ]
    said = [event.sentence for event in found if isinstance(event, Noted)]
    assert [each[: len(start)] for each, start in zip(said, expected, strict=True)] == expected
    assert all(isinstance(event.error, DryRunEnded) for event in found if isinstance(event, Failed))
    assert farm.calls == []


def numbers(build):
    if build is None:
        return {}
    return {"build": build.number, "gate": build.gate, "job": build.jobs[0].id}


@pytest.mark.parametrize(
    ("service", "tokens", "message"),
    [
        ("buildkite", (READ, ""), "BISECT_RUN_BUILDKITE_WRITE_TOKEN is not set"),
        ("buildkite", (READ, READ), "the token may not PUT"),
        ("github", (READ, ""), "BISECT_RUN_GITHUB_WRITE_TOKEN is not set"),
        ("github", (READ, READ), "the token may not POST"),
    ],
)
def test_jobs_are_started_with_a_token_of_its_own(farmed, tmp_path, service, tokens, message):
    with at_work(Farm(always(FAIL))) as farm:
        farm.build(SHA)
        executor = farmed(farm, check(service), tokens=tokens)
        assert result(executor, tmp_path).is_free
        with pytest.raises(UsageError, match=message):
            result(executor, tmp_path)
    assert farm.started == []


def test_without_a_token_that_reads_there_is_no_executor(farmed):
    with pytest.raises(UsageError, match="BUILDKITE_API_TOKEN is not set"):
        farmed(Farm(always(PASS)), check("buildkite"), tokens=("", ""))


WHOLE_BUILDS = "the REST API of Buildkite cancels whole builds only"
CANCEL = "Cancel the job that this session started?"


def interrupted_in(executor, tmp_path, phase="queued"):
    """What is said about the jobs of an executor that is interrupted when one is in a phase."""
    submit(executor, tmp_path)
    while not (isinstance(event := executor.next_event(), Entered) and event.phase == phase):
        pass
    executor.cancel.set()
    *noted, failed = events(executor)
    assert isinstance(failed.error, TrialAborted)
    return [each.sentence for each in noted], failed.error.remains


@pytest.mark.parametrize(
    ("service", "cancels", "answer", "asked", "said", "remains"),
    [
        ("buildkite", False, True, [], f"left running ({WHOLE_BUILDS}): https://b", "1 job left running"),
        ("buildkite", True, False, [], f"left running ({WHOLE_BUILDS}): https://b", "1 job left running"),
        ("github", True, False, [], "canceled: https://github.com/", "1 job canceled"),
        ("github", False, True, [CANCEL], "canceled: https://github.com/", "1 job canceled"),
        ("github", False, False, [CANCEL], "left running: https://github.com/", "1 job left running"),
    ],
)
def test_an_interrupt_says_what_becomes_of_the_jobs(  # noqa: PLR0917
    farmed, tmp_path, service, cancels, answer, asked, said, remains
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
    assert (sentence[: len(said)], summed, questions) == (said, remains, asked)
    assert (farm.jobs()[-1].ending is CANCELED) == said.startswith("canceled")


def test_a_build_of_buildkite_that_was_started_is_canceled_as_a_whole(farmed, tmp_path):
    with at_work(Farm(always(FAIL), queue=3, runs=9)) as farm:
        executor = farmed(farm, check("buildkite", allow_builds=True, cancel_jobs=True))
        (said,), remains = interrupted_in(executor, tmp_path)
    assert said.startswith("canceled: https://buildkite.com/")
    assert (remains, farm.jobs()[-1].ending) == ("1 job canceled", CANCELED)


def test_a_job_that_is_not_listed_yet_cannot_be_canceled(farmed, tmp_path):
    with at_work(Farm(always(FAIL))) as farm:
        executor = farmed(farm, check("github", input="sha", cancel_jobs=True))
        said, remains = interrupted_in(executor, tmp_path, "starting a job")
    why = "GitHub does not list it yet"
    assert (said, remains) == ([f"left running ({why}): the job for aaaaaaaaa"], "1 job left running")
    assert len(farm.calls) == 1


def test_jobs_are_asked_for_once_and_each_is_said(farmed, tmp_path):
    questions = []
    with at_work(Farm(always(FAIL), queue=3, runs=9)) as farm:
        executor = farmed(farm, check("github", input="sha"), slots=2, agreed=questions.append)
        submit(executor, tmp_path, OTHER)
        while not (isinstance(event := executor.next_event(), Entered) and event.phase == "queued"):
            pass
        said, remains = interrupted_in(executor, tmp_path)
        assert isinstance(executor.next_event(), Failed)
    assert [each.partition(":")[0] for each in said] == ["left running"] * 2
    assert (remains, questions) == ("2 jobs left running", ["Cancel the 2 jobs that this session started?"])


def test_a_job_that_was_canceled_is_no_trial_of_the_session_that_is_resumed(farmed, tmp_path):
    with at_work(Farm(lambda _, count: (FAIL, FAIL, PASS)[count], queue=3, runs=9)) as farm:
        farm.build(SHA)
        executor = farmed(farm, check("github", cancel_jobs=True))
        used = [result(executor, tmp_path).job.attempt]
        interrupted_in(executor, tmp_path)
        found = result(farmed(farm, check("github"), used=used), tmp_path)
    assert (found.outcome, found.is_free, farm.started) == ("passed", False, [SHA, SHA])


def test_an_interrupt_leaves_the_jobs_of_others_alone(farmed, tmp_path):
    with at_work(Farm(always(FAIL), queue=9)) as farm:
        farm.build(SHA, ran=False)
        executor = farmed(farm, check("github", cancel_jobs=True))
        submit(executor, tmp_path)
        assert executor.next_event().phase == "queued"
        executor.cancel.set()
        assert [type(each) for each in events(executor)] == [Failed]
    assert farm.calls == []


def test_a_build_that_sets_an_excluded_variable_is_no_evidence(farmed, tmp_path):
    with at_work(Farm(always(FAIL))) as farm:
        farm.build(SHA, env={"TORCH_NIGHTLY": "1"})
        found = result(farmed(farm, check("buildkite", exclude_env=("TORCH_NIGHTLY",))), tmp_path)
    assert found.outcome == "unbuildable"


SILENT = Ending("failed", 1, "", "2 tests, 1 failed\n", junit_of(red=True))


@pytest.mark.parametrize("service", SERVICES)
def test_the_tests_of_a_report_are_cells(farmed, tmp_path, service):
    with at_work(Farm(always(SILENT))) as farm:
        farm.build(SHA)
        found = result(farmed(farm, check(service)), tmp_path)
    assert [(each.cell, each.outcome) for each in found.cells] == [(TEST, "failed")]
    assert found.cell(TEST).failure.signature.exception == "RuntimeError"


@pytest.mark.parametrize("service", SERVICES)
def test_each_attempt_has_its_own_report(farmed, tmp_path, service):
    green = Ending("passed", 0, "", "", junit_of(red=False, skipped=True))
    with at_work(Farm(lambda _, count: (SILENT, green)[count])) as farm:
        farm.build(SHA)
        executor = farmed(farm, check(service))
        first, second = (result(executor, tmp_path, cells=(TEST,)) for _ in range(2))
    assert (first.cell(TEST).outcome, second.cell(TEST).outcome) == ("failed", "skipped")


@pytest.mark.parametrize("service", SERVICES)
def test_without_a_token_for_reports_the_log_is_read(farmed, tmp_path, service):
    with at_work(Farm(always(Ending("failed", 1, "", FAIL.log, junit_of(red=False))))) as farm:
        farm.build(SHA)
        farm.forbids = "/artifacts"
        found = result(farmed(farm, check(service)), tmp_path)
    assert [(each.cell, each.outcome) for each in found.cells] == [(TEST, "failed")]


class Patient(threading.Event):
    """Notes how long would be waited, and does not wait."""

    def __init__(self):
        super().__init__()
        self.waits = []

    def wait(self, timeout=None):
        self.waits.append(timeout)
        return self.is_set()


@pytest.mark.parametrize(("service", "prefix"), [("buildkite", ""), ("github", "X-")])
def test_all_slots_leave_people_half_of_the_requests(farmed, tmp_path, service, prefix):
    patient = Patient()
    names = {"Limit": "10", "Remaining": "5", "Reset": "7"}
    with at_work(Farm(always(PASS))) as farm:
        farm.headers = {f"{prefix}RateLimit-{name}": value for name, value in names.items()}
        for sha in (SHA, OTHER):
            farm.build(sha)
        executor = farmed(farm, check(service), slots=2, cancel=patient)
        for sha in (SHA, OTHER):
            submit(executor, tmp_path, sha)
        for _ in range(2):
            assert isinstance(executor.next_event(), Yielded)
    assert patient.waits == [7.0] * (farm.requests - 1)


@pytest.mark.parametrize("service", SERVICES)
def test_a_call_that_the_rate_limit_refuses_is_sent_again(farmed, tmp_path, service):
    patient = Patient()
    with at_work(Farm(lambda _, count: (FAIL, PASS)[count])) as farm:
        farm.build(SHA)
        farm.refusals = 2
        executor = farmed(farm, check(service), cancel=patient)
        for _ in range(2):
            found = result(executor, tmp_path)
    assert (found.outcome, farm.started, patient.waits.count(3.0)) == ("passed", [SHA], 2)
