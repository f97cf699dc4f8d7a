"""The resources of a trial in Ray's terms: CPUs, GPUs and custom resources."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bisect_tool.format import count

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bisect_tool.trial.config import TrialConfig


@dataclass(frozen=True)
class Needs:
    """The resources that a trial reserves on one node."""

    cpus: float = 1.0
    gpus: int = 0
    custom: Mapping[str, float] = field(default_factory=dict)

    @property
    def resources(self) -> dict[str, float]:
        """Return the resources by Ray's names."""
        wanted = {"CPU": self.cpus, "GPU": float(self.gpus), **self.custom}
        return {name: amount for name, amount in wanted.items() if amount}

    def fit(self, nodes: Iterable[Mapping[str, float]]) -> bool:
        """Whether one of the nodes has all of them, if idle."""
        return any(
            all(node.get(name, 0.0) >= amount for name, amount in self.resources.items()) for node in nodes
        )

    def __str__(self) -> str:
        words = [count(self.gpus, "GPU")] if self.gpus else []
        words += [f"{self.cpus:g} CPU{'' if self.cpus == 1 else 's'}"] if self.cpus else []
        return ", ".join([*words, *(f"{amount:g} {name}" for name, amount in self.custom.items())])


def needs_of(config: TrialConfig) -> Needs:
    """Return the resources of a configuration's trials, from its profile."""
    asked = config.profile.ray if config.profile else None
    if asked is None:
        return Needs(gpus=config.gpus)
    return Needs(asked.cpus, config.gpus, asked.resources)
