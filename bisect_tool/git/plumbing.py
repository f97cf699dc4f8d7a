"""Run git commands by GitPython with a clean environment, a deadline, and no hooks, filters or prompts."""

from __future__ import annotations

import logging
import os
import re
import shutil
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
NO_GIT = ("git is not installed", f"install git {OLDEST[0]}.{OLDEST[1]} or newer")
_FULL = "Free some space or point BISECT_RUN_HOME at another disk."
_CUT_OFF = "Is the network up? --repo also takes a checkout on this machine."
_DENIED = "Is the folder writable? BISECT_RUN_HOME names another."
_MACHINE = "The machine could not do it: look at its memory, processes and disk."
_HINTS = {
    "not our ref": "",  # the server is there, and the object is not
    "No space left on device": _FULL,
    "Disk quota exceeded": _FULL,
    "Out of diskspace": _FULL,
    "Read-only file system": _DENIED,
    "Permission denied (": _CUT_OFF,  # as ssh says it, with the ways that it tried
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
"""Words of git by which the machine or the network failed, not the commit; the first that is met counts."""
_REFRESH = "GIT_PYTHON_REFRESH"
"""What GitPython does where its first `git version` fails; by default it cannot be imported then."""
_USERS_OWN = (
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
    """The version of git on this machine, read once.

    Raises:
        EnvironmentFailed: there is none, or it is too old.
    """
    said = Git().text("version")
    found = tuple(int(part) for part in re.findall(r"[0-9]+", said)[:3])
    if found < OLDEST:
        raise EnvironmentFailed(f"this machine has {said.strip()}", NO_GIT[1])
    return found


class GitFailed(EnvironmentFailed):
    """A git command failed; `said` is what it printed, cleaned.

    `refused`: git itself ended with an error, rather than by a signal or at a deadline.
    """

    def __init__(self, what: str, said: str, *, refused: bool = False) -> None:
        hint = next((hint for words, hint in _HINTS.items() if words in said), "")
        super().__init__(f"git {what} failed: {said or 'no output'}", hint)
        self.said = said
        self.refused = refused


@dataclass(frozen=True)
class Git:
    """Git on one repository, with arguments as a list and never as a string.

    GitPython starts the command. What it would do differently is done here: it runs a command in the current
    folder where the one that it was given is missing, expands variables in the folder's name, cannot take a
    variable out of the environment, and waits beyond a deadline for children that keep the output open.

    `git.Repo` is not used. It knows no grafts and no ends of a shallow clone, opens what git refuses to read
    (`safe.directory`), and the `cat-file` that it keeps running has no deadline and serves one thread only.

    Attributes:
        folder: Where git runs; by default in the worktree or the repository itself.
        git_dir: The repository (or the administrative folder of one worktree of it).
        work_tree: The worktree, where there is one.
        config: Settings for every call, after our own.
        held: Descriptors of leases that a child must keep for as long as it runs.
        personal: Read the user's own configuration: credentials, proxies, `safe.directory`.
        environment: Variables for every call, beside our own.
    """

    folder: Path | None = None
    git_dir: Path | None = None
    work_tree: Path | None = None
    config: tuple[tuple[str, str], ...] = ()
    held: tuple[int, ...] = ()
    personal: bool = False
    environment: tuple[tuple[str, str], ...] = ()

    def text(self, *arguments: str, stdin: str = "", timeout_s: float = LOCAL_S) -> str:
        """The output of one command as text; bytes that are no UTF-8 are replaced."""
        return self.run(*arguments, stdin=stdin.encode(), timeout_s=timeout_s).decode("utf-8", "replace")

    def run(self, *arguments: str, stdin: bytes = b"", timeout_s: float = LOCAL_S) -> bytes:
        """The output of one command.

        Raises:
            GitFailed: it ended with an error, or its deadline passed.
            EnvironmentFailed: there is no git on this machine.
        """
        began = time.monotonic()
        return _finish(self._start(arguments), arguments, stdin, timeout_s, began)

    def _start(self, arguments: tuple[str, ...]) -> GitPython.AutoInterrupt:
        folder = self.folder or self.work_tree or self.git_dir or Path.cwd()
        if not folder.is_dir():
            raise GitFailed(clean(" ".join(arguments[:2])), f"there is no folder {folder}")
        if shutil.which("git") is None:
            raise EnvironmentFailed(*NO_GIT)
        added = self._added()
        return _gitpython()().execute(
            [*_without(self._dropped(added)), *self._command(folder), *arguments],
            istream=subprocess.PIPE,
            as_process=True,
            shell=False,
            env=added,
            start_new_session=True,
            pass_fds=self.held,
        )

    def lines(self, *arguments: str, timeout_s: float = LOCAL_S) -> list[str]:
        """The lines of the output."""
        return self.text(*arguments, timeout_s=timeout_s).splitlines()

    def succeeds(self, *arguments: str) -> bool:
        """Whether the command ends without an error."""
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

    def _added(self) -> dict[str, str]:
        """The variables that the command has beside those of this process."""
        added = {name: value for name, value in _ENVIRONMENT.items() if name not in self._kept}
        if self.personal:
            # To look at the user's repository never fetches: its own settings would say by which program.
            added["GIT_ALLOW_PROTOCOL"] = "none"
        # By the environment and not as `-c`: a setting may be a credential, and arguments can be seen by all.
        settings = self.config if self.personal else (_NO_QUESTIONS, *self.config)
        for number, (name, value) in enumerate(settings):
            added[f"GIT_CONFIG_KEY_{number}"] = name
            added[f"GIT_CONFIG_VALUE_{number}"] = value
        added["GIT_CONFIG_COUNT"] = str(len(settings))
        return added | dict(self.environment)

    def _dropped(self, added: Mapping[str, str]) -> list[str]:
        """The variables of this process by which the user's git would be another one than ours."""
        return [
            name
            for name in os.environ
            if name.startswith("GIT_") and name not in added and name not in self._kept
        ]

    @property
    def _kept(self) -> tuple[str, ...]:
        """The variables that keep the user's values."""
        return _USERS_OWN if self.personal else ()


@cache
def _gitpython() -> type[GitPython]:
    """What runs git, imported here so that `--help` does not wait for it; the caller knows that there is git.

    To import it runs `git version`. What fails there is seen again, and reported, by our own first command.
    """
    mode = os.environ.get(_REFRESH)
    os.environ[_REFRESH] = "quiet"
    try:
        from git.cmd import Git as GitPython  # noqa: PLC0415 - see above
    finally:
        if mode is None:
            del os.environ[_REFRESH]
        else:
            os.environ[_REFRESH] = mode
    return GitPython


def _without(names: Iterable[str]) -> list[str]:
    """The words before a command that remove these variables (env(1)); none without variables."""
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
    said = clean(errors.decode("utf-8", "replace")).strip()
    log_command(_log, ("git", *arguments), process.returncode, began, said)
    if process.returncode != 0:
        raise GitFailed(what, said, refused=process.returncode > 0)
    return output


def _end(process: GitPython.AutoInterrupt) -> None:
    """End what is still running of the command: it leads a process group of its own."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
