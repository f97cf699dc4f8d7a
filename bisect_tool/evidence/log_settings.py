"""The settings of a scenario for its engine's logs: `[logs]` of scenario.toml."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import cached_property

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bisect_tool.evidence.line_format import LineFormat
from bisect_tool.evidence.patterns import PATTERNS, Milestone, Pattern, Patterns, Section


class EngineLogs(BaseModel):
    """The engine's patterns, in addition to those of patterns.toml, and the format of its lines.

    Attributes:
        packages, roles, patterns, milestones: as in a section of patterns.toml.
        format, fields, levels: see `LineFormat`; without a format, the usual forms are recognised.
        files: names (with `*` and `?`) of logs that the engine itself writes into the trial's log folder.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    packages: frozenset[str] = frozenset()
    roles: tuple[str, ...] = ()
    format: str = ""
    fields: dict[str, str] = Field(default_factory=dict)
    levels: dict[str, str] = Field(default_factory=dict)
    files: tuple[str, ...] = ()
    patterns: tuple[Pattern, ...] = ()
    milestones: tuple[Milestone, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> EngineLogs:
        if not self.format and (self.fields or self.levels):
            raise ValueError("`fields` and `levels` need a `format`")
        if wrong := [name for name in self.files if "/" in name or not name.endswith(".log")]:
            raise ValueError(f"`files` has {wrong[0]!r}: use files in {{logs}} that end with .log")
        try:
            _ = self.line_format  # created, and so validated
        except ValidationError as error:
            raise ValueError(error.errors()[0]["msg"].removeprefix("Value error, ")) from None
        return self

    @cached_property
    def line_format(self) -> LineFormat | None:
        """The format of the engine's lines; None for the usual ones."""
        return LineFormat(format=self.format, fields=self.fields, levels=self.levels) if self.format else None

    def is_own_log(self, name: str) -> bool:
        """Whether a file name is that of a log that the engine itself writes."""
        return any(fnmatchcase(name, pattern) for pattern in self.files)

    @cached_property
    def known(self) -> Patterns:
        """All patterns: the scenario's before those of patterns.toml."""
        if self == EngineLogs(files=self.files):
            return PATTERNS
        section = Section(
            packages=self.packages, roles=self.roles, patterns=self.patterns, milestones=self.milestones
        )
        return PATTERNS.extended(section, self.line_format)
