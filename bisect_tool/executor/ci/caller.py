"""Send calls to a CI service, with a separate token.

A call is not repeated if its answer is lost: the state of the service shows whether it succeeded.
"""

from __future__ import annotations

import json
import logging
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import requests

from bisect_tool.ci_results.bearer_token import Bearer
from bisect_tool.ci_results.rate_limit import is_refusal, wait_after_refusal
from bisect_tool.errors import BisectError, EnvironmentFailed, UsageError
from bisect_tool.http_request import send
from bisect_tool.parse_untrusted import value_at
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from bisect_tool.executor.ci.call import Call
    from bisect_tool.http_request import Reply

_log = logging.getLogger("bisect_run.executor")
_TRIES = 5
_PATIENCE_S = 3600.0
_NOT_FOUND = 404
_NO_RERUN = re.compile(r"re-?run|already running|month ago", re.IGNORECASE)
"""GitHub answers with 403 also if a run still runs, or is too old to be run again."""


class LostAnswer(BisectError):
    """The answer to a call was lost: it may have succeeded."""


class Refused(BisectError):
    """The service rejected a call."""


@dataclass(frozen=True)
class Caller:
    """Sends calls to a service.

    Attributes:
        service: the name of the service.
        url: its base URL.
        token: the token of the calls; empty if it is not set.
        variable: the environment variable of the token; not that of the reading token.
        scope: the required scope of the token.
        sleep: waits for some seconds.
    """

    service: str
    url: str
    token: str
    variable: str
    scope: str
    sleep: Callable[[float], None] = time.sleep

    def describe(self, call: Call) -> str:
        """The call as a line."""
        body = f" {json.dumps(call.body)}" if call.body is not None else ""
        return f"{call.method} {self.url}{call.path}{body}"

    def send(self, call: Call) -> Any:  # noqa: ANN401 - JSON
        """Send a call once, and return its answer; retry only after a rate limit rejection.

        Raises:
            LostAnswer: it is unknown whether it succeeded.
            Refused: the service rejected it.
            UsageError: the token is missing, or lacks the permission.
            EnvironmentFailed: the rate limit is exhausted for a long time.
        """
        if not self.token:
            raise UsageError(
                f"{self.service} needs a token with permission to start jobs: {self.variable} is not set",
                f"Set {self.variable} to a token with {self.scope}, and run `bisect-run resume`; "
                "--dry-run prints the calls.",
            )
        for _ in range(_TRIES):
            reply = self._reply(call)
            if not is_refusal(reply.status, reply.headers, time.time(), reply.content):
                return self._answer(call, reply)
            wait = max(1.0, wait_after_refusal(reply.headers, time.time()))
            if wait > _PATIENCE_S:
                break
            _log.info("%s %s: the rate limit is used up, waiting %.0f s", call.method, call.path, wait)
            self.sleep(wait)
        raise EnvironmentFailed(
            f"the rate limit of {self.service} is exhausted: {call.method} {call.path}", "Try again later."
        )

    def _reply(self, call: Call) -> Reply:
        url = f"{self.url}{call.path}"
        try:
            auth = Bearer(self.token, self.variable)
            reply = send(requests.request, call.method, url, json=call.body, auth=auth)
        except requests.RequestException as error:
            raise LostAnswer(f"{self.service} did not answer: {type(error).__name__}") from None
        _log.info("%s %s: HTTP %d", call.method, call.path, reply.status)
        return reply

    def _answer(self, call: Call, reply: Reply) -> Any:  # noqa: ANN401 - JSON
        status = reply.status
        if status >= requests.codes.server_error:
            raise LostAnswer(f"{self.service} answered with HTTP {status}")
        if status == requests.codes.unauthorized:
            raise UsageError(
                f"{self.service} does not accept the token",
                f"Check {self.variable}: it may be wrong or expired.",
            )
        if status == requests.codes.forbidden and _NO_RERUN.search(_error_text(reply)):
            raise Refused(f"{self.service} rejects the call: {_error_text(reply)}")
        if status in (requests.codes.forbidden, _NOT_FOUND):
            raise UsageError(
                f"the token has no permission for {call.method} {call.path}: {_error_text(reply)}",
                f"{self.variable} needs {self.scope}.",
            )
        if status >= requests.codes.multiple_choices:
            raise Refused(f"{self.service} rejects the call: {_error_text(reply)}")
        return reply.body if reply.is_json else None  # such as 204, or an empty 201


def _error_text(reply: Reply) -> str:
    message = value_at(reply.body, "message")
    return (clean_line(message, 200) if isinstance(message, str) else "") or f"HTTP {reply.status}"
