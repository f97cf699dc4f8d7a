"""Resolve parsed options into a `Request`: refs to commit ids, names to scenarios, profiles and cells."""

from __future__ import annotations

import os
import posixpath
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, assert_never

from bisect_tool import scenario as scenarios
from bisect_tool.checks import Check, CommandCheck, JobCheck, PytestCheck, SuiteCheck
from bisect_tool.ci_results.service_names import PIPELINE, WORKFLOW, named
from bisect_tool.errors import UsageError
from bisect_tool.git import Range, Repository
from bisect_tool.git.alternates import is_bare, is_checkout
from bisect_tool.git.clone import is_url, without_account
from bisect_tool.options import projects
from bisect_tool.options.check_files import check_files
from bisect_tool.options.checkout_visibility import warnings
from bisect_tool.options.executor_options import ExecutorOptions, MachineOptions
from bisect_tool.options.plain_command import command_line, tracked
from bisect_tool.options.rerun import rerun
from bisect_tool.options.resolve_gpus import parallel_trials, parse_gpus, require_selectable
from bisect_tool.options.resolve_mode import resolve_mode, span_of
from bisect_tool.options.resolve_profile import ANY_PROJECT, is_engine, resolve_profile
from bisect_tool.options.resolve_wheels import resolve_wheels
from bisect_tool.options.run_options import RunOptions
from bisect_tool.options.scripts import scripts_of
from bisect_tool.options.validate import require_text, validate
from bisect_tool.request import Request
from bisect_tool.sanitise import clean_line
from bisect_tool.trial.cells import collect_cells, matching

if TYPE_CHECKING:
    from collections.abc import Callable

    from bisect_tool.executor_names import CiService
    from bisect_tool.options.run_options import SessionOptions
    from bisect_tool.options.shared_options import CheckOptions
    from bisect_tool.paths import Home
    from bisect_tool.scenario import LaunchProfile, Scenario

DEFAULT_SCENARIO = "external-lb-dp"
NO_CHECK = "{what} is not an engine of any scenario, and neither --pytest nor a command is given"


@dataclass(frozen=True)
class Resolved:
    """A request with its repository and the range of commits that it searches."""

    request: Request
    repository: Repository
    range: Range


def resolve(
    options: SessionOptions,
    home: Home,
    notice: Callable[[str], None],
    command: Literal["run", "demo"] = "run",
) -> Resolved:
    """Resolve the options of a command.

    `notice` is called with sentences for the user, for example about what may take minutes. `command` is the
    name of the command that bisects.

    Raises:
        UsageError: a ref, scenario, profile, cell or file does not exist, or options contradict each other.
        EnvironmentFailed: a repository cannot be cloned, or the profile needs a GPU and there is none.
    """
    validate(options)
    scenario = None if _needs_no_scenario(options) else scenarios.load(options.scenario or DEFAULT_SCENARIO)
    if scenario is not None and options.scenario and options.profile is not None:
        scenario.profile(options.profile)  # reports a typo in its name before anything is cloned
    repository = _open(options, scenario, home, notice)
    rev = repository.resolve(options.rev)
    if (
        scenario is not None
        and options.pytest
        and not options.scenario
        and not is_engine(scenario, repository, rev)
    ):
        options = replace(options, scenario=projects.SCENARIO)
        scenario = scenarios.load(projects.SCENARIO)
    check = _check(options, scenario, repository, rev, notice)
    mode, bad = resolve_mode(options, repository, rev, command, notice)
    run_by = options if isinstance(options, MachineOptions) else MachineOptions()
    profile, gpus = (
        resolve_profile(options.profile, scenario, check, repository, rev, elsewhere=run_by.elsewhere),
        parse_gpus(options.gpus),
    )
    launch = _launch(scenario, profile)
    require_selectable(profile, launch, gpus, share=options.share_gpu)
    request = Request(
        mode=mode,
        repo=repository.location,
        bad=bad,
        check=check,
        scenario=None if scenario is None else _scenario_name(options.scenario),
        profile=profile,
        cells=_cells(options, scenario, check),
        slots=parallel_trials(options.slots, gpus, launch, share=options.share_gpu),
        gpus=gpus,
        share_gpu=options.share_gpu,
        fresh=isinstance(options, RunOptions) and options.fresh,
        deadline_s=options.deadline,
        pass_env=options.pass_env,
        wheel_url=options.wheel_url,
        ray_address=run_by.address if run_by.executor == "ray" else None,
    )
    wheels = resolve_wheels(options.wheel_url, request, repository, notice)
    request = _with_rerun(request.model_copy(update={"wheels": wheels}), options)
    require_text(request.rerun, *request.check.command)
    resolved = Resolved(request, repository, span_of(request, repository))
    for sentence in warnings(request, repository, resolved.range):
        notice(sentence)
    return resolved


def _launch(scenario: Scenario | None, profile: str | None) -> LaunchProfile | None:
    """How the servers of a scenario's suite are started; None if it has no suite."""
    return scenario.profile(profile).launch if scenario and scenario.suite and profile else None


def _needs_no_scenario(options: SessionOptions) -> bool:
    """Whether the check is a command or a CI job, not a scenario."""
    return bool(options.command) or (isinstance(options, ExecutorOptions) and options.ci_service is not None)


def _with_rerun(request: Request, options: SessionOptions) -> Request:
    """The request with the command lines that repeat it."""
    update: dict[str, Any] = {"rerun": rerun(options, request)}
    if isinstance(options, RunOptions):
        unlimited = rerun(replace(options, budget_trials=None, budget_minutes=None), request)
        same = rerun(replace(options, same_failure=True), request) if options.command else ""
        lines = {"rerun_unlimited": unlimited, "rerun_same_failure": same}
        update["mode"] = request.mode.model_copy(update=lines)
    return request.model_copy(update=update)


def _open(
    options: CheckOptions, scenario: Scenario | None, home: Home, notice: Callable[[str], None]
) -> Repository:
    """Open the requested repository; else that of the current folder, if it fits; else the scenario's.

    Test files without a scenario are always those of the current folder's repository. A bare repository has
    no files that identify the engine, so it always fits: no one is in one by accident.

    Raises:
        UsageError: the current folder is another project's repository, and no check is given; or it is not
            in a repository, and test files are given.
    """
    requested, here = options.repo, Path.cwd()
    meant = scenario is None or not scenario.repository or _inside(here, scenario) or is_bare(here)
    if not requested and not meant and not options.scenario:
        if not options.pytest and is_checkout(here):
            raise UsageError(NO_CHECK.format(what="the repository of this directory"), ANY_PROJECT)
        meant = bool(options.pytest)
    spec = requested or ("." if scenario is None or meant else scenario.repository)
    if is_url(spec):
        why = (
            ""
            if requested or scenario is None
            else f"this directory is not an engine of scenario {scenario.name}: "
        )
        notice(f"{why}reading {without_account(spec)}; the first clone can take minutes")
    elif spec == ".":
        spec = str(here)
    return Repository.open(spec, home.cache, notice)


def _inside(here: Path, scenario: Scenario) -> bool:
    """Whether a folder is in a checkout of the scenario's engine."""
    markers = {profile.marker for profile in scenario.profiles.values()}
    return any((folder / marker).exists() for folder in (here, *here.parents) for marker in markers)


def _check(
    options: SessionOptions,
    scenario: Scenario | None,
    repository: Repository,
    bad: str,
    notice: Callable[[str], None],
) -> Check:
    if isinstance(options, ExecutorOptions) and options.ci_service:
        return _job(options, options.ci_service)
    if scenario is None:
        argv = command_line(options.command, repository, bad)
        require_text(*argv)
        return CommandCheck(argv=argv, scripts=scripts_of(argv), files=check_files(argv, os.environ))
    if not scenario.suite:
        return projects.project_check(options, scenario, repository, bad, notice)
    if not options.pytest:
        return SuiteCheck()
    return _engine_file(options, scenario, repository, bad)


def _job(options: ExecutorOptions, service: CiService) -> JobCheck:
    """The check that runs a CI job."""
    return JobCheck(
        service=service,
        job=options.job,
        input=options.ci_input,
        branch=options.branch,
        exclude_env=options.exclude_env,
        allow_builds=options.allow_builds,
        cancel_jobs=options.cancel_jobs,
        dry_run=options.dry_run,
        **_place_of_job(options, service),
    )


def _place_of_job(options: ExecutorOptions, service: CiService) -> dict[str, Any]:
    """The fields of a job's check that only its service has."""
    match service:
        case "buildkite":
            return {"pipeline": named("--pipeline", options.pipeline, PIPELINE, "organization/pipeline")}
        case "github":
            repository = options.repository or os.environ.get("GITHUB_REPOSITORY", "")
            return {
                "repository": named("--repository", repository, PIPELINE, "owner/name"),
                "workflow": named("--workflow", options.workflow, WORKFLOW, "nightly.yml"),
            }
        case name:
            assert_never(name)


def _engine_file(options: CheckOptions, scenario: Scenario, repository: Repository, bad: str) -> PytestCheck:
    """The check that runs one test file of the engine in the environment of the scenario's profile."""
    if len(options.pytest) > 1 or options.pytest_args is not None or options.python is not None:
        raise UsageError(
            f"scenario {scenario.name} takes a single --pytest file, without --pytest-args or --python",
            f"Add --scenario {projects.SCENARIO} to run the tests like those of any Python project.",
        )
    source = repository.resolve(options.tests_from) if options.tests_from else None
    named, _, name = options.pytest[0].partition("::")
    file = posixpath.normpath(named)
    if not tracked(file, repository, source or bad):
        raise UsageError(
            f"{clean_line(named)} does not exist at {(source or bad)[:9]}",
            "Use the path from the repository's root.",
        )
    return PytestCheck(file=file, name=name, tests_from=source)


def _scenario_name(requested: str | None) -> str:
    """A bundled scenario's name, or a folder's absolute path: a session may be resumed in another folder."""
    if requested is None:
        return DEFAULT_SCENARIO
    return (
        requested if requested.replace("_", "-") in scenarios.available() else str(Path(requested).resolve())
    )


def _cells(options: CheckOptions, scenario: Scenario | None, check: Check) -> tuple[str, ...]:
    """The matching cells of the scenario's suite; for other tests, the patterns themselves."""
    match check:
        case PytestCheck(name=name) if name:
            return (*options.cells, name, f"{name}[*")
        case SuiteCheck() if scenario is not None and options.cells:
            return matching(collect_cells(scenario), options.cells)
    return options.cells
