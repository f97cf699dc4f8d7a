"""Download the JUnit reports of a job from a CI service."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from bisect_tool.ci_results.answer import UnexpectedAnswer
from bisect_tool.ci_results.report_file import NoArchive, is_archive, unpack
from bisect_tool.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bisect_tool.ci_results.http import Client
    from bisect_tool.ci_results.job_reports import Artefact

_log = logging.getLogger("bisect_run.executor")
_BYTES = 64 << 20
_FILES = 100
"""The most that is downloaded for one job."""


def report_files(client: Client, listed: Callable[[], Iterable[Artefact]]) -> tuple[bytes, ...]:
    """Return the XML files among artefacts, up to a limit; none if the token may not read them.

    Raises:
        EnvironmentFailed: the service cannot be reached.
    """
    found: list[bytes] = []
    left = _BYTES
    for artefact in _listed(listed):
        if artefact.size > left or len(found) >= _FILES:
            _log.info("%s is not read: more than %d bytes or %d files", artefact.name, _BYTES, _FILES)
            continue
        content = _content(client, artefact, left)
        left -= len(content)
        found += _unpacked(content, artefact.name)
    return tuple(found[:_FILES])


def _listed(listed: Callable[[], Iterable[Artefact]]) -> list[Artefact]:
    """Return the unexpired artefacts with names of reports."""
    try:
        return [each for each in listed() if each.is_report and not each.is_expired]
    except (UsageError, UnexpectedAnswer) as error:
        _log.info("artefacts are not read: %s", error.message)
        return []


def _content(client: Client, artefact: Artefact, limit: int) -> bytes:
    try:
        return client.content(artefact.url, limit)
    except (UsageError, UnexpectedAnswer) as error:
        _log.info("%s is not read: %s", artefact.name, error.message)
        return b""


def _unpacked(content: bytes, name: str) -> list[bytes]:
    if not is_archive(content):
        return [content] if content else []
    try:
        return [each.content for each in unpack(content, name)]
    except NoArchive as error:
        _log.info("%s is not read: %s", name, error)
        return []
