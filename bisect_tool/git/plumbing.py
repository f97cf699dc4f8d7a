"""Run git commands through GitPython: a clean environment, a deadline, no hooks, filters or prompts."""

from __future__ import annotations

import logging
import os
import re
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from bisect_tool.diagnostics import log_command
from bisect_tool.errors import EnvironmentFailed
from bisect_tool.paths import find_program, program_path
from bisect_tool.sanitise import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from git.cmd import Git as GitPython

_log = logging.getLogger("bisect_run.git")
OLDEST = (2, 32)
LOCAL_S = 120.0
CHECKOUT_S = 900.0
NETWORK_S = 3600.0

_ENVIRONMENT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "SSH_ASKPASS": "true",
    "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh",
    "GIT_LFS_SKIP_SMUDGE": "1",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_PAGER": "cat",
    "LANGUAGE": "C",
    "LC_ALL": "C.UTF-8",
}
_OPTIONS = (
    "-c", f"core.hooksPath={os.devnull}",
    "-c", f"core.attributesFile={os.devnull}",
    "-c", "core.fsmonitor=false",
    "-c", "protocol.ext.allow=never",
    "-c", "submodule.recurse=false",
    "-c", "gc.auto=0",
    "-c", "maintenance.auto=false",
    "-c", "advice.detachedHead=false",
)  # fmt: skip
_NO_QUESTIONS = ("core.askPass", "true")
NO_GIT = ("git is not installed", f"Install git {OLDEST[0]}.{OLDEST[1]} or newer.")
_FULL = "Free some space, or set BISECT_RUN_HOME to a directory on another disk."
_CUT_OFF = "Check the network. --repo also takes a checkout on this machine."
_DENIED = "Make the directory writable, or set BISECT_RUN_HOME to another one."
_MACHINE = "Check this machine's memory, processes and disk."
_HINTS = {
    "not our ref": "",  # the server is there, and the object is not
    "No space left on device": _FULL,
    "Disk quota exceeded": _FULL,
    "Out of diskspace": _FULL,
    "Read-only file system": _DENIED,
    "Permission denied (": _CUT_OFF,  # as ssh prints it, with the methods that it tried
    "Permission denied": _DENIED,
    "Input/output error": _MACHINE,
    "Cannot allocate memory": _MACHINE,
    "Out of memory": _MACHINE,
    "Too many open files": _MACHINE,
    "Resource temporarily unavailable": _MACHINE,
    "unable to access 'http": _CUT_OFF,
    "Could not resolve host": _CUT_OFF,
    "Failed to connect": _CUT_OFF,
    "Could not read from remote repository": _CUT_OFF,
    "the remote end hung up unexpectedly": _CUT_OFF,
}
"""Git's messages about failures of the machine or the network; the first match applies."""
_REFRESH, _EXECUTABLE = "GIT_PYTHON_REFRESH", "GIT_PYTHON_GIT_EXECUTABLE"
"""Configure the import of GitPython: whether it fails if `git version` does, and which program that is."""
_USER_VARIABLES = (
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_SYSTEM",
    "GIT_CONFIG_NOSYSTEM",
    "GIT_ASKPASS",
    "SSH_ASKPASS",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "GIT_SSL_CAINFO",
)


@cache
def version() -> tuple[int, ...]:
    """Return the version of git on this machine; cached.

    Raises:
        EnvironmentFailed: git is missing or too old.
    """
    output = Git().text("version")
    found = tuple(int(part) for part in re.findall(r"[0-9]+", output)[:3])
    if found < OLDEST:
        raise EnvironmentFailed(f"this machine has {output.strip()}", NO_GIT[1])
    return found


class GitFailed(EnvironmentFailed):
    """A git command failed; `output` is its output, cleaned.

    `refused`: git itself exited with an error, rather than by a signal or at a deadline.
    """

    def __init__(self, what: str, output: str, *, refused: bool = False) -> None:
        hint = next((hint for words, hint in _HINTS.items() if words in output), "")
        super().__init__(f"git {what} failed: {output or 'no output'}", hint)
        self.output = output
        self.refused = refused


@dataclass(frozen=True)
class Git:
    """Git on one repository, with arguments as a list and never as a string.

    GitPython starts the command. Some of its behaviour is replaced here: it runs commands in the current
    folder if the given one is missing, expands variables in the folder's name, cannot unset environment
    variables, and waits beyond a deadline for children that keep the output open.

    `git.Repo` is not used: it ignores grafts and shallow clones, opens repositories that git does not trust
    (`safe.directory`), and its long-running `cat-file` has no deadline and serves one thread only.

    Attributes:
        folder: The working directory; by default the worktree or the repository itself.
        git_dir: The repository (or the administrative folder of one worktree of it).
        work_tree: The worktree, if any.
        config: Settings for every call, after our own.
        held: Descriptors of leases that the child inherits, so that it holds them while it runs.
        personal: Read the user's own configuration: credentials, proxies, `safe.directory`.
        environment: Additional variables for every call.
    """

    folder: Path | None = None
    git_dir: Path | None = None
    work_tree: Path | None = None
    config: tuple[tuple[str, str], ...] = ()
    held: tuple[int, ...] = ()
    personal: bool = False
    environment: tuple[tuple[str, str], ...] = ()

    def text(self, *arguments: str, stdin: str = "", timeout_s: float = LOCAL_S) -> str:
        """Return the output of a command as text; invalid UTF-8 is replaced."""
        return self.run(*arguments, stdin=stdin.encode(), timeout_s=timeout_s).decode("utf-8", "replace")

    def run(self, *arguments: str, stdin: bytes = b"", timeout_s: float = LOCAL_S) -> bytes:
        """Return the output of a command.

        Raises:
            GitFailed: it exited with an error, or its deadline passed.
            EnvironmentFailed: git is not installed.
        """
        began = time.monotonic()
        return _finish(self._start(arguments), arguments, stdin, timeout_s, began)

    def _start(self, arguments: tuple[str, ...]) -> GitPython.AutoInterrupt:
        folder = self.folder or self.work_tree or self.git_dir or Path.cwd()
        if not folder.is_dir():
            raise GitFailed(clean(" ".join(arguments[:2])), f"there is no directory {folder}")
        if find_program("git") is None:
            raise EnvironmentFailed(*NO_GIT)
        added = self._added_variables()
        return _gitpython()().execute(
            [*_without(self._unset_variables(added)), *self._command(folder), *arguments],
            istream=subprocess.PIPE,
            as_process=True,
            shell=False,
            env=added,
            start_new_session=True,
            pass_fds=self.held,
        )

    def lines(self, *arguments: str, timeout_s: float = LOCAL_S) -> list[str]:
        """Return the lines of the output."""
        return self.text(*arguments, timeout_s=timeout_s).splitlines()

    def succeeds(self, *arguments: str) -> bool:
        """Whether the command succeeds."""
        try:
            self.run(*arguments)
        except GitFailed:
            return False
        return True

    def _command(self, folder: Path) -> list[str]:
        command = ["git", "-C", str(folder), *_OPTIONS]
        if self.git_dir is not None:
            command.append(f"--git-dir={self.git_dir}")
        if self.work_tree is not None:
            command.append(f"--work-tree={self.work_tree}")
        return command

    def _added_variables(self) -> dict[str, str]:
        """Return the variables to add to the environment of this process."""
        added = {name: value for name, value in _ENVIRONMENT.items() if name not in self._kept_variables}
        added["PATH"] = program_path()
        if self.personal:
            # Never fetch lazily in the user's repository: its settings choose the program to run.
            added["GIT_ALLOW_PROTOCOL"] = "none"
        # In the environment rather than as `-c`: a setting may be a credential, and arguments are public.
        settings = self.config if self.personal else (_NO_QUESTIONS, *self.config)
        for number, (name, value) in enumerate(settings):
            added[f"GIT_CONFIG_KEY_{number}"] = name
            added[f"GIT_CONFIG_VALUE_{number}"] = value
        added["GIT_CONFIG_COUNT"] = str(len(settings))
        return added | dict(self.environment)

    def _unset_variables(self, added: Mapping[str, str]) -> list[str]:
        """Return the variables of this process to unset, since they would change git's behaviour."""
        return [
            name
            for name in os.environ
            if name.startswith("GIT_") and name not in added and name not in self._kept_variables
        ]

    @property
    def _kept_variables(self) -> tuple[str, ...]:
        """Return the variables that keep the user's values."""
        return _USER_VARIABLES if self.personal else ()


@cache
def _gitpython() -> type[GitPython]:
    """Import GitPython lazily, so that `--help` stays fast; the caller has checked that git is installed.

    Importing it runs `git version`; a failure there is reported by our own first command.
    """
    ours = {_REFRESH: "quiet", _EXECUTABLE: find_program("git") or "git"}
    theirs = {name: os.environ[name] for name in ours if name in os.environ}
    os.environ.update(ours)
    try:
        from git.cmd import Git as GitPython  # noqa: PLC0415 - see above
    finally:
        for name in ours:
            del os.environ[name]
        os.environ.update(theirs)
    return GitPython


def _without(names: Iterable[str]) -> list[str]:
    """Return the prefix of a command that unsets these variables (env(1)); empty without variables."""
    options = [word for name in names for word in ("-u", name)]
    return ["env", *options] if options else []


def _finish(
    process: GitPython.AutoInterrupt,
    arguments: tuple[str, ...],
    stdin: bytes,
    timeout_s: float,
    began: float,
) -> bytes:
    what = clean(" ".join(arguments[:2]))
    output: bytes
    try:
        output, errors = process.communicate(stdin, timeout=timeout_s)
    except subprocess.TimeoutExpired:
        log_command(_log, ("git", *arguments), None, began)
        raise GitFailed(what, f"timed out after {timeout_s:.0f} s") from None
    finally:
        _end(process)
    stderr = clean(errors.decode("utf-8", "replace")).strip()
    log_command(_log, ("git", *arguments), process.returncode, began, stderr)
    if process.returncode != 0:
        raise GitFailed(what, stderr, refused=process.returncode > 0)
    return output


def _end(process: GitPython.AutoInterrupt) -> None:
    """Kill the command's process group."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
