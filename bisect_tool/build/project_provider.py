"""Provider `project`: installs what a Python project and its tests need; its own code comes from each commit.

The project is installed with its build backend, which may compile. Then its own files are removed from the
environment, except for its metadata and scripts. Built files that the tree lacks are kept, and are linked
into the tree of every commit that shares the environment. All other code is imported from the tree.
"""

from __future__ import annotations

import csv
import email.parser
import os
import shutil
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from bisect_tool.build.environment import BuildFailed
from bisect_tool.build.environment_variables import tree_environment
from bisect_tool.build.import_roots import import_roots
from bisect_tool.build.installer import Installer
from bisect_tool.build.overlay_provider import OVERLAY
from bisect_tool.build.project_requirements import find_requirements, installable
from bisect_tool.parse_untrusted import parse_json, value_at

if TYPE_CHECKING:
    from bisect_tool.build.build import Build

_HAS_PYTEST = "import pytest"


def build(job: Build) -> None:
    """Make a virtual environment with the dependencies of the tree and its tests."""
    tree_files = _files(job.tree)
    installer = Installer.find(job)
    installer.create()
    env = tree_environment(os.environ, job.folder)
    if installable(job.tree):
        installer.build_tree(env)
    metadata = _metadata(job)
    headers = _headers(metadata) if metadata else {}
    if metadata:  # before anything else is installed: pytest itself can need another version of the project
        _remove_project_code(metadata, job, tree_files)
    wanted = find_requirements(job.tree, headers)
    listing = job.folder / "requirements.txt"
    listing.write_text(
        "".join(f"{line}\n" for line in (*wanted.requirements, *wanted.lines)), encoding="utf-8"
    )
    if listing.stat().st_size:
        installer.install_with_sources(["-r", str(listing)], env)
    if not _has_pytest(job):
        installer.install(["pytest"])


def _has_pytest(job: Build) -> bool:
    try:
        job.run([str(job.python), "-c", _HAS_PYTEST], {}, job.folder)
    except BuildFailed:  # the import failed
        return False
    return True


def _packages(job: Build) -> Path:
    (packages,) = (job.folder / "venv" / "lib").glob("python*/site-packages")
    return packages


def _metadata(job: Build) -> Path | None:
    """Return the metadata folder of the distribution that was built from the tree (PEP 610)."""
    for file in sorted(_packages(job).glob("*.dist-info/direct_url.json")):
        url = str(value_at(_record(file), "url") or "")
        if url.rstrip("/") == job.tree.as_uri():
            return file.parent
    return None


def _record(file: Path) -> object:
    """What an installed distribution records about its origin; None if that cannot be read."""
    try:
        return parse_json(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # then it is not the one that was built
        return None


def _headers(metadata: Path) -> dict[str, list[str]]:
    message = email.parser.BytesParser().parsebytes((metadata / "METADATA").read_bytes(), headersonly=True)
    headers: dict[str, list[str]] = {}
    for name, value in message.items():
        headers.setdefault(name.lower(), []).append(str(value))
    return headers


def _remove_project_code(metadata: Path, job: Build, tree_files: set[Path]) -> None:
    """Remove the project's own files from the environment; those that the tree lacks go into the overlay."""
    packages = metadata.parent
    roots = import_roots(job.tree, ())
    with (metadata / "RECORD").open(encoding="utf-8", newline="") as record:
        names = [PurePosixPath(row[0]) for row in csv.reader(record) if row]
    for name in names:
        path = packages / name
        if (
            ".." in name.parts
            or name.parts[0] == metadata.name
            or name.suffix == ".pth"
            or not path.is_file()
        ):
            continue
        if name.suffix != ".pyc" and not any(root / name in tree_files for root in roots):
            root = next((root for root in roots if (root / name.parts[0]).exists()), roots[0])
            target = job.folder / OVERLAY / root.relative_to(job.tree) / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target)
            (root / name).unlink(missing_ok=True)  # a backend may leave it in the tree as well
        path.unlink()
    for folder in {packages / name.parts[0] for name in names if ".." not in name.parts}:
        _remove_empty(folder)


def _remove_empty(folder: Path) -> None:
    """Remove a folder that has no files other than bytecode."""
    inside = folder.rglob("*") if folder.is_dir() and folder.suffix != ".dist-info" else ()
    if (
        folder.is_dir()
        and folder.suffix != ".dist-info"
        and not any(path.is_file() and path.suffix != ".pyc" for path in inside)
    ):
        shutil.rmtree(folder)


def _files(tree: Path) -> set[Path]:
    return {path for path in tree.rglob("*") if path.is_file()}
