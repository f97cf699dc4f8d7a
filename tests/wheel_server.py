"""A local server of wheels with the layout of the real one, and faults on request."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import quote

from packaging.utils import parse_wheel_filename

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Server:
    """`files` by raw path; `faults` are answers (status, body) used up one by one before the file is sent.

    `cut` is how many bytes of a body are sent before the connection breaks, used up one by one as well.
    """

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    etags: dict[str, str] = field(default_factory=dict)
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    faults: dict[str, list[int]] = field(default_factory=dict)
    cut: dict[str, list[int]] = field(default_factory=dict)
    ranges: bool = True
    seen: list[tuple[str, str, str]] = field(default_factory=list)
    """Path, `Range` and `If-Range` of each request."""

    def publish(self, sha: str, wheel: Path, *variants: str, name: str = "", **changes) -> str:
        """Put a wheel and its lists there; `variants` without any: the default one. Returns its raw path."""
        name = name or wheel.name
        path = f"/{sha}/{quote(name)}"
        self.files[path] = wheel.read_bytes()
        self.etags[path] = f'"{len(self.files)}"'
        for variant in variants or ("",):
            up = "../../" if variant else "../"
            self.list(sha, variant, [{**entry(name), "path": up + quote(name), **changes}])
        return path

    def list(self, sha: str, variant: str, entries) -> None:
        folder = f"{sha}/{variant}" if variant else sha
        self.files[f"/{folder}/engine/metadata.json"] = json.dumps(entries).encode()

    def requested(self, ending: str) -> list[tuple[str, str, str]]:
        return [each for each in self.seen if each[0].endswith(ending)]


def entry(name: str) -> dict[str, object]:
    """What the index of the real server says of a file."""
    package, version, _, tags = parse_wheel_filename(name)
    tag = next(iter(tags))
    return {
        "package_name": package,
        "version": str(version),
        "build_tag": None,
        "python_tag": tag.interpreter,
        "abi_tag": tag.abi,
        "platform_tag": tag.platform,
        "variant": None,
        "filename": name,
        "path": f"../{quote(name)}",
    }


class _Handler(BaseHTTPRequestHandler):
    """Answers from the `state` of a server."""

    state: Server
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        asked, condition = self.headers.get("Range", ""), self.headers.get("If-Range", "")
        self.state.seen.append((self.path, asked, condition))
        body, etag = self.state.files.get(self.path), self.state.etags.get(self.path, "")
        if faults := self.state.faults.get(self.path):
            self._plain(faults.pop(0))
        elif body is None:
            self._plain(HTTPStatus.FORBIDDEN)  # as S3 answers where listing is not allowed
        elif asked and self.state.ranges and condition == etag:
            self._send(body, etag, int(asked.removeprefix("bytes=").removesuffix("-")))
        else:
            self._send(body, etag, 0)

    def _send(self, body, etag, begin):
        if begin >= len(body) > 0:
            self._plain(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
            return
        self.send_response(HTTPStatus.PARTIAL_CONTENT if begin else HTTPStatus.OK)
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(body) - 1}/{len(body)}")
        self.send_header("Content-Length", str(len(body) - begin))
        for name, value in {"ETag": etag, **self.state.headers.get(self.path, {})}.items():
            self.send_header(name, value)
        self.end_headers()
        cuts = self.state.cut.get(self.path)
        self.wfile.write(body[begin:][: cuts.pop(0)] if cuts else body[begin:])
        self.close_connection = True

    def _plain(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "0")
        for name, value in self.state.headers.get(self.path, {}).items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_):
        """Print nothing."""


@contextmanager
def serving():
    """A server while the context lasts."""
    state = Server()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"state": state}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
