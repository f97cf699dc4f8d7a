"""Find the folders of a commit's tree from which its packages are imported, from its build files."""

from __future__ import annotations

import configparser
import re
import tomllib
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_BUILD_FILES = ("pyproject.toml", "setup.py", "setup.cfg")
_IN_SETUP_PY = re.compile(
    r"package_dir\s*=\s*\{\s*(?:''|\"\")\s*:\s*['\"]([^'\"]+)"
    r"|find_(?:namespace_)?packages\(\s*(?:where\s*=\s*)?['\"]([^'\"]+)"
)


def import_roots(tree: Path, targets: Iterable[str]) -> tuple[Path, ...]:
    """Return the import roots: first those of each test's project, last the tree itself.

    `python -m pytest` also puts the tree, its current directory, on the import path.
    """
    projects = dict.fromkeys((*(_project(tree, target) for target in targets), tree))
    inside = tree.resolve()
    return tuple(
        dict.fromkeys(
            folder
            for project in projects
            for folder in (*(project / name for name in _declared(project)), project)
            if folder.is_dir() and folder.resolve().is_relative_to(inside)
        )
    )


def _project(tree: Path, target: str) -> Path:
    """Return the nearest folder above a test that has build files; else the tree."""
    for folder in PurePosixPath(target).parents:
        if any((tree / folder / name).is_file() for name in _BUILD_FILES):
            return tree / folder
    return tree


def _declared(project: Path) -> Iterator[str]:
    """Yield the folders that a project's build files name as import roots, relative to the project."""
    yield from map(str, filter(None, _in_pyproject(project)))
    yield from _in_setup_cfg(project)
    with suppress(OSError, UnicodeDecodeError):  # most projects have none
        text = (project / "setup.py").read_text(encoding="utf-8")
        yield from (first or second for first, second in _IN_SETUP_PY.findall(text))
    if not (project / "src" / "__init__.py").is_file():
        yield "src"


def _in_pyproject(project: Path) -> Iterator[Any]:
    try:
        tool = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8")).get("tool", {})
    except (OSError, ValueError):  # missing or malformed: it names no folder
        return
    yield _at(tool, "setuptools", "package-dir", "")
    where = _at(tool, "setuptools", "packages", "find", "where")
    yield from where if isinstance(where, list) else ()
    yield _at(tool, "pdm", "build", "package-dir")
    yield _at(tool, "maturin", "python-source")
    yield _at(tool, "uv", "build-backend", "module-root")
    packages = _at(tool, "poetry", "packages")
    yield from (_at(each, "from") for each in packages) if isinstance(packages, list) else ()
    wheel = _at(tool, "hatch", "build", "targets", "wheel", "packages")
    yield from (str(PurePosixPath(str(each)).parent) for each in wheel) if isinstance(wheel, list) else ()


def _at(table: Any, *keys: str) -> Any:  # noqa: ANN401 - TOML
    for key in keys:
        table = table.get(key) if isinstance(table, dict) else None
    return table


def _in_setup_cfg(project: Path) -> Iterator[str]:
    parser = configparser.RawConfigParser(strict=False)
    with suppress(configparser.Error, OSError, UnicodeDecodeError):  # most projects have none
        parser.read(project / "setup.cfg", encoding="utf-8")
        yield from parser.get("options.packages.find", "where", fallback="").split()
        for line in parser.get("options", "package_dir", fallback="").splitlines():
            package, _, folder = line.partition("=")
            if not package.strip() and folder.strip():
                yield folder.strip()
