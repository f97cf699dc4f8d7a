"""How the reproduction script runs each kind of check: the one place in this folder that lists the kinds."""

from __future__ import annotations

import shlex
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, assert_never

from bisect_tool.checks import CommandCheck, JobCheck, ProjectCheck, PytestCheck, SuiteCheck
from bisect_tool.errors import UsageError
from bisect_tool.reproduction_script.bundle import MODULES, heredoc, is_text
from bisect_tool.reproduction_script.environment_commands import word
from bisect_tool.reproduction_script.suite import suite_command, suite_files

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from bisect_tool.checks import Check
    from bisect_tool.scenario import Profile
    from bisect_tool.trial.config import TrialConfig


@dataclass(frozen=True)
class CheckScript(ABC):
    """The parts of the script that differ by kind of check; the defaults are those of pytest in the tree.

    Attributes:
        packages: What the interpreter needs besides the packages that the engine imports.
        imports_engine: Whether the packages that the engine imports are needed as well.
        folder: Where a run starts.
        inconclusive: The exit codes of a run without a result, as a pattern of `case`.
    """

    config: TrialConfig

    packages: ClassVar[tuple[str, ...]] = ("pytest",)
    imports_engine: ClassVar[bool] = True
    folder: ClassVar[str] = "$tree"
    inconclusive: ClassVar[str] = "[2-9]"

    def pinned(self) -> Iterator[str]:
        """Restore the tests that are pinned."""
        yield from ()

    def prepared(self) -> Iterator[str]:
        """Prepare what every run needs."""
        profile = self.config.profile
        assert profile is not None
        if profile.tiny_model:
            yield from _modules()
            yield from _tiny_model()
        yield from _variables(profile)

    def before_run(self) -> Iterator[str]:
        """Prepare one run."""
        yield from ()

    def after_run(self) -> Iterator[str]:
        """Correct `code`: pytest ends with 0 if all tests are skipped, too."""
        passed = "tail -n 5 \"$logs/suite.log\" | grep -Eq '[0-9]+ passed'"
        yield f'  if [ "$code" = 0 ] && ! {passed}; then code=5; fi'

    @abstractmethod
    def command(self, cells: Collection[str]) -> str:
        """The command of one run of these cells; of all if empty."""


@dataclass(frozen=True)
class _SuiteScript(CheckScript):
    packages: ClassVar[tuple[str, ...]] = ()
    folder: ClassVar[str] = "$logs"

    def prepared(self) -> Iterator[str]:
        scenario, profile = self.config.scenario, self.config.profile
        assert scenario is not None
        assert profile is not None
        yield from _modules()
        if profile.tiny_model:
            yield from _tiny_model()
        yield from suite_files(scenario, profile)

    def before_run(self) -> Iterator[str]:
        yield '  "$harness" "$work/launch.py" "$work/launch.in" > "$logs/launch.json"'

    def command(self, cells: Collection[str]) -> str:
        assert self.config.scenario is not None
        return suite_command(self.config.scenario.suite, cells)


@dataclass(frozen=True)
class _EngineFileScript(CheckScript):
    check: PytestCheck

    def pinned(self) -> Iterator[str]:
        if self.check.tests_from:
            file = shlex.quote(self.check.file)
            yield f'git -C "$tree" show {self.check.tests_from}:{file} > "$tree"/{file}'

    def command(self, cells: Collection[str]) -> str:
        file = self.check.file
        tests = [shlex.quote(f"{file}::{cell}") for cell in cells] or [shlex.quote(file)]
        return " ".join(('"$python" -m pytest -p no:cacheprovider -s -v', *tests))


@dataclass(frozen=True)
class _ProjectScript(CheckScript):
    check: ProjectCheck
    imports_engine: ClassVar[bool] = False

    def pinned(self) -> Iterator[str]:
        if self.check.tests_from:
            paths = shlex.join(self.check.paths)
            yield f'git -C "$tree" restore --source={self.check.tests_from} --worktree -- {paths}'

    def command(self, cells: Collection[str]) -> str:
        words = map(shlex.quote, (*self.check.args, *(cells or self.check.targets)))
        return " ".join(('env PYTHONPATH="$tree/src:$tree" "$python" -m pytest -v', *words))


@dataclass(frozen=True)
class _CommandScript(CheckScript):
    check: CommandCheck
    packages: ClassVar[tuple[str, ...]] = ()
    inconclusive: ClassVar[str] = "125"

    def prepared(self) -> Iterator[str]:
        for path, target in _own_files(self.check.argv).items():
            yield from heredoc(target, Path(path).read_text(encoding="utf-8"))
            yield f"chmod +x {target}"

    def before_run(self) -> Iterator[str]:
        # What one run wrote is not there in the next.
        yield '  git -C "$tree" checkout --quiet --force . && git -C "$tree" clean -ffdxq'

    def after_run(self) -> Iterator[str]:
        yield from ()

    def command(self, cells: Collection[str]) -> str:  # noqa: ARG002 - a command has no cells of its own
        names = _own_files(self.check.argv)
        return " ".join(names.get(part) or shlex.quote(part) for part in self.check.argv)


@dataclass(frozen=True)
class _JobScript(CheckScript):
    """None: only the team's CI has what its job runs in."""

    check: JobCheck

    def command(self, cells: Collection[str]) -> str:  # noqa: ARG002 - a job runs all of its tests
        raise UsageError(
            f"a script cannot run {self.check.job}: it is a job of {self.check.service}", "Remove --script."
        )


def script_of(config: TrialConfig) -> CheckScript:
    """How the script runs the check of these trials."""
    check: Check = config.check
    match check:
        case SuiteCheck():
            return _SuiteScript(config)
        case PytestCheck():
            return _EngineFileScript(config, check)
        case ProjectCheck():
            return _ProjectScript(config, check)
        case CommandCheck():
            return _CommandScript(config, check)
        case JobCheck():
            return _JobScript(config, check)
    assert_never(check)


def _own_files(argv: Sequence[str]) -> dict[str, str]:
    """The files of a command that are not in the history, by their words, and where the script puts them."""
    found = [part for part in dict.fromkeys(argv) if part.startswith("/") and is_text(Path(part))]
    return {
        part: f'"$work"/{shlex.quote(f"{number}-{Path(part).name}")}' for number, part in enumerate(found)
    }


def _modules() -> Iterator[str]:
    yield 'mkdir -p "$work/modules"'
    yield f"base64 --decode <<'MODULES' | tar -xz -C \"$work/modules\"\n{MODULES}\nMODULES"


def _tiny_model() -> Iterator[str]:
    yield from heredoc('"$work/tiny_model.py"', _MAKE_MODEL)
    yield '"$python" "$work/tiny_model.py" "$work/modules" "$assets"'


def _variables(profile: Profile) -> Iterator[str]:
    for name, value in profile.launch.env.items():
        yield f"export {name}={word(value)}"


_MAKE_MODEL = """\
import pathlib, sys

sys.path.insert(0, sys.argv[1])
import tiny_model

tiny_model.ensure_model(pathlib.Path(sys.argv[2]))
"""
