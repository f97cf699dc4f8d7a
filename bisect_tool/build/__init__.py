"""From a commit to an environment to run it in, cached by what was really built.

`prepare` is the way in; each provider is a module of its own, and `fingerprint` says what commits share.
"""

from bisect_tool.build.environment import BuildFailed, BuildInterrupted, Environment
from bisect_tool.build.fingerprint import fingerprint, name_environment, native_paths
from bisect_tool.build.prepare import prepare
from bisect_tool.build.profile import BuildProfile, Provider

__all__ = [
    "BuildFailed",
    "BuildInterrupted",
    "BuildProfile",
    "Environment",
    "Provider",
    "fingerprint",
    "name_environment",
    "native_paths",
    "prepare",
]
