"""A local server of wheels with the layout of the real one, and faults on request."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from threading import Event
from typing import TYPE_CHECKING
from urllib.parse import quote

from local_server import serving
from packaging.utils import parse_wheel_filename

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Server:
    """`files` by raw path; `faults` are answers (status, body) used up one by one before the file is sent.

    `cut` is how many bytes of a body are sent before the connection breaks, also used up one by one.
    Where `drips` has a path, what `cut` leaves out of the body comes a byte at a time, until `over` is set.
    """

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    etags: dict[str, str] = field(default_factory=dict)
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    faults: dict[str, list[int]] = field(default_factory=dict)
    cut: dict[str, list[int]] = field(default_factory=dict)
    drips: set[str] = field(default_factory=set)
    over: Event = field(default_factory=Event)
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
    """The entry of a file in the index of the real server."""
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


@contextmanager
def serving_wheels():
    """Serve wheels within the context."""
    state = Server()
    with serving(lambda handler: _answer(state, handler)) as state.url:
        yield state


def _answer(state, handler):
    path, asked, condition = (
        handler.path,
        handler.headers.get("Range", ""),
        handler.headers.get("If-Range", ""),
    )
    state.seen.append((path, asked, condition))
    body, etag = state.files.get(path), state.etags.get(path, "")
    if faults := state.faults.get(path):
        _send(state, handler, faults.pop(0), b"")
    elif body is None:
        _send(state, handler, HTTPStatus.FORBIDDEN, b"")  # as S3 answers where listing is not allowed
    elif not (asked and state.ranges and condition == etag):
        _send(state, handler, HTTPStatus.OK, body)
    elif (begin := int(asked.removeprefix("bytes=").removesuffix("-"))) >= len(body):
        _send(state, handler, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, b"")
    else:
        rest = f"bytes {begin}-{len(body) - 1}/{len(body)}"
        _send(state, handler, HTTPStatus.PARTIAL_CONTENT, body[begin:], **{"Content-Range": rest})


def _send(state, handler, status, body, **headers):
    handler.send_response(status)
    basic = {"Content-Length": str(len(body)), "ETag": state.etags.get(handler.path, "")}
    headers = {**basic, "Connection": "close", **headers}  # so that the client does not use it again
    for name, value in {**headers, **state.headers.get(handler.path, {})}.items():
        if value:
            handler.send_header(name, value)
    handler.end_headers()
    cuts = state.cut.get(handler.path)
    sent = cuts.pop(0) if cuts else len(body)
    handler.wfile.write(body[:sent])
    while handler.path in state.drips and sent < len(body) and not state.over.wait(0.01):
        handler.wfile.write(body[sent : sent + 1])
        sent += 1
    handler.close_connection = True
