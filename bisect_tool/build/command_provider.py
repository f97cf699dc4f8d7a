"""Provider `command`: runs programs one after the other in the commit's tree, without a shell."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from bisect_tool.build.environment_variables import tree_environment
from bisect_tool.build.installer import Installer

if TYPE_CHECKING:
    from bisect_tool.build.build import Build


def build(job: Build) -> None:
    """Run the profile's commands; what they write to `{out}` is the environment."""
    if job.profile.needs_venv:
        installer = Installer.find(job)
        installer.create()
        installer.install(job.profile.requirements)
        installer.remove(job.profile.remove)
    env = tree_environment(os.environ, job.folder)
    env |= {name: job.fill(value) for name, value in job.profile.env.items()}
    for command in job.profile.command:
        job.run([job.fill(argument) for argument in command], env, job.tree)
