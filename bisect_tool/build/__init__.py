"""Build the environment of a commit, cached by the fingerprint of its native sources and profile.

`prepare` is the entry point; each provider is a module, and `fingerprint` identifies shared environments.
"""

from bisect_tool.build.environment import BuildFailed, BuildInterrupted, Environment
from bisect_tool.build.fingerprint import fingerprint, name_environment, native_paths
from bisect_tool.build.lineage import lineage
from bisect_tool.build.prepare import prepare
from bisect_tool.build.profile import BuildProfile, Provider

__all__ = [
    "BuildFailed",
    "BuildInterrupted",
    "BuildProfile",
    "Environment",
    "Provider",
    "fingerprint",
    "lineage",
    "name_environment",
    "native_paths",
    "prepare",
]
