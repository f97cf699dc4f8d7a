"""Render a cause of failures as a message for a chat with Slack's markup (Mattermost, Discord and others)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.format import short
from bisect_tool.git.forge import called, forge_of
from bisect_tool.render.markdown import prose
from bisect_tool.render.nightly_cause import culprit, headline
from bisect_tool.sanitise import inert_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bisect_tool.json_document.nightly import Cause, NightlyDocument

_ESCAPED = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "`": "'"})
_LIMIT = 300


def message(night: NightlyDocument, cause: Cause) -> str:
    """Render the message: what fails, since when, the error, and the command that shows the report."""
    return "\n".join(_lines(night, cause))


def _lines(night: NightlyDocument, cause: Cause) -> Iterator[str]:
    if cause.state == "fixed":
        yield f"*{cause.heading}* in {_code(night.ref)}: {prose(headline(cause), _code)}"
        if cause.note:
            yield cause.note
        elif cause.fixed_by:
            yield f"Passes again at {_code(short(cause.fixed_by))}."
        return
    heading = "New regression" if cause.state == "new" else "Regression"
    yield f"*{heading}* in {_code(night.ref)}: {prose(headline(cause), _code)}"
    if cause.exception:
        yield f"Error: {_code(cause.exception)}"
    if cause.culprit:
        yield f"{'Culprit' if cause.proven else 'Suspect'}: {_commit(cause)}"
    if cause.session:
        yield f"Report: {_code(f'bisect-run report {cause.session}')}"


def _commit(cause: Cause) -> str:
    """The culprit with its subject, linked to its pull request or to the commit."""
    commit = culprit(cause)
    subject = f" {_code(commit.subject)}" if commit else ""
    forge = forge_of(cause.document.origin or cause.document.repo) if cause.document else None
    if forge is None:
        return f"{_code(short(cause.culprit))}{subject}"
    if commit is None or commit.pr is None:
        return f"<{forge.commit(cause.culprit)}|{short(cause.culprit)}>{subject}"
    return f"<{forge.request(commit.pr)}|{called(commit.pr, forge)}>{subject}"


def _code(text: str) -> str:
    """A code span, in which nothing is a command, a mention or a link."""
    return f"`{inert_line(text, _LIMIT).translate(_ESCAPED) or ' '}`"
