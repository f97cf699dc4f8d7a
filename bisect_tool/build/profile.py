"""The `build` table of a scenario's profile: how an environment is built, and from what."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bisect_tool.wheels.settings import CommitWheels  # pydantic needs it at run time

_Name = Annotated[str, Field(min_length=1)]
PLACEHOLDERS = ("python", "tree", "out")
_PLACEHOLDER = re.compile(r"\{(?P<name>\w+)\}(?=/|$)")
"""A placeholder at the start of a word; elsewhere, braces may belong to the language of an argument."""


class Provider(StrEnum):
    """Where an environment comes from: see the module of the same name."""

    OVERLAY = "overlay"
    COMMAND = "command"
    SOURCE = "source"
    PROJECT = "project"
    NONE = "none"


class BuildProfile(BaseModel):
    """How the environment of a commit is built.

    The fields up to `commit_wheels` and `env` are part of the fingerprint; `tree` and `timeout_s` are not.
    Templates in `command` and `env` may use `{python}` (the environment's interpreter), `{tree}` (the
    commit's tree) and `{out}` (the environment's folder).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    provider: Provider
    native: tuple[_Name, ...] = Field(
        (), description="paths whose contents identify the environment; `*` matches any text in a file name"
    )
    base: str = Field(
        "",
        description="use one compiled base for the whole range; `native` changes are only reported",
    )
    python: str = Field(
        "", description="version of the environment's Python, such as 3.11; empty: the tool's own"
    )
    wheel: str = Field("", description="overlay: requirement or path of the wheel with the compiled files")
    distribution: str = Field("", description="overlay: `name==version` to be found by importlib.metadata")
    requirements: tuple[_Name, ...] = Field((), description="installed in addition to the dependencies")
    exclude: tuple[_Name, ...] = Field((), description="overlay: dependencies of the wheel to leave out")
    remove: tuple[_Name, ...] = Field((), description="distributions to uninstall at the end")
    files: tuple[_Name, ...] = Field(
        (), description="overlay: globs of the wheel's files that are copied over a tree"
    )
    command: tuple[tuple[_Name, ...], ...] = Field((), description="command: programs to run, with arguments")
    commit_wheels: CommitWheels | None = Field(
        None, description="source: per-commit wheels, which save compiling"
    )

    tree: tuple[_Name, ...] = Field((), description="directories of the commit's tree to compile to bytecode")
    timeout_s: float = Field(3600, gt=0, description="deadline of the whole build in seconds")
    env: dict[str, str] = Field(default_factory=dict, description="variables for building and running")

    @model_validator(mode="after")
    def _complete(self) -> BuildProfile:
        if self.provider is Provider.OVERLAY and not (self.wheel and self.files):
            raise ValueError("provider overlay needs `wheel` and `files`")
        if self.provider is Provider.COMMAND and not self.command:
            raise ValueError("provider command needs `command`")
        for word in (word for program in self.command for word in program):
            found = _PLACEHOLDER.match(word)
            if found and found["name"] not in PLACEHOLDERS:
                known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
                raise ValueError(f"`command` has {found[0]}, which is none of {known}")
        if self.commit_wheels is not None and self.provider is not Provider.SOURCE:
            raise ValueError("`commit_wheels` needs provider source")
        return self

    @property
    def needs_venv(self) -> bool:
        """Whether the environment has an interpreter of its own."""
        if self.provider is Provider.COMMAND:
            return bool(self.python or self.requirements)
        return self.provider in {Provider.OVERLAY, Provider.SOURCE, Provider.PROJECT}
