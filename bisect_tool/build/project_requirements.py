"""Find the requirements of a project's tests in its files and metadata."""

from __future__ import annotations

import logging
import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packaging.requirements import InvalidRequirement, Requirement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

_log = logging.getLogger("bisect_run.build")
_NAMES = (("test", "tests", "testing"), ("dev", "develop", "development"))
"""Extras and groups: those of the first row, or else of the second."""
_FILES = tuple(
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
_PLAIN = "requirements.txt"
_SELF = re.compile(r"(?:-e\s*|--editable[\s=]+)?(?:\.|\./|file:\.)(?:\[([^\]]*)\])?(?=\s|;|#|$)")
_LOCAL = re.compile(r"(?:-e\s*|--editable[\s=]+)?(\.{1,2}/[^\s;#\[]+)")
_INCLUDED = re.compile(r"(?:-r\s*|--requirement[\s=]+)(\S+)")
_CONSTRAINTS = re.compile(r"(?:-c\s*|--constraint[\s=]+)(\S+)")


@dataclass(frozen=True)
class Needed:
    """Requirements by themselves, and the lines of requirement files, which may be options."""

    requirements: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()


def installable(tree: Path) -> bool:
    """Whether a tree says how it is built; one with a `[project]` alone is no package, as for uv."""
    pyproject = read_pyproject(tree)
    return (
        (tree / "setup.py").is_file() or "build-system" in pyproject or "poetry" in pyproject.get("tool", {})
    )


def needed(tree: Path, metadata: Mapping[str, Sequence[str]]) -> Needed:
    """What to install besides the project; `metadata` are the headers of the installed one, empty without."""
    pyproject = read_pyproject(tree)
    found: list[str] = []
    if not metadata:
        found += [str(each) for each in _list(pyproject.get("project"), "dependencies")]
    extras, groups = _extras(pyproject, metadata), _groups(pyproject)
    for names in _NAMES:
        of_extras = [line for name in names for line in extras.get(name, ())]
        of_groups = [line for name in names for line in groups.get(name, ())]
        if of_extras or of_groups:
            found += [*of_extras, *of_groups]
            break
    else:
        return Needed(tuple(found), _of_files(tree, extras, plain=True))
    return Needed(tuple(found), () if metadata else _of_files(tree, extras, plain=True, only=(_PLAIN,)))


def read_pyproject(tree: Path) -> dict[str, Any]:
    """Read pyproject.toml; empty if it is missing or cannot be read."""
    try:
        return tomllib.loads((tree / "pyproject.toml").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        _log.warning("pyproject.toml is left out: %s", error)
        return {}


def _of_files(
    tree: Path, extras: Mapping[str, Sequence[str]], *, plain: bool, only: Sequence[str] = _FILES
) -> tuple[str, ...]:
    """The lines of the first requirement file of the usual names, with what it includes."""
    names = (*only, _PLAIN) if plain else only
    first = next((tree / name for name in names if (tree / name).is_file()), None)
    if first is None:
        return ()
    lines = list(_lines(first, tree, extras, frozenset()))
    if not installable(tree) and first.name != _PLAIN and (tree / _PLAIN).is_file():
        lines += _lines(tree / _PLAIN, tree, extras, frozenset({first}))
    return tuple(dict.fromkeys(lines))


def _lines(
    file: Path, tree: Path, extras: Mapping[str, Sequence[str]], seen: frozenset[Path]
) -> Iterator[str]:
    """A requirement file's lines with those it includes; of the project itself its extras alone."""
    if file in seen or not file.is_file():
        return
    text = re.sub(r"\\\r?\n", " ", file.read_text(encoding="utf-8", errors="replace"))
    for line in (raw.strip() for raw in text.splitlines()):
        if not line or line.startswith("#"):
            continue
        if included := _INCLUDED.match(line):
            yield from _lines((file.parent / included[1]).resolve(), tree, extras, seen | {file})
        elif itself := _SELF.match(line):
            for name in (itself[1] or "").split(","):
                yield from extras.get(normal(name), ())
        elif constraints := _CONSTRAINTS.match(line):
            yield f"-c {(file.parent / constraints[1]).resolve()}"
        elif local := _LOCAL.match(line):
            yield str((file.parent / local[1]).resolve())
        else:
            yield line


def _extras(pyproject: Mapping[str, Any], metadata: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """The requirements of each extra, from the metadata where there is some."""
    if not metadata:
        table = pyproject.get("project", {}).get("optional-dependencies", {})
        return {normal(name): [str(each) for each in lines] for name, lines in table.items()}
    own = normal(next(iter(metadata.get("name", ())), ""))
    names = [normal(name) for name in metadata.get("provides-extra", ())]
    requirements = list(_parsed(metadata.get("requires-dist", ())))
    return {name: list(_of_extra(name, own, requirements, frozenset())) for name in names}


def _of_extra(
    extra: str, own: str, requirements: Sequence[Requirement], seen: frozenset[str]
) -> Iterator[str]:
    for each in requirements:
        if extra in seen or each.marker is None:
            continue
        if not each.marker.evaluate({"extra": extra}) or each.marker.evaluate({"extra": ""}):
            continue
        if normal(each.name) == own:  # `dev = ["project[test]"]`
            for other in each.extras:
                yield from _of_extra(normal(other), own, requirements, seen | {extra})
        else:
            each.marker = None
            yield str(each)


def _parsed(lines: Iterable[str]) -> Iterator[Requirement]:
    for line in lines:
        try:
            yield Requirement(line)
        except InvalidRequirement:
            continue


def _groups(pyproject: Mapping[str, Any]) -> dict[str, list[str]]:
    """Dependency groups (PEP 735), and Poetry's without its versions, which have a syntax of their own."""
    table = pyproject.get("dependency-groups", {})
    known = {normal(name): list(_members(name, table, frozenset())) for name in table}
    poetry = pyproject.get("tool", {}).get("poetry", {})
    named = {name: group.get("dependencies", {}) for name, group in poetry.get("group", {}).items()}
    named |= {"dev": poetry["dev-dependencies"]} if "dev-dependencies" in poetry else {}
    return {**{normal(name): list(lines) for name, lines in named.items()}, **known}


def _members(name: str, table: Mapping[str, Any], seen: frozenset[str]) -> Iterator[str]:
    for member in table.get(name, ()) if name not in seen else ():
        if isinstance(member, str):
            yield member
        elif isinstance(member, dict) and "include-group" in member:
            yield from _members(str(member["include-group"]), table, seen | {name})


def _list(table: object, key: str) -> Sequence[object]:
    found = table.get(key, ()) if isinstance(table, dict) else ()
    return found if isinstance(found, list) else ()


def normal(name: str) -> str:
    """A name as registries compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).strip().lower()
