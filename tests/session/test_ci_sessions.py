"""Sessions whose trials are jobs of a simulated farm."""

from __future__ import annotations

import gc
import io
import json
import os
import signal
from contextlib import closing
from types import SimpleNamespace

import pytest
from ci_farm import READ, WRITE, Farm, at_work
from ci_farm_buildkite import PIPELINE
from ci_farm_github import REPOSITORY, WORKFLOW
from ci_farm_jobs import RUN_S
from ci_job_output import CANCELED, FAIL, LOST, PASS, TEST

from bisect_tool.cli import interrupt, run_session
from bisect_tool.errors import UsageError
from bisect_tool.executor.ci import connect
from bisect_tool.executor.ci.executor import Timing
from bisect_tool.executor.ci.trials import JobTrials
from bisect_tool.json_document.earlier_sessions import with_earlier_check
from bisect_tool.json_document.repro import WHOLE_JOB
from bisect_tool.options.resolve import resolve
from bisect_tool.options.run_options import FixesOptions, ReproOptions, RunOptions
from bisect_tool.paths import home
from bisect_tool.render.plan import render_plan
from bisect_tool.session import runner
from bisect_tool.session import session as sessions
from bisect_tool.session.plan import plan_of
from bisect_tool.session.store import Store

NAMES = {
    "buildkite": {"pipeline": PIPELINE},
    "github": {"repository": REPOSITORY, "workflow": WORKFLOW, "ci_input": "sha"},
}


@pytest.fixture
def shas(project, monkeypatch):
    """Ten commits, and a new home."""
    monkeypatch.setenv("BISECT_RUN_HOME", str(project.home))
    monkeypatch.setattr(connect, "TIMING", Timing(0.0))
    monkeypatch.chdir(project.path)
    yield project.commits(0, *range(1, 10))
    gc.collect()  # a store is closed by the thread that opened it, not by one of the next farm


@pytest.fixture
def connected(monkeypatch):
    """Points the environment at a farm."""

    def connect_to(farm):
        for service, reads in (("BUILDKITE", "BUILDKITE_API_TOKEN"), ("GITHUB", "GITHUB_TOKEN")):
            monkeypatch.setenv(f"{service}_API_URL", farm.url)
            monkeypatch.setenv(reads, READ)
            monkeypatch.setenv(f"BISECT_RUN_{service}_WRITE_TOKEN", WRITE)

    return connect_to


def options(service, shas, **given):
    usual = {"executor": service, "job": "Distributed*", "good": (shas[0],), "bad": shas[-1]}
    return RunOptions(**{**usual, **NAMES[service], **given})


def repro_options(service, sha, **given):
    return ReproOptions(**{"executor": service, "job": "Distributed*", "rev": sha, **NAMES[service], **given})


def built(farm, shas, service):
    """The builds of all commits: the job ran at the ends; elsewhere it is blocked, or there is none."""
    for sha in (shas[0], shas[-1]):
        farm.build(sha)
    for sha in shas[1:-1] if service == "buildkite" else ():
        farm.build(sha, ran=False, gate=True)


class Killed(BaseException):
    """Simulates that the process was killed."""


def killed_in(phase):
    """Simulates a kill when a job enters a phase."""

    def enter(_trials, _trial, entered):
        if entered == phase:
            raise Killed

    return enter


def ends_of(shas, culprit, lost=()):
    """The results of jobs: red from the culprit on; the first job of some commits is lost."""
    red = set(shas[shas.index(culprit) :])
    return lambda sha, count: LOST if sha in lost and not count else FAIL if sha in red else PASS


@pytest.mark.parametrize(("service", "slots"), [("buildkite", 1), ("buildkite", 3), ("github", 1)])
def test_culprit_is_found_from_job_logs(shas, connected, capsys, service, slots):
    culprit = shas[4]
    with at_work(Farm(ends_of(shas, culprit, lost=(shas[6], shas[2])))) as farm:
        connected(farm)
        built(farm, shas, service)
        code = run_session.start(options(service, shas, slots=slots, as_json=True))
    document = json.loads(capsys.readouterr().out)
    cell = document["cells"][TEST]
    assert (code, cell["finding"], cell["culprit"]["sha"]) == (0, "culprit", culprit)
    assert "RuntimeError: rank <n> did not come up" in document["failure"]["signature"]
    places = {trial["where"] for trial in document["trials"]}
    assert all(place.startswith(("https://buildkite.com/", "https://github.com/")) for place in places)
    assert len(places) == len(document["trials"])
    assert farm.most <= slots
    free = {trial["sha"] for trial in document["trials"]} & {shas[0], shas[-1]}
    assert len(farm.started) == len(document["trials"]) - len(free)
    assert document["cost"]["gpu_seconds"] == len(farm.started) * 4 * RUN_S
    assert document["not_examined"] == ["order dependence", "leftovers"]
    assert cell["order_dependent"] is None
    assert document["withheld"] == [], "the variables of this machine are not those of a CI job"


def test_existing_results_do_not_count_against_the_budget(shas, connected, capsys):
    with at_work(Farm(ends_of(shas, shas[4]))) as farm:
        connected(farm)
        for sha in shas:
            farm.build(sha)
        run_session.start(options("buildkite", shas, budget_trials=1, as_json=True))
    document = json.loads(capsys.readouterr().out)
    assert len(document["trials"]) > 4
    assert len(farm.started) == 1


@pytest.mark.parametrize("service", NAMES)
@pytest.mark.parametrize("slots", [1, 4])
def test_no_more_jobs_are_started_than_the_budget_permits(shas, connected, capsys, service, slots):
    """A lost job counts as well: it was started."""
    with at_work(Farm(ends_of(shas, shas[4], lost=shas[1:]))) as farm:
        connected(farm)
        built(farm, shas, service)
        code = run_session.start(options(service, shas, budget_trials=3, slots=slots, as_json=True))
    document = json.loads(capsys.readouterr().out)
    assert (code, document["resumable"]) == (3, True)
    assert len(farm.started) == 3


@pytest.mark.parametrize("service", NAMES)
def test_no_job_is_started_after_the_minutes_of_the_budget(shas, connected, capsys, monkeypatch, service):
    """A minute passes with each reading of the clock: one when the loop starts, one for each decision."""
    minutes = iter(range(1000))
    clock = SimpleNamespace(monotonic=lambda: 60.0 * next(minutes))
    monkeypatch.setattr(runner, "time", clock)
    with at_work(Farm(ends_of(shas, shas[4]))) as farm:
        connected(farm)
        built(farm, shas, service)
        code = run_session.start(options(service, shas, budget_minutes=5, as_json=True))
    document = json.loads(capsys.readouterr().out)
    assert (code, len(document["trials"]), document["resumable"]) == (3, 4, True)
    assert len(farm.started) < 4


@pytest.mark.parametrize("service", NAMES)
def test_dry_run_lists_what_each_commit_would_start_and_starts_nothing(
    shas, connected, capsys, monkeypatch, service
):
    monkeypatch.setenv("COLUMNS", "250")
    with at_work(Farm(ends_of(shas, shas[4]))) as farm:
        connected(farm)
        monkeypatch.delenv(f"BISECT_RUN_{service.upper()}_WRITE_TOKEN")
        built(farm, shas, service)
        code = run_session.start(options(service, shas, dry_run=True, slots=2))
    output = capsys.readouterr().out
    lines = {line.split()[0]: " ".join(line.split()) for line in output.splitlines() if line}
    assert (code, farm.calls) == (0, [])
    assert " existing result passed: https://" in lines[shas[0][:9]]
    assert " existing result failed: https://" in lines[shas[-1][:9]]
    call = "unblocked job" if service == "buildkite" else "new build or run"
    assert all(call in lines[sha[:9]] for sha in shas[1:-1])
    assert "10 commits: 2 existing result, 8 " in output
    assert output.count("\nwould P") == 2
    assert farm.url in output
    assert not (home().state / "sessions").exists()


@pytest.mark.parametrize("given", [{"bad": None, "good": ()}, {"as_json": True}])
def test_impossible_dry_run_is_rejected(shas, given):
    with pytest.raises(UsageError):
        run_session.start(options("buildkite", shas, dry_run=True, **given))


def test_dry_run_of_repro_lists_its_commit(shas, connected, capsys):
    with at_work(Farm(lambda *_: PASS)) as farm:
        connected(farm)
        farm.build(shas[2])
        code = run_session.start(repro_options("buildkite", shas[2], dry_run=True))
    output = capsys.readouterr().out
    assert (code, farm.calls) == (0, [])
    assert "1 commit: 1 existing result." in output


class Interrupting(Farm):
    """Sends this process one signal while a job that it started is running."""

    def __init__(self, ends, number):
        super().__init__(ends, queue=2, runs=50)
        self.number, self.sent = number, False
        self.on_answer = self.interrupt

    def interrupt(self):
        running = [job for job in self.jobs() if job.id in self.started_jobs and job.stage == "running"]
        if running and not self.sent:
            self.sent = True
            os.kill(os.getpid(), self.number)


def at_a_terminal(monkeypatch, answer):
    monkeypatch.setattr(interrupt, "is_interactive", lambda: True)
    monkeypatch.setattr("sys.stdin", answer)


@pytest.mark.parametrize(
    ("number", "typed", "asks", "remains", "code"),
    [
        (signal.SIGINT, "y\n", True, "1 job cancelled", 130),
        (signal.SIGINT, "\n", True, "1 job left running", 130),
        (signal.SIGINT, "", True, "1 job left running", 130),
        (signal.SIGTERM, "y\n", False, "1 job left running", 143),
    ],
)
def test_ctrl_c_at_a_terminal_asks_whether_to_cancel_the_jobs(  # noqa: PLR0917
    shas, connected, capsys, monkeypatch, number, typed, asks, remains, code
):
    at_a_terminal(monkeypatch, io.StringIO(typed))
    with at_work(Interrupting(ends_of(shas, shas[4]), number)) as farm:
        connected(farm)
        built(farm, shas, "github")
        assert run_session.start(options("github", shas)) == code
    output = capsys.readouterr().err
    assert ("Cancel the job that this session started? [y/N]" in output) == asks
    assert output.splitlines()[-1].startswith(f"interrupted, {remains}; resume with: bisect-run resume ")
    assert (farm.jobs()[-1].ending is CANCELED) == (remains == "1 job cancelled")


def test_ctrl_c_without_a_terminal_does_not_ask(shas, connected, capsys):
    with at_work(Interrupting(ends_of(shas, shas[4]), signal.SIGINT)) as farm:
        connected(farm)
        built(farm, shas, "github")
        assert run_session.start(options("github", shas)) == 130
    output = capsys.readouterr().err
    assert "Cancel" not in output
    assert "interrupted, 1 job left running; resume with" in output


class Impatient:
    """A user who presses Ctrl-C again instead of answering."""

    def readline(self):
        os.kill(os.getpid(), signal.SIGINT)
        return "y\n"


def test_second_ctrl_c_ends_at_once(shas, connected, monkeypatch):
    at_a_terminal(monkeypatch, Impatient())
    with at_work(Interrupting(ends_of(shas, shas[4]), signal.SIGINT)) as farm:
        connected(farm)
        built(farm, shas, "github")
        with pytest.raises(KeyboardInterrupt):
            run_session.start(options("github", shas))
    assert not [path for _, path, _ in farm.calls if path.endswith("/cancel")]


def test_a_session_that_was_interrupted_starts_no_job_twice(shas, connected, capsys, monkeypatch):
    culprit = shas[4]
    with at_work(Farm(ends_of(shas, culprit), queue=2, runs=2)) as farm:
        connected(farm)
        for sha in shas:
            farm.build(sha, ran=False, gate=True)
        resolved = resolve(options("buildkite", shas), home(), print)
        with closing(Store(home().store)) as store:
            session = sessions.create(resolved, store, home())
            for phase in ("starting a job", "queued", "test"):
                with monkeypatch.context() as patch:
                    patch.setattr(JobTrials, "_phase", killed_in(phase))
                    with pytest.raises(Killed):
                        run_session.finish(session, store)
            document = run_session.finish(session, store)
    capsys.readouterr()
    assert document.cells[TEST].culprit.sha == culprit
    assert len(farm.started) == len(document.trials)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"job": ""}, "--executor buildkite needs --job"),
        ({"pipeline": ""}, "--executor buildkite needs --pipeline"),
        ({"pipeline": "ci"}, "--pipeline ci is not valid"),
        ({"workflow": "gpu.yml"}, "--workflow needs --executor github"),
        ({"executor": "local"}, "--job needs --executor buildkite or github"),
        ({"command": ("true",)}, "a command after -- runs on this machine only"),
        ({"pytest": ("tests",)}, "--pytest runs on this machine only"),
        ({"scenario": "shutdown"}, "--scenario runs on this machine only"),
        ({"deadline": 60.0}, "a job of CI has the time limit of its step"),
        ({"confirm": "revert"}, "CI has no build of a revert"),
    ],
)
def test_options_that_ci_jobs_cannot_take_are_rejected(shas, given, message):
    with pytest.raises(UsageError, match=message):
        resolve(options("buildkite", shas, **given), home(), print)


def test_rerun_line_of_a_ci_session_has_its_options(shas):
    line = resolve(options("github", shas), home(), print).request.rerun
    assert "--executor github --repository engine/engine --workflow gpu.yml --input sha --job" in line


def test_a_plan_names_the_job_and_builds_nothing(shas, printed):
    text = printed(render_plan(plan_of(resolve(options("buildkite", shas), home(), print))))
    assert "job Distributed* on engine/ci" in text
    assert "none: CI has its own builds" in text


@pytest.mark.parametrize("service", NAMES)
def test_repro_runs_the_job_of_one_commit_repeatedly(shas, connected, capsys, service):
    with at_work(Farm(lambda _, count: (FAIL, PASS, PASS, FAIL)[count])) as farm:
        connected(farm)
        farm.build(shas[2])
        code = run_session.start(repro_options(service, shas[2], runs=4, as_json=True))
    document = json.loads(capsys.readouterr().out)
    rate = document["repro"]["cells"][TEST]["rate"]
    assert (code, rate["failed"], rate["runs"], farm.started) == (1, 2, 4, [shas[2]] * 3)


def test_a_job_that_always_passes_is_not_reproduced(shas, connected, capsys):
    with at_work(Farm(lambda *_: PASS)) as farm:
        connected(farm)
        farm.build(shas[2])
        code = run_session.start(repro_options("buildkite", shas[2], runs=3, as_json=True))
    document = json.loads(capsys.readouterr().out)
    assert (code, document["conclusion"]) == (0, "not reproduced: nothing failed in 3 runs")
    assert document["repro"]["cells"][WHOLE_JOB]["rate"]["runs"] == 3


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"stress": "cpu"}, "--stress puts this machine under load, not the machines of CI"),
        ({"script": "repro.sh"}, "--script reproduces trials of this machine"),
        ({"job": ""}, "--executor buildkite needs --job"),
        ({"command": ("true",)}, "a command after -- runs on this machine only"),
    ],
)
def test_options_that_repro_in_ci_cannot_take_are_rejected(shas, given, message):
    with pytest.raises(UsageError, match=message):
        resolve(repro_options("buildkite", shas[1], **given), home(), print)


def test_rerun_line_of_a_ci_repro_has_its_options(shas):
    line = resolve(repro_options("github", shas[1]), home(), print).request.rerun
    assert "repro" in line
    assert "--executor github --repository engine/engine --workflow gpu.yml --input sha --job" in line


def test_fixes_does_not_run_the_job_of_an_earlier_session(shas):
    with closing(Store(home().store)) as store:
        sessions.create(resolve(options("buildkite", shas), home(), print), store, home())
        given = FixesOptions(at=shas[-1])
        assert with_earlier_check(given, store, home(), print) == given
