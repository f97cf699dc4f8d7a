"""Post a message to a Slack-compatible webhook. Its URL is a secret, so errors do not contain it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

import requests

from bisect_tool import write_tokens
from bisect_tool.ci_results.rate_limit import wait_after_refusal
from bisect_tool.errors import EnvironmentFailed
from bisect_tool.http_request import send
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from bisect_tool.delivery.clock import Clock

VARIABLE = write_tokens.WEBHOOK
_TRIES = 3
_LONGEST_WAIT = 300
_TOO_MANY = 429
_SHOWN = 1000


def post(url: str, text: str, clock: Clock) -> bool:
    """Post a message; returns False if the answer was lost, so that it may not have arrived.

    Raises:
        EnvironmentFailed: it was not posted.
    """
    for _ in range(_TRIES):
        try:
            answer = send(requests.request, "POST", url, json={"text": text})
        except (requests.RequestException, ValueError) as error:  # ValueError: what is no host name
            if _may_have_arrived(error):
                return False
            raise _failed(type(error).__name__) from None
        if answer.status != _TOO_MANY:
            break
        wait = wait_after_refusal(answer.headers, clock.now())
        if wait > _LONGEST_WAIT:
            break
        clock.sleep(max(1.0, wait))
    if answer.status >= requests.codes.multiple_choices:
        raise _failed(f"HTTP {answer.status} {_answer_text(answer.content, url)}".rstrip())
    return True


def _answer_text(content: bytes, url: str) -> str:
    """Return the text of an answer; empty if it may contain part of the URL."""
    text = content[:_SHOWN].decode("utf-8", "replace")
    address, words = unquote(url).lower(), re.findall(r"[\w-]{4,}", unquote(text).lower())
    return "" if any(word in address for word in words) else clean_line(text, 100)


def _may_have_arrived(error: requests.RequestException | ValueError) -> bool:
    """Whether the message may have been sent before the connection was lost."""
    if isinstance(error, requests.ReadTimeout | requests.exceptions.ChunkedEncodingError):
        return True
    # A connection that was never made has the reason why (`urllib3.exceptions.MaxRetryError`).
    lost = isinstance(error, requests.ConnectionError) and bool(error.args)
    return lost and not hasattr(error.args[0], "reason")


def _failed(reason: str) -> EnvironmentFailed:
    return EnvironmentFailed(f"the webhook did not accept the message: {reason}", f"Check {VARIABLE}.")
