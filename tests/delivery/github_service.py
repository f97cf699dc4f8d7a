"""A local server that simulates GitHub's REST API for issues, and a webhook, with faults.

It answers as documented at https://docs.github.com/rest/issues, with the fields that matter.
"""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import RLock
from urllib.parse import parse_qs, urlsplit

from local_server import serving

REPOSITORY = "vllm-project/vllm"


@dataclass
class Fault:
    """A fault of a request: `done` carries it out first, `lost` then ends without an answer."""

    method: str
    path: str
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: object = None
    done: bool = False
    lost: bool = False
    before: object = None


class GithubService:
    """The issues of one repository; each of `faults`, in order, applies to the first matching request."""

    def __init__(self):
        self.issues = []
        self.comments = {}
        self.messages = []
        self.faults = []
        self.requests = []
        self.headers = []
        self.login = "bisect-bot"
        self.may_label = True
        self.has_graphql = True
        self.searchable = True
        self.url = ""
        self.lock = RLock()

    def answer(self, method, path, query, body):
        """The status, headers and body of an answer; None for a connection that ends without one."""
        with self.lock:
            self.requests.append((method, path, query, body))
            fault = self._fault(method, path)
            if fault and fault.before:
                fault.before(self)
            if fault and not fault.done and not fault.lost:
                return fault.status, fault.headers, fault.body or {"message": "a fault"}
            found = self._answer(method, path, query, body) if not fault or fault.done else None
            if fault and fault.lost:
                return None
            return (fault.status, fault.headers, {"message": "a fault"}) if fault else found

    def issue(self, title="Something else", body="", login="someone", labels=(), **more):
        """Add an issue."""
        number = len(self.issues) + 1
        fields = {
            "number": number,
            "title": title,
            "body": body,
            "state": "open",
            "labels": [{"name": name} for name in labels],
            "user": {"login": login},
            **more,
        }
        self.issues.append(fields)
        self.comments[number] = []
        return fields

    @property
    def writes(self):
        return [
            (method, path) for method, path, _, _ in self.requests if method != "GET" and path != "/graphql"
        ]

    def _fault(self, method, path):
        for fault in self.faults:
            if fault.method == method and re.fullmatch(fault.path, path):
                self.faults.remove(fault)
                return fault
        return None

    def _answer(self, method, path, query, body):
        if path == "/webhook":
            self.messages.append(body["text"])
            return 200, {}, "ok"
        if path in {"/user", "/graphql"}:
            return self._account(path)
        if path == "/search/issues":
            return 200, {}, {"total_count": 0, "items": self._searched(query)}
        base = f"/repos/{REPOSITORY}/issues"
        if path == base:
            return self._created(body) if method == "POST" else self._listed(query, base)
        match = re.fullmatch(rf"{base}/(\d+)(/comments)?", path)
        if not match or int(match[1]) > len(self.issues):
            return 404, {}, {"message": "Not Found"}
        return self._one(method, int(match[1]), bool(match[2]), body)

    def _account(self, path):
        if path == "/user" and not self.login.endswith("[bot]"):
            return 200, {}, {"login": self.login}
        if path == "/graphql" and self.has_graphql:
            return 200, {}, {"data": {"viewer": {"login": self.login}}}
        return 403, {}, {"message": "Resource not accessible by integration"}

    def _one(self, method, number, of_comments, body):
        found = self.issues[number - 1]
        if of_comments:
            if method == "POST":
                self.comments[number].append({"body": body["body"], "user": {"login": self.login}})
                return 201, {}, self.comments[number][-1]
            return 200, {}, self.comments[number]
        if method == "PATCH":
            found |= body
        return 200, {}, found

    def _created(self, body):
        labels = body["labels"] if self.may_label else ()
        return 201, {}, self.issue(body["title"], body["body"], self.login, labels)

    def _listed(self, query, base):
        label = query.get("labels")
        every = [
            each for each in self.issues if not label or label in [name["name"] for name in each["labels"]]
        ][::-1]
        size, page = int(query["per_page"]), int(query.get("page", 1))
        more = f"{self.url}{base}?page={page + 1}&" + "&".join(
            f"{name}={value}" for name, value in query.items() if name != "page"
        )
        headers = {"Link": f'<{more}>; rel="next"'} if len(every) > page * size else {}
        return 200, headers, every[(page - 1) * size : page * size]

    def _searched(self, query):
        text = re.match(r'"([^"]+)"', query["q"])[1]
        return [each for each in self.issues if text in each["body"]] if self.searchable else []


@contextmanager
def github():
    service = GithubService()

    def respond(handler):
        parts = urlsplit(handler.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        length = int(handler.headers.get("Content-Length", 0))
        body = json.loads(handler.rfile.read(length)) if length else None
        service.headers.append(dict(handler.headers))
        found = service.answer(handler.command, parts.path, query, body)
        if found is None:
            handler.close_connection = True
            return
        status, headers, content = found
        data = content.encode() if isinstance(content, str) else json.dumps(content).encode()
        handler.send_response_only(status)  # without a `Date`: the clock of tests is the one that counts
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(data)

    with serving(respond) as service.url:
        yield service
