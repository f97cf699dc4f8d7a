"""What a trial does not see of the user's checkout, and what leads a command into that checkout."""

from __future__ import annotations

import os
import posixpath
import re
from typing import TYPE_CHECKING

from bisect_tool.errors import UsageError
from bisect_tool.git.alternates import checkout_at
from bisect_tool.git.checkouts import other_checkouts
from bisect_tool.git.missing_contents import MissingContent, cut_off, find_missing_contents
from bisect_tool.shadowing import Command, Shadow, absent, import_folders, named_in, on_path, shadows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bisect_tool.git import Range, Repository
    from bisect_tool.request import CommandCheck, Request
    from bisect_tool.shadowing import ReadFile


_OWN_CODE = re.compile(
    r"\bPYTHONPATH=[\"']?(?=[^/\"' ])|\b(?:pip|npm|pnpm|yarn) (?:install|ci)\b|\buv (?:sync|pip|run)\b"
)
"""What in a command makes each commit run its own code, whatever is installed."""


def warnings(request: Request, repository: Repository, span: Range) -> Iterator[str]:
    """What a trial does not see, and a checkout of the user's may have."""
    if cut := cut_off(repository, span):
        yield cut
    for lack in lacking(request, repository):
        yield lack.sentence
    for shadow in hidden(request, repository):
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


def lacking(request: Request, repository: Repository) -> tuple[MissingContent, ...]:
    """Return what a trial of the bad end lacks, unless the check mentions it."""
    check = request.check
    texts = (*check.command, *(file.text for file in check.command_files))
    found = find_missing_contents(repository, request.bad)
    return tuple(each for each in found if not any(map(each.handled.search, texts)))


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
    """Whether a command itself makes each commit run its own code."""
    path = command.environ.get("PYTHONPATH", "").split(os.pathsep)
    relative = any(entry and not entry.startswith("/") for entry in path)
    return relative or _OWN_CODE.search(" ".join(command.words)) is not None
