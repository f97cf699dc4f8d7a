"""The resources of a trial in Ray's terms: CPUs, GPUs and custom resources, on one node or several."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bisect_tool.format import count

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bisect_tool.trial.config import TrialConfig


@dataclass(frozen=True)
class Needs:
    """The resources that a trial reserves on each of its nodes."""

    cpus: float = 1.0
    gpus: int = 0
    custom: Mapping[str, float] = field(default_factory=dict)
    nodes: int = 1

    @property
    def resources(self) -> dict[str, float]:
        """Return the resources of one node by Ray's names."""
        wanted = {"CPU": self.cpus, "GPU": float(self.gpus), **self.custom}
        return {name: amount for name, amount in wanted.items() if amount}

    def able(self, nodes: Iterable[Mapping[str, float]]) -> int:
        """Return how many nodes have all of them, if idle."""
        return sum(
            all(node.get(name, 0.0) >= amount for name, amount in self.resources.items()) for node in nodes
        )

    def __str__(self) -> str:
        words = [count(self.gpus, "GPU")] if self.gpus else []
        words += [f"{self.cpus:g} CPU{'' if self.cpus == 1 else 's'}"] if self.cpus else []
        words += [f"{amount:g} {name}" for name, amount in self.custom.items()]
        return ", ".join(words)


def needs_of(config: TrialConfig) -> Needs:
    """Return the resources of a configuration's trials, from its profile."""
    asked = config.profile.ray if config.profile else None
    if asked is None:
        return Needs(gpus=config.gpus)
    return Needs(asked.cpus, config.gpus // config.nodes, asked.resources, config.nodes)
