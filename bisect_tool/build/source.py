"""Provider `source`: build and install the commit's tree with its own build backend."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from bisect_tool.build.hygiene import tree_environment
from bisect_tool.build.installer import Installer

if TYPE_CHECKING:
    from bisect_tool.build.step import Build


def build(job: Build) -> None:
    """Install the profile's requirements as wheels, then the tree with what it depends on."""
    installer = Installer.find(job)
    installer.create()
    installer.install(job.profile.requirements)
    env = tree_environment(os.environ, job.folder)
    env |= {name: job.fill(value) for name, value in job.profile.env.items()}
    installer.build_tree(env)
    installer.remove(job.profile.remove)
