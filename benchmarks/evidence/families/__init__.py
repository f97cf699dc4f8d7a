"""Families of failures: the output of a program's processes when they fail, and the root."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.evidence.families.crashes import chained, killed, native
from benchmarks.evidence.families.distributed import ray_crash, torchrun, watchdog
from benchmarks.evidence.families.engines import sglang, vllm_killed, vllm_run, vllm_start
from benchmarks.evidence.families.loggers import loggers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from benchmarks.evidence.families.maker import Maker, Process

FAMILIES: Mapping[str, Callable[[Maker], tuple[list[Process], str]]] = {
    "vllm start": vllm_start,
    "vllm run": vllm_run,
    "vllm killed": vllm_killed,
    "sglang": sglang,
    "torchrun": torchrun,
    "watchdog": watchdog,
    "ray crash": ray_crash,
    "killed": killed,
    "native": native,
    "loggers": loggers,
    "chained": chained,
}
