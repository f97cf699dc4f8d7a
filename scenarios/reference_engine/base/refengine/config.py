"""What a rank is told: immutable, picklable, sent to every one of its processes."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class ModelConfig:
    """Shape of the transformer, from `model.json`; sizes in elements."""

    model: str
    dtype: str
    max_model_len: int
    load_format: str
    hidden_size: int
    num_layers: int
    num_heads: int
    num_experts: int
    experts_per_token: int
    expert_size: int
    seed: int

    @classmethod
    def load(cls, model: str, dtype: str, max_model_len: int, load_format: str) -> ModelConfig:
        shape = json.loads(Path(__file__).with_name("model.json").read_text(encoding="utf-8"))
        return cls(model, dtype, max_model_len, load_format, **shape)


@dataclass(frozen=True)
class SchedulerConfig:
    max_num_seqs: int


@dataclass(frozen=True)
class ParallelConfig:
    tensor_parallel_size: int = 1
    data_parallel_size: int = 1
    data_parallel_rank: int = 0
    data_parallel_size_local: int = 1
    data_parallel_address: str = "127.0.0.1"
    data_parallel_rpc_port: int = 29550
    api_process_count: int = 1
    api_process_rank: int = -1

    def __post_init__(self) -> None:
        if not 0 <= self.data_parallel_rank < self.data_parallel_size:
            raise ValueError(
                f"--data-parallel-rank {self.data_parallel_rank} is outside of "
                f"--data-parallel-size {self.data_parallel_size}"
            )
        if self.data_parallel_size_local != 1:
            raise ValueError("--data-parallel-size-local must be 1: every rank is a server of its own")
        if min(self.tensor_parallel_size, self.api_process_count) < 1:
            raise ValueError("--tensor-parallel-size and --api-server-count must be at least 1")

    @property
    def coordinator_address(self) -> str:
        return f"tcp://{self.data_parallel_address}:{self.data_parallel_rpc_port}"


@dataclass(frozen=True)
class EngineConfig:
    host: str
    port: int
    model: ModelConfig
    scheduler: SchedulerConfig
    parallel: ParallelConfig

    def for_api_server(self, rank: int) -> EngineConfig:
        return replace(self, parallel=replace(self.parallel, api_process_rank=rank))

    def as_json(self) -> dict[str, Any]:
        """As `/server_info?config_format=json` shows it, with vLLM's names."""
        parallel = asdict(self.parallel)
        for name in ("api_process_count", "api_process_rank"):
            parallel[f"_{name}"] = parallel.pop(name)
        return {
            "model_config": asdict(self.model),
            "scheduler_config": asdict(self.scheduler),
            "parallel_config": parallel,
        }
