"""An engine in pure Python that keeps the shutdown contract, and breaks a clause on demand.

One process serves, and a child called EngineCore does nothing. A token takes 10 ms. With `--headless`,
requests are answered on the port of `--data-parallel-rpc-port`, to which a server without an engine core
passes bytes. STUB_FAULT names the broken clause.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import signal
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FAULT = os.environ.get("STUB_FAULT", "")
TOKEN_S = 0.01
START_UP_S = 0.3
PR_SET_NAME = 15


def flags() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("serve")
    parser.add_argument("model")
    for name in ("tensor-parallel-size", "port", "data-parallel-size", "data-parallel-rpc-port"):
        parser.add_argument(f"--{name}", type=int)
    parser.add_argument("--api-server-count", type=int)
    parser.add_argument("--data-parallel-size-local", type=int, default=1)
    parser.add_argument("--data-parallel-address")
    if FAULT != "has-no-headless":
        parser.add_argument("--headless", action="store_true")
    if FAULT != "has-no-timeout":
        parser.add_argument("--shutdown-timeout", type=int, default=0)
    return parser.parse_args()


class Engine:
    def __init__(self, timeout: float) -> None:
        self.timeout = 0 if FAULT == "drains-nothing" else timeout
        self.stopping = threading.Event()
        self.deadline = float("inf")
        self.serving = 0
        self.core = os.fork()
        if self.core == 0:
            ctypes.CDLL(None).prctl(PR_SET_NAME, b"EngineCore_DP0", 0, 0, 0)
            if FAULT == "leaves-its-core":
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
            while True:
                signal.pause()

    def stop(self, signum: int, _frame: object) -> None:
        if signum == signal.SIGINT and FAULT == "hangs-at-sigint":
            self.deadline = float("inf")
            self.serving += 1
        if not self.stopping.is_set():
            self.deadline = time.monotonic() + self.timeout
            self.stopping.set()

    @property
    def over(self) -> bool:
        spare = 3 * self.timeout if FAULT == "waits-twice" else 0
        return self.stopping.is_set() and time.monotonic() >= self.deadline + spare

    def run(self, port: int) -> None:
        if FAULT == "deaf-at-start":
            ignored = threading.Event()
            signal.signal(signal.SIGTERM, lambda *_: ignored.set())
            while not ignored.wait(0.02):  # the signal is always handled as if at the start
                pass
        else:
            signal.signal(signal.SIGTERM, self.leave)
            time.sleep(START_UP_S)
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, self.stop)
        server = ThreadingHTTPServer(("127.0.0.1", port), handler(self))
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        # Python runs handlers in the main thread, but another thread may receive the signal, such as one that
        # is just being started for a request: a wait without a timeout would not notice it.
        while not self.stopping.wait(0.02):
            pass
        while self.serving or (FAULT == "waits-when-idle" and not self.over):
            time.sleep(0.005)
        self.leave()

    def leave(self, *_: object) -> None:
        if FAULT != "leaves-its-core":
            os.kill(self.core, signal.SIGTERM)
            os.waitpid(self.core, 0)
        os._exit(3 if FAULT == "exits-3" else 0)

    def tokens(self, count: int):
        """Finish reasons, one for each token; the last is not None."""
        self.serving += 1
        try:
            for number in range(1, count + 1):
                time.sleep(TOKEN_S)
                if FAULT == "cuts-streams" and count > 64:
                    return
                if self.over and FAULT != "aborts-nothing":
                    yield None if FAULT == "gives-no-reason" else "abort"
                    return
                yield "length" if number == count else None
        finally:
            self.serving -= 1


def handler(engine: Engine) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.answer(200, {})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if engine.stopping.is_set() and FAULT != "accepts-more":
                self.answer(503, {"error": "shutting down"})
            elif body.get("stream"):
                self.send_response(200)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for reason in engine.tokens(body["max_tokens"]):
                    self.chunk(f"data: {json.dumps(choice(reason))}\n\n")
                self.chunk("data: [DONE]\n\n")
                self.chunk("")
            else:
                self.answer(200, choice(list(engine.tokens(body["max_tokens"]))[-1]))

        def chunk(self, data: str) -> None:
            self.wfile.write(f"{len(data):x}\r\n{data}\r\n".encode())
            self.wfile.flush()

        def answer(self, status: int, body: dict) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def choice(reason: str | None) -> dict:
    return {"choices": [{"index": 0, "text": " word", "finish_reason": reason}]}


def relay(port: int, to: int) -> None:
    """Serve no requests, but pass on each connection."""
    listener = socket.create_server(("127.0.0.1", port))
    while True:
        here, _ = listener.accept()
        try:
            there = socket.create_connection(("127.0.0.1", to))
        except OSError:
            here.close()
            continue
        for source, sink in ((here, there), (there, here)):
            threading.Thread(target=copy, args=(source, sink), daemon=True).start()


def copy(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(1 << 16):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        sys.exit()


def main() -> None:
    args = flags()
    if args.data_parallel_size_local == 0:
        relay(args.port, args.data_parallel_rpc_port)
    headless = getattr(args, "headless", False)
    engine = Engine(getattr(args, "shutdown_timeout", 0))
    engine.run(args.data_parallel_rpc_port if headless else args.port)


if __name__ == "__main__":
    main()
