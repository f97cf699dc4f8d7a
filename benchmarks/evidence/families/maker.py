"""Parts of a made-up failure: processes with their lines, and random values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

START = datetime(2026, 3, 6, 7, 2, 12, tzinfo=UTC)
_PACKAGES = "/opt/env/lib/python3.12/site-packages"
_CAUSES = (
    "ValueError: Free memory on device cuda:0 (1.1/79.2 GiB) on startup is less than desired",
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.50 GiB.",
    "RuntimeError: CUDA error: an illegal memory access was encountered",
    "AssertionError: Unsupported number of EP ranks: 1",
    "KeyError: 'model.layers.7.mlp.gate_up_proj.weight'",
    "OSError: [Errno 28] No space left on device",
    "FileNotFoundError: [Errno 2] No such file or directory: '/models/config.json'",
    "ModuleNotFoundError: No module named 'flash_attn'",
    "AssertionError",
    "TypeError: forward() got an unexpected keyword argument 'positions'",
    "huggingface_hub.errors.HfHubHTTPError: 429 Client Error: Too Many Requests for url: https://hub/m",
    "torch.distributed.DistNetworkError: The server socket has failed to listen. EADDRINUSE",
    "triton.compiler.errors.CompilationError: at 7:24: unsupported type",
    "pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig",
)


@dataclass
class Process:
    """One process and its output: times, and the lines printed at once."""

    name: str
    source: str = "log"
    prints: list[tuple[float, list[str]]] = field(default_factory=list)

    def print(self, at: float, *lines: str) -> None:
        """Print lines at once."""
        self.prints.append((at, list(lines)))


class Maker:
    """Draws the values that differ between failures of a family."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.cause = chance.choice(_CAUSES)
        self.pid = chance.randrange(1000, 60000)
        self.fraction = chance.choice((0, 3, 6))

    def clock(self, at: float, form: str) -> str:
        """The time `at` seconds after the start, to the resolution of this failure's clocks."""
        moment = START + timedelta(seconds=at)
        fraction = f"{moment.microsecond:06}"[: self.fraction]
        return moment.strftime(form) + (f".{fraction}" if fraction else "")

    def later(self, least: float = 1.1) -> float:
        """Seconds between a cause and its effect: at least what the clocks can resolve."""
        return least + self.chance.random()

    def stack(self, *places: str) -> list[str]:
        """The stack of a traceback, in files of an engine."""
        depth = self.chance.randrange(1, 4)
        files = [*places, *(f"vllm/layers/layer_{number}.py" for number in range(depth))]
        lines = ["Traceback (most recent call last):"]
        for file in files:
            lines += [
                f'  File "{_PACKAGES}/{file}", line {self.chance.randrange(999)}, in run',
                "    return self.forward(*args, **kwargs)",
                *(["           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^"] if self.chance.random() < 0.5 else []),
            ]
        return lines

    def raised(self, raised: str, *places: str) -> list[str]:
        """A traceback."""
        return [*self.stack(*places), raised]
