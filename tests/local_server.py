"""A local HTTP server for a test, whose answers come from a function."""

from __future__ import annotations

from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """A client that closes the connection, as of an answer that is too long, is no error."""


@contextmanager
def serving(answer):
    """Serve on a free port; yields the address. `answer` writes the answer to each request's handler."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self):
            answer(self)

        def do_POST(self):
            answer(self)

        def do_PATCH(self):
            answer(self)

        def do_PUT(self):
            answer(self)

        def log_message(self, *_):
            pass

    with _Server(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
