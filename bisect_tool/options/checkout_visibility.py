"""Find what a trial does not see of the user's checkout, and what makes a command use that checkout."""

from __future__ import annotations

import os
import posixpath
import re
from typing import TYPE_CHECKING

from bisect_tool.errors import UsageError
from bisect_tool.git.checkouts import other_checkouts
from bisect_tool.git.missing_contents import MissingContent, cut_off, find_missing_contents
from bisect_tool.shadowing import (
    Command,
    Shadow,
    find_absent_files,
    find_entering_scripts,
    find_import_folders,
    find_shadows,
    paths_named_by,
    pythonpath_folders,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bisect_tool.checks import CommandCheck
    from bisect_tool.git import Range, Repository
    from bisect_tool.request import Request
    from bisect_tool.shadowing import ReadFile


_RUNS_COMMIT_CODE = re.compile(
    r"\bPYTHONPATH=[\"']?(?=[^/\"' ])|\b(?:pip|npm|pnpm|yarn) (?:install|ci)\b|\buv (?:sync|pip|run)\b"
)
"""Parts of a command that make it run the commit's code, whatever is installed."""


def warnings(request: Request, repository: Repository, span: Range) -> Iterator[str]:
    """Yield a sentence for each thing that trials lack, or that makes them use the user's checkout."""
    if cut_off_message := cut_off(repository, span):
        yield cut_off_message
    for content in missing_contents_of(request, repository):
        yield content.sentence
    for shadow in shadows_of(request, repository):
        yield shadow.found


def shadows_of(request: Request, repository: Repository) -> tuple[Shadow, ...]:
    """Return what makes the command use a checkout of the user instead of the commit's code."""
    checkout, check = repository.checkout, request.check.as_command
    if checkout is None or check is None:
        return ()

    read = _reader(repository, request.bad)
    command = Command(check.argv, os.environ, _committed_scripts(check, read))
    if _runs_commit_code(command):
        return find_entering_scripts(command, checkout)
    others = other_checkouts(find_import_folders(command), checkout, request.ends)

    def found(top: Path, *, is_bisected: bool) -> tuple[Shadow, ...]:
        folders = () if is_bisected else pythonpath_folders(command, top)
        named = {*paths_named_by(check.argv, top), *folders} - {"."}
        tracked = tuple(repository.tree_hashes(request.bad, named))
        return find_shadows(command, top, tracked, read, is_bisected=is_bisected)

    in_others = (shadow for top in others for shadow in found(top, is_bisected=False))
    return (*found(checkout, is_bisected=True), *in_others)


def absent_files_of(request: Request, repository: Repository) -> Shadow | None:
    """Return the files that the command names but only the user's checkout has; None if there are none."""
    checkout, check = repository.checkout, request.check.as_command
    if checkout is None or check is None:
        return None
    scripts = _committed_scripts(check, _reader(repository, request.bad))
    command = Command(check.argv, os.environ, scripts)
    return find_absent_files(command, checkout, lambda paths: repository.tree_hashes(request.bad, paths))


def missing_contents_of(request: Request, repository: Repository) -> tuple[MissingContent, ...]:
    """Return the contents that a trial of the bad end lacks, without those that the check handles."""
    check = request.check
    texts = (*check.command, *(file.text for file in check.command_files))
    found = find_missing_contents(repository, request.bad)
    return tuple(each for each in found if not any(map(each.handled.search, texts)))


def _reader(repository: Repository, sha: str) -> ReadFile:
    """Return a function that reads files of a commit."""

    def read(path: str) -> str | None:
        try:
            return repository.file(sha, path).decode("utf-8", "replace")
        except UsageError:  # the commit has no such file
            return None

    return read


def _committed_scripts(check: CommandCheck, read: ReadFile) -> dict[str, str]:
    """The texts of the commit's scripts that a command names, by path."""
    paths = (posixpath.normpath(script) for script in check.scripts if not script.startswith("/"))
    return {path: text for path in paths if (text := read(path))}


def _runs_commit_code(command: Command) -> bool:
    """Whether a command makes sure itself that the commit's code runs."""
    path = command.environ.get("PYTHONPATH", "").split(os.pathsep)
    relative = any(entry and not entry.startswith("/") for entry in path)
    return relative or _RUNS_COMMIT_CODE.search(" ".join(command.words)) is not None
