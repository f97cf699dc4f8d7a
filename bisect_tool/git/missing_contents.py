"""Detect missing contents: submodules, filtered files such as Git LFS, and history outside a shallow clone.

Trials do not fetch submodules or run filters, because the repository chooses their servers and programs.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections import defaultdict
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from bisect_tool.errors import UsageError
from bisect_tool.git.plumbing import Git, GitFailed
from bisect_tool.git.range import DEEPEN
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bisect_tool.git.range import Range
    from bisect_tool.git.repository import Repository

_SUBMODULE = "160000"
_ATTRIBUTES = ".gitattributes"
_MOST_FILES = 50
_SHOWN = 3
_SUBMODULES = "git submodule update --init --recursive"
_UPDATES = re.compile(r"\bsubmodule\b.*\bupdate\b")
_LFS = "git lfs pull"
_PULLS = re.compile(r"\blfs\b.*\b(pull|fetch|checkout|smudge)\b")


@dataclass(frozen=True)
class MissingContent:
    """Missing content: a sentence, and the command that fetches it (empty if there is none).

    A check whose text matches `handled` fetches it already.
    """

    sentence: str
    handled: re.Pattern[str]
    command: str = ""


def find_missing_contents(repository: Repository, sha: str) -> tuple[MissingContent, ...]:
    """Return what a trial of a commit lacks; nothing if its trees are unreadable."""
    try:
        listed = repository.git.run("ls-tree", "-r", "-z", sha).decode("utf-8", "surrogateescape")
    except GitFailed:
        return ()
    entries = [entry.partition("\t") for entry in listed.split("\0") if entry]
    submodules = [path for about, _, path in entries if about.startswith(_SUBMODULE)]
    paths = [path for about, _, path in entries if not about.startswith(_SUBMODULE)]
    filters = _filtered(repository, sha, paths)
    return (*_submodules(submodules), *_filters(repository, filters))


def cut_off(repository: Repository, span: Range) -> str:
    """Return a sentence if the history is cut off inside the range or at its good ends; else empty."""
    cuts = repository.cuts
    inside = [commit.sha for commit in span.commits if commit.sha in cuts]
    if inside:
        return (
            f"the clone is shallow: commits before {_named([sha[:9] for sha in inside])} are missing and "
            f"cannot be searched; {DEEPEN} fetches them"
        )
    if any(good in cuts for good in span.goods):
        return f"the clone is shallow: commits before the good end are missing; {DEEPEN} fetches them"
    return ""


def _submodules(paths: Sequence[str]) -> Iterator[MissingContent]:
    if paths:
        what = "submodules are" if len(paths) > 1 else "submodule is"
        sentence = (
            f"the {what} empty in a trial: {_named(paths)}; a check that needs them must run {_SUBMODULES}"
        )
        yield MissingContent(sentence, _UPDATES, _SUBMODULES)


def _filters(repository: Repository, filters: dict[str, list[str]]) -> Iterator[MissingContent]:
    for name, paths in sorted(filters.items()):
        needs = f"in a trial: {_named(paths)}; a check that needs"
        if name == "lfs":
            yield MissingContent(f"files of Git LFS are pointers {needs} them must run {_LFS}", _PULLS, _LFS)
        elif _is_configured(repository.source, name):
            sentence = (
                f"the filter {clean_line(name)!r} of your git configuration is not run {needs} its output "
                "must run it"
            )
            yield MissingContent(sentence, re.compile(rf"\bfilter\.{re.escape(name)}\b"))


def _filtered(repository: Repository, sha: str, paths: Sequence[str]) -> dict[str, list[str]]:
    """Return the filters in attributes, each with its files, matched approximately by fnmatch."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    files = [path for path in paths if posixpath.basename(path) == _ATTRIBUTES][:_MOST_FILES]
    for folder, text in (
        *_texts(repository, sha, files),
        ("", repository.parts.attributes.decode("utf-8", "replace")),
    ):
        for pattern, name in _rules(text):
            found[name] += [path for path in paths if _matches(path, folder, pattern)]
    return {name: list(dict.fromkeys(matched)) for name, matched in found.items() if matched}


def _texts(repository: Repository, sha: str, files: Sequence[str]) -> Iterator[tuple[str, str]]:
    for file in files:
        try:
            yield posixpath.dirname(file), repository.file(sha, file).decode("utf-8", "replace")
        except UsageError:  # this commit has no such file
            continue


def _rules(text: str) -> Iterator[tuple[str, str]]:
    """Yield the patterns of an attributes file that have a filter."""
    for line in text.splitlines():
        pattern, *attributes = line.split() or [""]
        for attribute in attributes if not pattern.startswith("#") else ():
            key, _, value = attribute.partition("=")
            if key == "filter" and value:
                yield pattern, value


def _matches(path: str, folder: str, pattern: str) -> bool:
    if folder and not path.startswith(f"{folder}/"):
        return False
    inner = path.removeprefix(f"{folder}/") if folder else path
    plain = pattern.strip("/").replace("**/", "*")
    return fnmatchcase(inner if "/" in pattern else posixpath.basename(inner), plain)


def _is_configured(source: Path | None, name: str) -> bool:
    """Whether the user's git has a program for a filter; otherwise the filter has no effect for them."""
    git = Git(git_dir=source, folder=source or Path(os.sep), personal=True)
    return any(git.succeeds("config", "--get", f"filter.{name}.{how}") for how in ("smudge", "process"))


def _named(names: Sequence[str]) -> str:
    shown = ", ".join(clean_line(name) for name in names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"
