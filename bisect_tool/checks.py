"""The check of a session: what runs at a commit, and which properties of it the rest of the tool needs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from bisect_tool.executor_names import CiService


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CheckFile(_Model):
    """A file outside the history that a command runs: its absolute path, and its SHA-256 in hex.

    `text` is its content without secrets; empty if it is long.
    """

    path: str
    sha256: str
    text: str = ""


class _Check(_Model):
    """Properties of a check that the rest of the tool needs; each kind overrides those that differ.

    How its trials run is in `trial/kinds.py`, how a script runs it in `reproduction_script/kinds.py`.
    """

    @property
    def as_command(self) -> CommandCheck | None:
        """The check if it is a command."""
        return None

    @property
    def as_job(self) -> JobCheck | None:
        """The check if it is a job of CI."""
        return None

    @property
    def command(self) -> tuple[str, ...]:
        """The arguments of the user's command; empty for tests."""
        return ()

    @property
    def command_files(self) -> tuple[CheckFile, ...]:
        """The files outside the history that the command runs."""
        return ()

    @property
    def test_targets(self) -> tuple[str, ...]:
        """The values of --pytest."""
        return ()

    @property
    def pytest_options(self) -> tuple[str, ...]:
        """The options in --pytest-args."""
        return ()

    @property
    def interpreter(self) -> str | None:
        """The value of --python."""
        return None

    @property
    def pinned_to(self) -> str | None:
        """The commit whose tests every trial runs; None for those of the tested commit."""
        return None

    @property
    def pinned_paths(self) -> tuple[str, ...]:
        """The files and folders of the tests that can be pinned."""
        return ()

    @property
    def pins_conftest(self) -> bool:
        """Whether the conftest.py files of the tests' folders and their parents are pinned as well."""
        return False

    @property
    def relevant_paths(self) -> tuple[str, ...]:
        """Files of the repository; the prior of commits that change them is higher."""
        return ()

    @property
    def by_exit_code(self) -> bool:
        """Whether it has one cell, whose verdict is the exit code."""
        return False

    @property
    def grouped(self) -> bool:
        """Whether CI runs the cells with the same first parameter in one process."""
        return True

    @property
    def chooses_gpus(self) -> bool:
        """Whether the tests themselves decide how many GPUs they use."""
        return False

    @property
    def inherits_variables(self) -> bool:
        """Whether it gets the user's environment variables, which may name paths in the user's checkout."""
        return False

    @property
    def reads_any_file(self) -> bool:
        """Whether a change of any file of the repository can change its result."""
        return False


class SuiteCheck(_Check):
    """The scenario's own pinned suite."""

    kind: Literal["suite"] = "suite"


class PytestCheck(_Check):
    """A test file of the engine's repository, or the test `name` in it; pinned if `tests_from` is set."""

    kind: Literal["pytest"] = "pytest"
    file: str
    name: str = ""
    tests_from: str | None = None

    @property
    def test_targets(self) -> tuple[str, ...]:
        """The file, or the test in it."""
        return (f"{self.file}::{self.name}" if self.name else self.file,)

    @property
    def pinned_to(self) -> str | None:
        """The commit of --tests-from."""
        return self.tests_from

    @property
    def pinned_paths(self) -> tuple[str, ...]:
        """The file."""
        return (self.file,)

    @property
    def relevant_paths(self) -> tuple[str, ...]:
        """The file."""
        return (self.file,)

    @property
    def chooses_gpus(self) -> bool:
        """A test file may use every GPU that it sees."""
        return True


class ProjectCheck(_Check):
    """The tests of any Python project: `targets` are files, folders, or tests (`FILE::NAME`).

    They are those of the tested commit, or of `tests_from`. `args` are options of pytest. `python` is the
    absolute path of the interpreter, None if an environment is built for each commit. `checkout` is the
    user's checkout, which an editable install of that interpreter may point into.
    """

    kind: Literal["project"] = "project"
    targets: tuple[str, ...] = Field(min_length=1)
    tests_from: str | None = None
    args: tuple[str, ...] = ()
    python: str | None = None
    checkout: str | None = None

    @property
    def paths(self) -> tuple[str, ...]:
        """The files and folders of the targets, relative to the top of the repository."""
        return tuple(dict.fromkeys(target.partition("::")[0] for target in self.targets))

    @property
    def test_targets(self) -> tuple[str, ...]:
        """The targets."""
        return self.targets

    @property
    def pytest_options(self) -> tuple[str, ...]:
        """The options of pytest."""
        return self.args

    @property
    def interpreter(self) -> str | None:
        """The interpreter, if no environment is built."""
        return self.python

    @property
    def pinned_to(self) -> str | None:
        """The commit of --tests-from."""
        return self.tests_from

    @property
    def pinned_paths(self) -> tuple[str, ...]:
        """The files and folders of the targets."""
        return self.paths

    @property
    def pins_conftest(self) -> bool:
        """Tests depend on their conftest.py files."""
        return True

    @property
    def grouped(self) -> bool:
        """Parameters of a project's tests say nothing about processes."""
        return False

    @property
    def inherits_variables(self) -> bool:
        """Tests run as the user would run them."""
        return True

    @property
    def reads_any_file(self) -> bool:
        """Tests may read any file of the project."""
        return True


class CommandCheck(_Check):
    """A command run in the commit's worktree; its exit code is read as `git bisect run` reads it.

    `scripts` are the files that it cannot run without, relative to the worktree or absolute.
    """

    kind: Literal["command"] = "command"
    argv: tuple[str, ...]
    files: tuple[CheckFile, ...] = ()
    scripts: tuple[str, ...] = ()

    @property
    def as_command(self) -> CommandCheck:
        """This check, which is of that kind."""
        return self

    @property
    def command(self) -> tuple[str, ...]:
        """The arguments of the command."""
        return self.argv

    @property
    def command_files(self) -> tuple[CheckFile, ...]:
        """The files of the command."""
        return self.files

    @property
    def by_exit_code(self) -> bool:
        """A command has no cells of its own."""
        return True

    @property
    def inherits_variables(self) -> bool:
        """A command runs as in the user's shell."""
        return True


class JobCheck(_Check):
    """A job in the team's CI; its tests are the cells.

    `job` is a pattern of its name, with the wildcards `*` and `?`. `pipeline` is `organization/slug` on
    Buildkite, `repository` and `workflow` are those on GitHub; `input` is the workflow input that receives
    the commit. Only builds of `branch` count, and none that sets a variable in `exclude_env`. `allow_builds`
    starts a build if a commit has none. `cancel_jobs` cancels the started jobs on an interrupt. With
    `dry_run`, the calls that would start something are printed instead.
    """

    kind: Literal["job"] = "job"
    service: CiService
    job: str = Field(min_length=1)
    pipeline: str = ""
    repository: str = ""
    workflow: str = ""
    input: str = ""
    branch: str = "main"
    exclude_env: tuple[str, ...] = ()
    allow_builds: bool = False
    cancel_jobs: bool = False
    dry_run: bool = False

    @property
    def as_job(self) -> JobCheck:
        """This check, which is of that kind."""
        return self

    @property
    def grouped(self) -> bool:
        """Parameters of tests say nothing about the processes of a job."""
        return False


Check = Annotated[
    SuiteCheck | PytestCheck | ProjectCheck | CommandCheck | JobCheck, Field(discriminator="kind")
]
