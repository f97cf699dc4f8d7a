"""Find the folders of a commit's tree from which its packages are imported, from its build files."""

from __future__ import annotations

import configparser
import re
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from bisect_tool.parse_untrusted import list_at, parse_toml, value_at
from bisect_tool.supervise.files import read_linked

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
            if _is_folder(folder) and folder.resolve().is_relative_to(inside)
        )
    )


def _is_folder(path: Path) -> bool:
    """Whether it is one; a declared name can be longer than any."""
    try:
        return path.is_dir()
    except OSError:  # longer than a name can be
        return False


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
        text = read_linked(project / "setup.py").decode()
        yield from (first or second for first, second in _IN_SETUP_PY.findall(text))
    if not (project / "src" / "__init__.py").is_file():
        yield "src"


def _in_pyproject(project: Path) -> Iterator[Any]:
    try:
        tool = parse_toml(read_linked(project / "pyproject.toml").decode()).get("tool")
    except (OSError, ValueError):  # missing or malformed: it names no folder
        return
    yield value_at(tool, "setuptools", "package-dir", "")
    yield from list_at(tool, "setuptools", "packages", "find", "where")
    yield value_at(tool, "pdm", "build", "package-dir")
    yield value_at(tool, "maturin", "python-source")
    yield value_at(tool, "uv", "build-backend", "module-root")
    yield from (value_at(each, "from") for each in list_at(tool, "poetry", "packages"))
    wheel = list_at(tool, "hatch", "build", "targets", "wheel", "packages")
    yield from (str(PurePosixPath(str(each)).parent) for each in wheel)


def _in_setup_cfg(project: Path) -> Iterator[str]:
    parser = configparser.RawConfigParser(strict=False)
    with suppress(configparser.Error, OSError, UnicodeDecodeError):  # most projects have none
        parser.read_string(read_linked(project / "setup.cfg").decode())
        yield from parser.get("options.packages.find", "where", fallback="").split()
        for line in parser.get("options", "package_dir", fallback="").splitlines():
            package, _, folder = line.partition("=")
            if not package.strip() and folder.strip():
                yield folder.strip()
