"""Annotate Buildkite builds with the jobs that a session started in them, and read them back."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

from bisect_tool.ci_results import buildkite_client
from bisect_tool.errors import BisectError, UsageError
from bisect_tool.executor.ci.call import Call

if TYPE_CHECKING:
    from bisect_tool.ci_results.http import Client
    from bisect_tool.executor.ci.caller import Caller

_log = logging.getLogger("bisect_run.executor")
_DONE = {"retry": "retried as", "unblock": "unblocked"}
_JOB = re.compile(r"\bjob ([0-9A-Za-z-]+)")


class Annotations:
    """The annotations of a session, at most one on each build; a build without one is only harder to read."""

    def __init__(self, path: str, session: str, client: Client, caller: Caller) -> None:
        """Write nothing yet; `path` is that of all builds."""
        self._path, self._session, self._client, self._caller = path, session, client, caller
        self._context = f"bisect-run {session}"
        self._is_permitted = True

    def add(self, build: str, what: str, job: str) -> None:
        """Say on a build that a job was started there, by `retry` or `unblock`."""
        if not self._is_permitted:
            return
        text = f"bisect-run, session {self._session}: {_DONE[what]} job {job}\n\n"
        body = {"body": text, "style": "info", "context": self._context, "append": True}
        try:
            self._caller.send(Call("POST", f"{self._path}/{build}/annotations", body))
        except BisectError as error:
            self._is_permitted = False
            _log.warning("builds are not annotated with the jobs that are started: %s", error.message)

    def jobs(self, build: str) -> tuple[str, ...]:
        """Return the jobs that the session started in a build, as far as they were annotated."""
        try:
            found = buildkite_client.build_annotations(self._client, f"{self._path}/{build}/annotations")
        except UsageError as error:
            _log.warning("the annotations of build %s are not read: %s", build, error.message)
            return ()
        texts = (each.body_html for each in found if each.context == self._context)
        return tuple(job for text in texts for job in _JOB.findall(text))
