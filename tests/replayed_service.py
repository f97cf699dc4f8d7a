"""A local HTTP server with a list of answers, one for each request."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field

from local_server import serving


@dataclass(frozen=True)
class Reply:
    """An answer; `cut` ends it before its length, `next_path` links to the next page.

    A body that is a generator's function is sent piece by piece, without a length.
    """

    body: object = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    next_path: str = ""
    cut: bool = False

    def content(self):
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


class ReplayedService:
    """Answers to paths (without their query), in order; the last one of a path is repeated."""

    def __init__(self, replies):
        self.replies = {path: list(each) for path, each in replies.items()}
        self.requests = []
        self.url = ""

    def answer(self, handler):
        path = handler.path.partition("?")[0]
        self.requests.append((handler.path, dict(handler.headers)))
        replies = self.replies.get(path, [Reply({"message": "Not Found"}, 404)])
        reply = replies.pop(0) if len(replies) > 1 else replies[0]
        handler.send_response_only(reply.status)  # without a `Date`, which tests set
        for name, value in reply.headers.items():
            handler.send_header(name, value)
        if reply.next_path:
            handler.send_header("Link", f'<{self.url}{reply.next_path}>; rel="next"')
        if callable(reply.body):
            handler.end_headers()
            handler.wfile.writelines(reply.body())
            handler.close_connection = True
            return
        content = reply.content()
        if reply.status != 304:
            handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        if reply.status != 304:
            handler.wfile.write(content[: len(content) // 2] if reply.cut else content)
        handler.close_connection = reply.cut

    @property
    def paths(self):
        return [path.partition("?")[0] for path, _ in self.requests]


@contextmanager
def replayed(replies):
    service = ReplayedService(replies)
    with serving(service.answer) as service.url:
        yield service
