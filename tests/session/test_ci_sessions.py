"""Sessions whose trials are jobs of a simulated farm."""

from __future__ import annotations

import json
from contextlib import closing

import ci_farm
import pytest
from ci_farm import FAIL, LOST, PASS, READ, TEST, WRITE, Farm, at_work

from bisect_tool.cli import run_session
from bisect_tool.errors import UsageError
from bisect_tool.executor.ci import connect
from bisect_tool.executor.ci.executor import CiExecutor, Timing
from bisect_tool.options.resolve import resolve
from bisect_tool.options.run_options import RunOptions
from bisect_tool.paths import home
from bisect_tool.render.plan import render_plan
from bisect_tool.session import session as sessions
from bisect_tool.session.plan import plan_of
from bisect_tool.session.store import Store

NAMES = {
    "buildkite": {"pipeline": ci_farm.PIPELINE},
    "github": {"repository": ci_farm.REPOSITORY, "workflow": ci_farm.WORKFLOW, "ci_input": "sha"},
}


@pytest.fixture
def shas(project, monkeypatch):
    """Ten commits, and a home of their own."""
    monkeypatch.setenv("BISECT_RUN_HOME", str(project.home))
    monkeypatch.setattr(connect, "TIMING", Timing(0.0))
    monkeypatch.chdir(project.path)
    return project.commits(0, *range(1, 10))


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


class Killed(BaseException):
    """Stands in for the end of the process."""


def killed_in(phase):
    """Ends the process when a job enters a phase."""

    def enter(_executor, _slot, _trial, entered):
        if entered == phase:
            raise Killed

    return enter


def ends_of(shas, culprit, lost=()):
    """How the jobs of commits end: red from the culprit on; the first job at some is lost."""
    red = set(shas[shas.index(culprit) :])
    return lambda sha, count: LOST if sha in lost and not count else FAIL if sha in red else PASS


@pytest.mark.parametrize(("service", "slots"), [("buildkite", 1), ("buildkite", 3), ("github", 1)])
def test_the_culprit_is_named_from_the_logs_of_jobs(shas, connected, capsys, service, slots):
    culprit = shas[4]
    with at_work(Farm(ends_of(shas, culprit, lost=(shas[6], shas[2])))) as farm:
        connected(farm)
        for number, sha in enumerate(shas):
            if number in (0, len(shas) - 1):
                farm.build(sha)
            elif service == "buildkite":
                farm.build(sha, ran=False, gate=True)
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


def test_results_of_others_count_for_no_budget(shas, connected, capsys):
    with at_work(Farm(ends_of(shas, shas[4]))) as farm:
        connected(farm)
        for sha in shas:
            farm.build(sha)
        run_session.start(options("buildkite", shas, budget_trials=1, as_json=True))
    document = json.loads(capsys.readouterr().out)
    assert len(document["trials"]) > 4
    assert len(farm.started) == 1


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
                    patch.setattr(CiExecutor, "_phase", killed_in(phase))
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
        ({"pipeline": "ci"}, "--pipeline ci is not like organization/pipeline"),
        ({"workflow": "gpu.yml"}, "--workflow is no option of --executor buildkite"),
        ({"executor": "local"}, "--job needs --executor buildkite or github"),
        ({"command": ("true",)}, "a command after -- runs on this machine only"),
        ({"pytest": ("tests",)}, "--pytest runs on this machine only"),
        ({"scenario": "shutdown"}, "--scenario runs on this machine only"),
        ({"confirm": "revert"}, "CI has no build of a revert"),
    ],
)
def test_what_a_job_of_ci_cannot_do_is_refused_with_a_sentence(shas, given, message):
    with pytest.raises(UsageError, match=message):
        resolve(options("buildkite", shas, **given), home(), print)


def test_the_command_line_of_a_session_in_ci_can_be_repeated(shas):
    line = resolve(options("github", shas), home(), print).request.rerun
    assert "--executor github --repository engine/engine --workflow gpu.yml --input sha --job" in line


def test_a_plan_names_the_job_and_builds_nothing(shas, printed):
    text = printed(render_plan(plan_of(resolve(options("buildkite", shas), home(), print))))
    assert "job Distributed* on engine/ci" in text
    assert "none: CI has its own builds" in text
