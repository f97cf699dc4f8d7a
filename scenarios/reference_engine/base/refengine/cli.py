"""The command line: flags in, a configuration out."""

from __future__ import annotations

import argparse
import sys

from refengine import __version__
from refengine.config import EngineConfig, ModelConfig, ParallelConfig, SchedulerConfig
from refengine.native import NativeError, load_kernels
from refengine.processes import exit_on_signal


def parser() -> argparse.ArgumentParser:
    """The flags, under the names which vLLM gave them."""
    root = argparse.ArgumentParser(prog="refengine")
    root.add_argument("--version", action="version", version=__version__)
    serve = root.add_subparsers(dest="command", required=True).add_parser("serve")
    serve.add_argument("model", help="a name; the weights are random, but always the same")
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--port", type=int, default=8000)
    serve.add_argument("--dtype", default="auto", choices=["auto", "float32", "bfloat16", "float16"])
    serve.add_argument("--max-model-len", type=int, default=2048)
    serve.add_argument("--max-num-seqs", type=int, default=128)
    serve.add_argument("--load-format", default="dummy", choices=["auto", "dummy"])
    serve.add_argument("--enforce-eager", action="store_true", help="accepted; nothing is compiled")
    serve.add_argument("--api-server-count", type=int, default=1)
    serve.add_argument("--tensor-parallel-size", type=int, default=1)
    serve.add_argument("--data-parallel-size", type=int, default=1)
    serve.add_argument("--data-parallel-rank", type=int, default=0)
    serve.add_argument("--data-parallel-size-local", type=int, default=1)
    serve.add_argument("--data-parallel-address", default="127.0.0.1")
    serve.add_argument("--data-parallel-rpc-port", type=int, default=29550)
    return root


def configure(flags: argparse.Namespace) -> EngineConfig:
    """The configuration which every process of the rank receives."""
    return EngineConfig(
        host=flags.host,
        port=flags.port,
        model=ModelConfig.load(flags.model, flags.dtype, flags.max_model_len, flags.load_format),
        scheduler=SchedulerConfig(max_num_seqs=flags.max_num_seqs),
        parallel=ParallelConfig(
            tensor_parallel_size=flags.tensor_parallel_size,
            data_parallel_size=flags.data_parallel_size,
            data_parallel_rank=flags.data_parallel_rank,
            data_parallel_size_local=flags.data_parallel_size_local,
            data_parallel_address=flags.data_parallel_address,
            data_parallel_rpc_port=flags.data_parallel_rpc_port,
            api_process_count=flags.api_server_count,
        ),
    )


def main(argv: list[str] | None = None) -> int:
    """Serve until a signal ends it; the exit status is 0 after SIGTERM, 1 after a failure."""
    exit_on_signal()
    flags = parser().parse_args(argv)
    try:
        config = configure(flags)
        load_kernels()
    except (NativeError, ValueError) as error:
        print(f"refengine: {error}", file=sys.stderr)
        return 2
    from refengine.serve import serve

    return serve(config)
