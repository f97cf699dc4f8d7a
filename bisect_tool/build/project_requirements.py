"""Find the requirements of a project's tests in its files and metadata."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packaging.requirements import InvalidRequirement, Requirement

from bisect_tool.parse_untrusted import list_at, parse_toml, table_at
from bisect_tool.supervise.files import read_linked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

_log = logging.getLogger("bisect_run.build")
_GROUP_NAMES = (("test", "tests", "testing"), ("dev", "develop", "development"))
"""Names of extras and dependency groups: the first row that the project has is used."""
_FILE_PATTERNS = tuple(
    pattern.format(word)
    for word in ("test", "tests", "testing", "dev", "development")
    for pattern in (
        "requirements-{}.txt",
        "requirements_{}.txt",
        "{}-requirements.txt",
        "{}_requirements.txt",
        "requirements/{}.txt",
        "{}/requirements.txt",
    )
)
_PLAIN_FILE = "requirements.txt"
_MAX_INCLUDED = 100
"""The most files, groups or extras that may include each other."""
_OWN_PROJECT = re.compile(r"(?:-e\s*|--editable[\s=]+)?(?:\.|\./|file:\.)(?:\[([^\]]*)\])?(?=\s|;|#|$)")
_LOCAL_PATH = re.compile(r"(?:-e\s*|--editable[\s=]+)?(\.{1,2}/[^\s;#\[]+)")
_INCLUDED = re.compile(r"(?:-r\s*|--requirement[\s=]+)(\S+)")
_CONSTRAINTS = re.compile(r"(?:-c\s*|--constraint[\s=]+)(\S+)")


@dataclass(frozen=True)
class Requirements:
    """What a project's tests need: single requirements, and lines of requirement files (may be options)."""

    requirements: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()


def installable(tree: Path) -> bool:
    """Whether a tree can be built as a package; as in uv, a `[project]` table alone does not make it one."""
    pyproject = read_pyproject(tree)
    return (
        (tree / "setup.py").is_file()
        or "build-system" in pyproject
        or "poetry" in table_at(pyproject, "tool")
    )


def find_requirements(tree: Path, metadata: Mapping[str, Sequence[str]]) -> Requirements:
    """Find what to install besides the project; `metadata` are its headers, empty if it is not installed."""
    pyproject = read_pyproject(tree)
    found: list[str] = []
    if not metadata:
        found += [str(each) for each in list_at(pyproject, "project", "dependencies")]
    extras, groups = _extras(pyproject, metadata), _groups(pyproject)
    for names in _GROUP_NAMES:
        from_extras = [line for name in names for line in extras.get(name, ())]
        from_groups = [line for name in names for line in groups.get(name, ())]
        if from_extras or from_groups:
            found += [*from_extras, *from_groups]
            break
    else:
        return Requirements(tuple(found), _from_files(tree, extras, plain=True))
    lines = () if metadata else _from_files(tree, extras, plain=True, only=(_PLAIN_FILE,))
    return Requirements(tuple(found), lines)


def read_pyproject(tree: Path) -> dict[str, Any]:
    """Read pyproject.toml; empty if it is missing or cannot be read."""
    try:
        return parse_toml(read_linked(tree / "pyproject.toml").decode())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        _log.warning("ignoring pyproject.toml: %s", error)
        return {}


def _from_files(
    tree: Path, extras: Mapping[str, Sequence[str]], *, plain: bool, only: Sequence[str] = _FILE_PATTERNS
) -> tuple[str, ...]:
    """Return the lines of the first requirement file with a usual name, and of the files that it includes."""
    names = (*only, _PLAIN_FILE) if plain else only
    first = next((tree / name for name in names if (tree / name).is_file()), None)
    if first is None:
        return ()
    read: set[Path] = set()
    lines = list(_lines(first, tree, extras, read))
    if not installable(tree) and first.name != _PLAIN_FILE and (tree / _PLAIN_FILE).is_file():
        lines += _lines(tree / _PLAIN_FILE, tree, extras, read)
    return tuple(dict.fromkeys(lines))


def _lines(file: Path, tree: Path, extras: Mapping[str, Sequence[str]], read: set[Path]) -> Iterator[str]:
    """Yield the lines of a requirement file and its includes, with extras in place of the project itself.

    Each file is read once: those in `read` were.
    """
    if file in read or len(read) >= _MAX_INCLUDED or not file.is_file():
        return
    read.add(file)
    text = re.sub(r"\\\r?\n", " ", read_linked(file).decode(errors="replace"))
    for line in (raw.strip() for raw in text.splitlines()):
        if not line or line.startswith("#"):
            continue
        if included := _INCLUDED.match(line):
            yield from _lines((file.parent / included[1]).resolve(), tree, extras, read)
        elif itself := _OWN_PROJECT.match(line):
            for name in (itself[1] or "").split(","):
                yield from extras.get(normal(name), ())
        elif constraints := _CONSTRAINTS.match(line):
            yield f"-c {(file.parent / constraints[1]).resolve()}"
        elif local := _LOCAL_PATH.match(line):
            yield str((file.parent / local[1]).resolve())
        else:
            yield line


def _extras(pyproject: Mapping[str, Any], metadata: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Return the requirements of each extra, from the metadata if there is any."""
    if not metadata:
        table = table_at(pyproject, "project", "optional-dependencies")
        return {normal(name): [str(each) for each in list_at(table, name)] for name in table}
    own = normal(next(iter(metadata.get("name", ())), ""))
    names = [normal(name) for name in metadata.get("provides-extra", ())]
    requirements = list(_parse_requirements(metadata.get("requires-dist", ())))
    return {name: list(_extra_requirements(name, own, requirements, set())) for name in names}


def _extra_requirements(
    extra: str, own: str, requirements: Sequence[Requirement], seen: set[str]
) -> Iterator[str]:
    if extra in seen or len(seen) >= _MAX_INCLUDED:
        return
    seen.add(extra)
    for each in requirements:
        if each.marker is None:
            continue
        if not each.marker.evaluate({"extra": extra}) or each.marker.evaluate({"extra": ""}):
            continue
        if normal(each.name) == own:  # `dev = ["project[test]"]`
            for other in each.extras:
                yield from _extra_requirements(normal(other), own, requirements, seen)
        else:
            each.marker = None
            yield str(each)


def _parse_requirements(lines: Iterable[str]) -> Iterator[Requirement]:
    for line in lines:
        try:
            yield Requirement(line)
        except InvalidRequirement:
            continue


def _groups(pyproject: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return dependency groups (PEP 735), and Poetry's without versions, whose syntax is not PEP 440."""
    table = table_at(pyproject, "dependency-groups")
    known = {normal(name): list(_members(name, table, set())) for name in table}
    poetry = table_at(pyproject, "tool", "poetry")
    groups = table_at(poetry, "group")
    named = {name: table_at(groups, name, "dependencies") for name in groups}
    named |= {"dev": table_at(poetry, "dev-dependencies")} if "dev-dependencies" in poetry else {}
    return {**{normal(name): list(lines) for name, lines in named.items()}, **known}


def _members(name: str, table: Mapping[str, Any], seen: set[str]) -> Iterator[str]:
    """The requirements of a group with those of the groups that it includes, each group once."""
    if name in seen or len(seen) >= _MAX_INCLUDED:
        return
    seen.add(name)
    for member in list_at(table, name):
        if isinstance(member, str):
            yield member
        elif isinstance(member, dict) and "include-group" in member:
            yield from _members(str(member["include-group"]), table, seen)


def normal(name: str) -> str:
    """Return a name as registries compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).strip().lower()
