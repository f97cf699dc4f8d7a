"""A serving engine in pure Python: the real one's flags and endpoints, and faults on demand.

`python stub_engine.py serve MODEL --port P --api-server-count N ...` has vLLM's shape: a launcher, an engine
process that holds shared memory, and with N > 1 one process for each API server. STUB_FAULT names the fault,
STUB_FAULT_RANK its only rank.
"""

from __future__ import annotations

import argparse
import json
import mmap
import os
import signal
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FATAL = (
    "(EngineCore_DP{rank} pid={pid}) ERROR 11-23 07:56:00 [core.py:946] Exception: "
    "WorkerProc initialization failed due to an exception in a background process."
)
LEAK = (
    "resource_tracker.py:1: UserWarning: resource_tracker: There appear to be 2 leaked shared_memory objects"
)
WORDS = " one two three four five six seven eight nine ten"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("serve")
    parser.add_argument("model")
    for name in ("size", "rank", "size-local", "rpc-port"):
        parser.add_argument(f"--data-parallel-{name}", type=int)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--data-parallel-address", default="127.0.0.1")
    for name in ("tensor-parallel-size", "port", "api-server-count"):
        parser.add_argument(f"--{name}", type=int, required=True)
    args = parser.parse_args()
    fault_rank = int(os.environ.get("STUB_FAULT_RANK", args.data_parallel_rank))
    Launcher(args, os.environ.get("STUB_FAULT", "") if args.data_parallel_rank == fault_rank else "").run()


def print_line(text: str) -> None:
    print(text, flush=True)  # noqa: T201


class Launcher:
    def __init__(self, args: argparse.Namespace, fault: str) -> None:
        self.args = args
        self.fault = fault
        self.rank = args.data_parallel_rank
        self.children: list[int] = []

    def print_line(self, role: str, text: str) -> None:
        print_line(f"({role} pid={os.getpid()}) {text}")

    def run(self) -> None:
        self.print_line("APIServer", f"INFO rpc port {self.args.data_parallel_rpc_port}")
        self.print_line("APIServer", f"INFO ranks meet at {self.args.data_parallel_address}")
        if self.fault == "exits-at-start":
            raise RuntimeError("the stub exits on demand")
        if self.fault == "exits-zero-at-start":
            sys.exit(0)
        if self.fault == "never-ready":
            signal.pause()
        self.children.append(self.fork(self.engine))
        self.wait_to_bind()
        listener = socket.create_server((self.args.host, self.args.port), backlog=256)
        if self.fault == "fatal-and-stubborn":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if self.fault in {"fatal-line", "fatal-and-stubborn"}:
            print_line(FATAL.format(rank=self.rank, pid=os.getpid()))
            signal.pause()
        if self.fault == "falls-apart":
            self.fall_apart()
        if self.args.api_server_count == 1:
            threading.Thread(target=self.api_server, args=(listener, 0), daemon=True).start()
        else:
            for index in range(self.args.api_server_count):
                self.children.append(self.fork(self.api_server, listener, index))
            listener.close()
        self.wait_for_end()

    def wait_to_bind(self) -> None:
        fault, _, file = self.fault.partition(":")
        while fault == "binds-once" and not Path(file).exists():
            time.sleep(0.02)

    def fall_apart(self) -> None:
        worker = self.fork(self.broken_worker)
        print_line(FATAL.format(rank=self.rank, pid=os.getpid()))
        os.waitpid(worker, 0)
        os.kill(self.children[0], signal.SIGTERM)
        sys.exit(1)

    def broken_worker(self) -> None:
        time.sleep(0.2)
        self.print_line("Worker_DP0_TP0", "INFO Parent process exited, terminating worker queues")
        time.sleep(1.0)
        self.print_line("Worker_DP0_TP0", "BrokenPipeError: [Errno 32] Broken pipe")

    def fork(self, target, *args) -> int:
        pid = os.fork()
        if pid == 0:
            target(*args)
            os._exit(0)
        return pid

    def wait_for_end(self) -> None:
        # No Event: a handler that sets one while it is waited for here blocks on its lock.
        received: list[int] = []
        ignore = self.fault == "ignores-sigterm"
        signal.signal(signal.SIGTERM, signal.SIG_IGN if ignore else lambda number, _: received.append(number))
        while not received:
            time.sleep(0.02)
        if self.fault == "root-leaves-child":
            os._exit(0)
        if self.fault == "ends-after-the-other":
            self.wait_for_other_rank()
        if self.fault == "complains-at-exit":
            self.print_line(
                "APIServer", "ERROR 11-23 07:56:00 [core_client.py:1] Engine core proc died unexpectedly"
            )
        for child in self.children:
            os.kill(child, signal.SIGTERM)
        for child in self.children:
            os.waitpid(child, 0)
        self.print_line("APIServer", "WARNING Parent process exited, terminating worker queues")
        if self.fault == "leak-warning":
            print_line(LEAK)
        os._exit(7 if self.fault == "exits-7" else 0)

    def wait_for_other_rank(self) -> None:
        mark = os.environ.get("STUB_MARK", "")
        ending = Path(f"/dev/shm/stub_{mark}_ending{self.rank}")
        other = Path(f"/dev/shm/stub_{mark}_ending{1 - self.rank}")
        ending.touch()
        while not other.exists():
            time.sleep(0.02)

    def engine(self) -> None:
        stubborn = self.fault in {"ignores-sigterm", "root-leaves-child", "hides"}
        signal.signal(signal.SIGTERM, signal.SIG_IGN if stubborn else lambda *_: self.end_engine())
        if self.fault == "hides":
            os.setsid()
        self.segment = Path(f"/dev/shm/stub_{os.environ.get('STUB_MARK', '')}_{os.getpid()}")
        self.segment.write_bytes(b"\0" * 4096)
        with self.segment.open("r+b") as file:
            self.memory = mmap.mmap(file.fileno(), 4096)
        while True:
            signal.pause()

    def end_engine(self) -> None:
        if self.fault != "leaks-shm":
            self.segment.unlink(missing_ok=True)
        os._exit(0)

    def api_server(self, listener: socket.socket, index: int) -> None:
        signal_here = threading.current_thread() is threading.main_thread()
        if signal_here:
            stubborn = self.fault == "ignores-sigterm"
            signal.signal(signal.SIGTERM, signal.SIG_IGN if stubborn else lambda *_: os._exit(0))
        launcher = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                launcher.get(self, index)

            def do_POST(self) -> None:
                launcher.post(self)

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(listener.getsockname(), Handler, bind_and_activate=False)
        server.socket.close()
        server.socket = listener
        server.serve_forever(0.02)

    def get(self, http: BaseHTTPRequestHandler, index: int) -> None:
        if http.path == "/health":
            answer(http, {}, 500 if self.fault == "unhealthy" else 200)
        elif http.path == "/server_info?config_format=json":
            count = self.args.api_server_count + (self.fault == "miscounts")
            parallel = {"_api_process_count": count, "_api_process_rank": index}
            answer(http, {"vllm_config": {"parallel_config": parallel}})
        else:
            answer(http, {"error": http.path}, 404)

    def post(self, http: BaseHTTPRequestHandler) -> None:
        body = json.loads(http.rfile.read(int(http.headers["Content-Length"])))
        self.print_line("APIServer", "INFO POST")
        if self.fault == "dies-on-request":
            os.kill(os.getpid(), signal.SIGKILL)
        if body["model"] != os.environ.get("STUB_MODEL", self.args.model):
            answer(http, {"error": f"no model {body['model']}"}, 404)
            return
        if self.fault == "never-answers":
            time.sleep(60)
        words = [f" {word}" for word in WORDS.split()[: body["max_tokens"]]]
        if body.get("stream"):
            http.send_response(200)
            http.send_header("Connection", "close")
            http.end_headers()
            for i, word in enumerate(words):
                send_event(http, completion(word, "length" if i == len(words) - 1 else None))
            if self.fault != "stops-streaming":
                http.wfile.write(b"data: [DONE]\n\n")
            http.close_connection = True
        else:
            text = "" if self.fault == "empty-text" else "".join(words)
            n = len(words)
            usage = {"prompt_tokens": 4, "completion_tokens": n, "total_tokens": n + 4}
            answer(http, {**completion(text, "length"), "usage": usage})


def completion(text: str, finish_reason: str | None) -> dict:
    return {"id": "cmpl-1", "choices": [{"index": 0, "text": text, "finish_reason": finish_reason}]}


def send_event(http: BaseHTTPRequestHandler, event: dict) -> None:
    http.wfile.write(b"data: " + json.dumps(event).encode() + b"\n\n")
    http.wfile.flush()


def answer(http: BaseHTTPRequestHandler, body: dict, status: int = 200) -> None:
    data = json.dumps(body).encode()
    http.send_response(status)
    http.send_header("Content-Type", "application/json")
    http.send_header("Content-Length", str(len(data)))
    http.end_headers()
    http.wfile.write(data)


if __name__ == "__main__":
    main()
