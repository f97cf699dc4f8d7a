"""Provider `source`: build and install the commit's tree with its build backend.

Commits with the same native sources share an environment. Their Python files differ, so a trial imports from
the tree, into which files are linked that only the build makes (extension modules, a version file, generated
code). A wheel that is published for the commit can save the compilation: see `commit_wheel`.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from bisect_tool.build.commit_wheel import wheel_variables
from bisect_tool.build.environment_variables import tree_environment
from bisect_tool.build.installer import Installer
from bisect_tool.build.overlay_provider import OVERLAY

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bisect_tool.build.build import Build


def build(job: Build) -> None:
    """Install the profile's requirements as wheels, then the tree and its dependencies."""
    with wheel_variables(job) as variables:
        _build(job, variables)


def _build(job: Build, variables: Mapping[str, str]) -> None:
    tree_files = {path.relative_to(job.tree) for path in _files(job.tree, job)}
    installer = Installer.find(job)
    installer.create()
    installer.install(job.profile.requirements)
    env = tree_environment(os.environ, job.folder)
    env |= {name: job.fill(value) for name, value in job.profile.env.items()}
    installer.build_tree({**env, **variables})
    installer.remove(job.profile.remove)
    (packages,) = (job.folder / "venv" / "lib").glob("python*/site-packages")
    for path in _files(packages, job):
        name = path.relative_to(packages)
        if name not in tree_files and path.suffix != ".pyc":
            target = job.folder / OVERLAY / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target)


def _files(root: Path, job: Build) -> list[Path]:
    """The files below `root` in the profile's folders."""
    return [path for folder in job.profile.tree for path in (root / folder).rglob("*") if path.is_file()]
