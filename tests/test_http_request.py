"""Answers of services are read up to a limit, and are JSON or not."""

from __future__ import annotations

import pytest
import requests
from replayed_service import Reply, replayed

from bisect_tool import http_request as module
from bisect_tool.http_request import send


def answer(reply):
    with replayed({"/call": [reply]}) as service:
        return send(requests.request, "GET", f"{service.url}/call")


def test_answer_is_read():
    found = answer(Reply({"number": 1}, 201, {"X-Other": "x"}))
    assert (found.status, found.headers["X-Other"], found.body) == (201, "x", {"number": 1})


def test_redirect_is_not_followed():
    assert answer(Reply(b"", 302, {"Location": "http://127.0.0.1:9/"})).status == 302


@pytest.mark.parametrize("content", [b"", b"<html>", b"[" * 100_000, b"1" * 5000, b"\xff"])
def test_content_that_is_not_json(content):
    found = answer(Reply(content))
    assert (found.content, found.is_json) == (content, False)


def test_long_answer_is_truncated(monkeypatch):
    monkeypatch.setattr(module, "_LIMIT", 1000)
    found = answer(Reply(b"[" + b"1," * 500_000 + b"1]"))
    assert (len(found.content), found.is_json) == (1000, False)
