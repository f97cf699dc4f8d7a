"""Resolve parsed options into a `Request`: refs to commit ids, names to scenarios, profiles and cells."""

from __future__ import annotations

import os
import posixpath
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bisect_tool import scenario as scenarios
from bisect_tool.errors import EnvironmentFailed, UsageError
from bisect_tool.git import Range, Repository
from bisect_tool.git.alternates import checkout_at, is_bare, is_checkout
from bisect_tool.git.checkouts import other_checkouts
from bisect_tool.git.clone import is_url, without_account
from bisect_tool.git.missing_contents import Lack, cut_off, lacks
from bisect_tool.mode import Bisect, Budget, Fixes, Repro, Step
from bisect_tool.options import projects
from bisect_tool.options.check_files import check_files
from bisect_tool.options.plain_command import command_line, tracked
from bisect_tool.options.rerun import rerun
from bisect_tool.options.run_options import FixesOptions, ReproOptions, RunOptions, StepOptions
from bisect_tool.options.scripts import scripts_of
from bisect_tool.request import (
    Check,
    CommandCheck,
    PytestCheck,
    Request,
    SuiteCheck,
)
from bisect_tool.sanitise import clean_line
from bisect_tool.shadowing import Command, Shadow, absent, import_folders, named_in, on_path, shadows
from bisect_tool.supervise.gpus import snapshot
from bisect_tool.trial.cells import collect_cells, matching

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bisect_tool.mode import Mode
    from bisect_tool.options.run_options import SessionOptions
    from bisect_tool.options.shared_options import CheckOptions
    from bisect_tool.paths import Home
    from bisect_tool.scenario import Scenario
    from bisect_tool.shadowing import ReadFile

_OWN_CODE = re.compile(
    r"\bPYTHONPATH=[\"']?(?=[^/\"' ])|\b(?:pip|npm|pnpm|yarn) (?:install|ci)\b|\buv (?:sync|pip|run)\b"
)
"""What in a command makes each commit run its own code, whatever is installed."""
DEFAULT_SCENARIO = "external-lb-dp"
NO_CHECK = "{what} is not an engine of a scenario, and there is no --pytest and no command to run"
ANY_PROJECT = "For other projects, use --pytest tests/, or a command after -- (-- ./check.sh)."


@dataclass(frozen=True)
class Resolved:
    """A request with the repository it is about and the range it searches."""

    request: Request
    repository: Repository
    range: Range


def resolve(
    options: SessionOptions,
    home: Home,
    notice: Callable[[str], None],
    command: Literal["run", "demo"] = "run",
) -> Resolved:
    """Resolve a command line; `notice` is told, in a sentence, what may take minutes.

    `command` is the one that bisects.

    Raises:
        UsageError: a ref, scenario, profile, cell or file does not exist, or options contradict each other.
        EnvironmentFailed: a repository cannot be cloned, or the profile needs a GPU and there is none.
    """
    _check_given(options)
    _check_kind(options)
    _check_passed(options)
    scenario = None if options.command else scenarios.load(options.scenario or DEFAULT_SCENARIO)
    if scenario is not None and options.scenario and options.profile is not None:
        scenario.profile(options.profile)  # a slip in its name is told before anything is cloned
    repository = _open(options, scenario, home, notice)
    rev = repository.resolve(options.rev)
    if (
        scenario is not None
        and options.pytest
        and not options.scenario
        and not knows(scenario, repository, rev)
    ):
        options = replace(options, scenario=projects.SCENARIO)
        scenario = scenarios.load(projects.SCENARIO)
    check = _check(options, scenario, repository, rev, notice)
    mode, bad = _mode(options, repository, rev, command)
    request = Request(
        mode=mode,
        repo=str(Path(repository.spec).resolve()) if repository.source else without_account(repository.spec),
        bad=bad,
        check=check,
        scenario=None if scenario is None else _scenario_name(options.scenario),
        profile=_profile(options.profile, scenario, check, repository, rev),
        cells=_cells(options, scenario, check),
        slots=options.slots,
        fresh=isinstance(options, RunOptions) and options.fresh,
        deadline_s=options.deadline,
        pass_env=options.pass_env,
    )
    request = _with_rerun(request, options)
    _check_text(request.rerun, *request.check.command)
    resolved = Resolved(request, repository, span_of(request, repository))
    for sentence in _warnings(resolved):
        notice(sentence)
    return resolved


def _mode(
    options: SessionOptions, repository: Repository, rev: str, command: Literal["run", "demo"]
) -> tuple[Mode, str]:
    """The mode, and the request's `bad`: `rev`, or the passing end where a fix is searched for."""
    match options:
        case RunOptions():
            mode = _bisect(options, repository, command)
            if mode.find == "regression":
                return mode, rev
            if len(mode.goods) != 1:
                raise UsageError(
                    "--find fix takes a single --good", "Use the commit where the tests pass again."
                )
            return mode.model_copy(update={"goods": (rev,)}), mode.goods[0]
        case ReproOptions():
            return _repro(options, repository, rev), rev
        case FixesOptions():
            return Fixes(runs=options.runs), rev
        case StepOptions():
            return Step(), rev


def _bisect(options: RunOptions, repository: Repository, command: Literal["run", "demo"]) -> Bisect:
    return Bisect(
        command=command,
        goods=tuple(dict.fromkeys(repository.resolve(good) for good in options.good)),
        first_parent=options.first_parent,
        find=options.find,
        endpoint_runs=options.endpoint_runs,
        confidence=options.confidence,
        budget=Budget(trials=options.budget_trials, minutes=options.budget_minutes),
        priors=not options.no_priors,
        confirm=options.confirm,
        same_failure=options.same_failure,
    )


def _with_rerun(request: Request, options: SessionOptions) -> Request:
    """The request with the command lines that do it again."""
    update: dict[str, Any] = {"rerun": rerun(options, request)}
    if isinstance(options, RunOptions):
        unlimited = rerun(replace(options, budget_trials=None, budget_minutes=None), request)
        same = rerun(replace(options, same_failure=True), request) if options.command else ""
        lines = {"rerun_unlimited": unlimited, "rerun_same_failure": same}
        update["mode"] = request.mode.model_copy(update=lines)
    return request.model_copy(update=update)


def _warnings(resolved: Resolved) -> Iterator[str]:
    """What a trial does not see, and a checkout of the user's may have."""
    if cut := cut_off(resolved.repository, resolved.range):
        yield cut
    for lack in lacking(resolved.request, resolved.repository):
        yield lack.sentence
    for shadow in hidden(resolved.request, resolved.repository):
        yield shadow.found


def hidden(request: Request, repository: Repository) -> tuple[Shadow, ...]:
    """What leads a command into a checkout of the user's, where it does not see the commits."""
    checkout, check = checkout_at(request.repo), request.check.as_command
    if checkout is None or check is None:
        return ()

    read = _reader(repository, request.bad)
    command = Command(check.argv, os.environ, _own_scripts(check, read))
    if _runs_own_code(command):
        return ()
    others = other_checkouts(import_folders(command), checkout, request.ends)

    def found(top: Path, *, own: bool) -> tuple[Shadow, ...]:
        named = {*named_in(check.argv, top), *(() if own else on_path(command, top))} - {"."}
        return shadows(command, top, tuple(repository.tree_hashes(request.bad, named)), read, own=own)

    return (*found(checkout, own=True), *(shadow for top in others for shadow in found(top, own=False)))


def absent_files(request: Request, repository: Repository) -> Shadow | None:
    """What a command names that the user's checkout has, and no trial."""
    checkout, check = checkout_at(request.repo), request.check.as_command
    if checkout is None or check is None:
        return None
    own = _own_scripts(check, _reader(repository, request.bad))
    command = Command(check.argv, os.environ, own)
    return absent(command, checkout, lambda paths: repository.tree_hashes(request.bad, paths))


def _reader(repository: Repository, sha: str) -> ReadFile:
    """What reads the files of a commit."""

    def read(path: str) -> str | None:
        try:
            return repository.file(sha, path).decode("utf-8", "replace")
        except UsageError:  # the commit has no such file
            return None

    return read


def _own_scripts(check: CommandCheck, read: ReadFile) -> dict[str, str]:
    """The texts of the scripts that a command names in the commit's tree."""
    paths = (posixpath.normpath(script) for script in check.scripts if not script.startswith("/"))
    return {path: text for path in paths if (text := read(path))}


def _runs_own_code(command: Command) -> bool:
    """Whether a command itself sees to it that each commit runs its own code."""
    path = command.environ.get("PYTHONPATH", "").split(os.pathsep)
    relative = any(entry and not entry.startswith("/") for entry in path)
    return relative or _OWN_CODE.search(" ".join(command.words)) is not None


def lacking(request: Request, repository: Repository) -> tuple[Lack, ...]:
    """What the bad end's files lack in a trial, unless the check speaks of it."""
    check = request.check
    texts = (*check.command, *(file.text for file in check.command_files))
    return tuple(lack for lack in lacks(repository, request.bad) if not any(map(lack.handled.search, texts)))


def span_of(request: Request, repository: Repository) -> Range:
    """The commits that a request is about; raises UsageError where nothing lies between its ends."""
    mode = request.mode
    if isinstance(mode, Bisect):
        try:
            return repository.range(mode.goods, request.bad, mode.first_parent)
        except UsageError:
            if mode.find != "fix":
                raise
            raise UsageError(
                f"no commits from --bad {mode.goods[0][:12]} to --good {request.bad[:12]}",
                "With --find fix, --bad must be an ancestor of --good.",
            ) from None
    against = (mode.against,) if isinstance(mode, Repro) and mode.against else ()
    return Range((), request.bad, tuple(repository.commit(sha) for sha in (*against, request.bad)))


def _repro(options: ReproOptions, repository: Repository, rev: str) -> Repro:
    against = repository.resolve(options.compare) if options.compare else None
    if against == rev:
        raise UsageError(
            f"--compare {clean_line(options.compare or '')} is the same commit: {rev[:12]}",
            "Use another commit, or remove --compare.",
        )
    if against and options.until_fail:
        raise UsageError(
            "--until-fail and --compare cannot be used together: rates are compared after equally many runs",
            "Use only one of them.",
        )
    if options.stress_role and options.stress != "delay":
        raise UsageError(
            "--stress-role needs --stress delay", "It names the processes that --stress delay pauses."
        )
    if not all(re.fullmatch(r"\w+", role) for role in options.stress_role):
        raise UsageError(
            "--stress-role must be a process role, such as Worker", "Use only letters, digits and _."
        )
    return Repro(
        runs=options.runs,
        until_fail=options.until_fail,
        against=against,
        script=_script(options.script),
        stress=options.stress,
        stress_roles=options.stress_role,
    )


def _script(asked: str | None) -> str | None:
    """The absolute path of a file that can be written: the session may be resumed from elsewhere."""
    if asked is None:
        return None
    _check_text(asked)
    path = Path(asked).absolute()
    target = path if path.exists() else path.parent
    if path.is_dir() or not path.parent.is_dir() or not os.access(target, os.W_OK):
        raise UsageError(f"cannot write --script {clean_line(asked)}", "Use a file in an existing directory.")
    return str(path)


def _open(
    options: CheckOptions, scenario: Scenario | None, home: Home, notice: Callable[[str], None]
) -> Repository:
    """The repository asked for; else that of the current folder, if it is meant; else the scenario's.

    A bare repository has no files to tell the engine by, and nobody is in one by chance: it is meant.

    Raises:
        UsageError: this is some other project's repository, and nothing says what is to be run.
    """
    asked, here = options.repo, Path.cwd()
    meant = scenario is None or not scenario.repository or _inside(here, scenario) or is_bare(here)
    if not asked and not meant and not options.scenario and is_checkout(here):
        if not options.pytest:
            raise UsageError(NO_CHECK.format(what="the repository of this folder"), ANY_PROJECT)
        meant = True
    spec = asked or ("." if scenario is None or meant else scenario.repository)
    if is_url(spec):
        why = "" if asked or scenario is None else f"this folder is not what scenario {scenario.name} tests: "
        notice(f"{why}reading {without_account(spec)}; the first clone can take minutes")
    elif spec == ".":
        spec = str(here)
    return Repository.open(spec, home.cache, notice)


def _inside(here: Path, scenario: Scenario) -> bool:
    """Whether a folder lies in a checkout of the engine that a scenario is for."""
    markers = {profile.marker for profile in scenario.profiles.values()}
    return any((folder / marker).exists() for folder in (here, *here.parents) for marker in markers)


def knows(scenario: Scenario, repository: Repository, bad: str) -> bool:
    """Whether a commit is one of the engine that a scenario is for."""
    markers = {profile.marker for profile in scenario.profiles.values()}
    return bool(repository.tree_hashes(bad, markers))


def _profile(
    asked: str | None, scenario: Scenario | None, check: Check, repository: Repository, bad: str
) -> str | None:
    if scenario is None:
        return None
    if not scenario.suite:
        return projects.choose_profile(asked, check.interpreter, scenario)
    return choose_profile(scenario, asked, repository, bad)


def choose_profile(scenario: Scenario, asked: str | None, repository: Repository, bad: str) -> str:
    """The profile asked for, else the one made for this repository: with GPUs where there are some."""
    gpus = len(snapshot())
    if asked is not None:
        profile = scenario.profile(asked)
        if profile.needs_gpu and gpus == 0:
            raise EnvironmentFailed(
                f"profile {asked} needs an NVIDIA GPU, and none was found",
                "See `bisect-run doctor`.",
            )
        if profile.marker and not repository.tree_hashes(bad, (profile.marker,)):
            raise UsageError(
                f"profile {asked} is for an engine with {profile.marker}, which {bad[:9]} does not have",
                "Remove --profile to select one automatically, or use another --repo.",
            )
        return asked
    fitting = {
        name: profile
        for name, profile in scenario.profiles.items()
        if repository.tree_hashes(bad, (profile.marker,)) and (gpus or not profile.needs_gpu)
    }
    if not fitting:
        known = ", ".join(f"{name} ({profile.marker})" for name, profile in scenario.profiles.items())
        raise UsageError(
            f"{repository.spec} at {bad[:9]} is not an engine of scenario {scenario.name}",
            f"It needs one of: {known}. {ANY_PROJECT}",
        )
    return max(fitting, key=lambda name: fitting[name].needs_gpu)


def _check_given(options: SessionOptions) -> None:
    """An empty word is no word left out: another repository would be read, or nothing be compared."""
    for option in ("repo", "scenario", "profile", "pytest", "python", "tests_from", "compare", "script"):
        if getattr(options, option, None) in ("", ("",)):
            name = option.replace("_", "-")
            raise UsageError(
                f"--{name} is empty", "Give it a value or leave it out. Is a shell variable unset?"
            )


def _check_passed(options: SessionOptions) -> None:
    unset = next((name for name in options.pass_env if name not in os.environ), None)
    if unset is not None:
        raise UsageError(
            f"--pass-env {clean_line(unset)}: this variable is not set",
            "Export it, or remove --pass-env.",
        )


def _check_kind(options: SessionOptions) -> None:
    if options.command and (options.scenario or options.pytest or options.cells or options.profile):
        raise UsageError(
            "a command after -- cannot be combined with --scenario, --profile, --pytest or --cells",
            "Use only one of them.",
        )
    if isinstance(options, RunOptions) and options.same_failure and not options.command:
        raise UsageError(
            "--same-failure needs a command after --: failures of tests are compared anyway",
            "Remove it.",
        )
    for option in ("tests_from", "pytest_args", "python"):
        if getattr(options, option) is not None and not options.pytest:
            raise UsageError(f"--{option.replace('_', '-')} needs --pytest", "Add --pytest tests/.")


def _check_text(*texts: str) -> None:
    """What was asked is kept as JSON, which holds no bytes that are no text."""
    broken = next((text for text in texts if any("\ud800" <= letter <= "\udfff" for letter in text)), None)
    if broken is not None:
        raise UsageError(f"an argument is not UTF-8: {clean_line(broken)}", "Use only UTF-8.")


def _check(
    options: SessionOptions,
    scenario: Scenario | None,
    repository: Repository,
    bad: str,
    notice: Callable[[str], None],
) -> Check:
    if scenario is None:
        argv = command_line(options.command, repository, bad)
        _check_text(*argv)
        return CommandCheck(argv=argv, scripts=scripts_of(argv), files=check_files(argv, os.environ))
    if not scenario.suite:
        return projects.check(options, scenario, repository, bad, notice)
    if not options.pytest:
        return SuiteCheck()
    return _engine_file(options, scenario, repository, bad)


def _engine_file(options: CheckOptions, scenario: Scenario, repository: Repository, bad: str) -> PytestCheck:
    """One test file of the engine, run in the environment that the scenario's profile builds."""
    if len(options.pytest) > 1 or options.pytest_args is not None or options.python is not None:
        raise UsageError(
            f"scenario {scenario.name} takes a single --pytest file, without --pytest-args and --python",
            f"Add --scenario {projects.SCENARIO} to run the tests as those of any Python project.",
        )
    source = repository.resolve(options.tests_from) if options.tests_from else None
    named, _, name = options.pytest[0].partition("::")
    file = posixpath.normpath(named)
    if not tracked(file, repository, source or bad):
        raise UsageError(
            f"there is no {clean_line(named)} at {(source or bad)[:9]}",
            "Use the path from the repository's root.",
        )
    return PytestCheck(file=file, name=name, tests_from=source)


def _scenario_name(asked: str | None) -> str:
    """A bundled scenario's name, or a folder's absolute path: the session may be resumed from elsewhere."""
    if asked is None:
        return DEFAULT_SCENARIO
    return asked if asked.replace("_", "-") in scenarios.available() else str(Path(asked).resolve())


def _cells(options: CheckOptions, scenario: Scenario | None, check: Check) -> tuple[str, ...]:
    """The cells of the scenario's own suite that match; the patterns as they are for any other file."""
    match check:
        case PytestCheck(name=name) if name:
            return (*options.cells, name, f"{name}[*")
        case SuiteCheck() if scenario is not None and options.cells:
            return matching(collect_cells(scenario), options.cells)
    return options.cells
