"""Render a cause of failures as Markdown: the body of its issue, and comments when its state changes.

Untrusted text is rendered as code, as in `render/markdown.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bisect_tool.format import short
from bisect_tool.git.forge import forge_of
from bisect_tool.render.failures import who
from bisect_tool.render.markdown import (
    Markdown,
    code,
    codes,
    commit_reference,
    fence,
    log_line,
    markdown,
    prose,
)
from bisect_tool.render.nightly import chain_lines
from bisect_tool.render.nightly_cause import culprit, failure_at, tested_cell
from bisect_tool.render.public_document import public, without_homes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bisect_tool.json_document.document import Document
    from bisect_tool.json_document.nightly import Cause, NightlyDocument

_REPORT_BYTES = 55_000
"""GitHub accepts 65,536 characters; the rest of the body needs some of them."""
_ERROR_LINES = 10


def report(night: NightlyDocument, cause: Cause) -> str:
    """Render the current status, and as much of the bisection's report as fits into an issue."""
    parts = (status(night, cause), _cells(cause), _observed(night, cause), _bisection(cause))
    return "\n\n".join(filter(None, parts)) + "\n"


def issue_body(night: NightlyDocument, cause: Cause, paused_label: str, kept: str = "") -> str:
    """Render the body of the issue: the report, and how to stop its updates.

    `kept` is the previous body below its first paragraph: it is kept if the bisection's document is gone.
    """
    if kept and cause.document is None:
        return f"{status(night, cause)}\n\n{kept}\n"
    footer = (
        f"Updated by {code('bisect-run nightly')} (watch {code(without_homes(night.watch))}). "
        f"To stop the updates, add the label {code(paused_label)}."
    )
    return f"{report(night, cause)}\n{footer}\n"


def change(night: NightlyDocument, cause: Cause, *, again: bool) -> str:
    """Render the comment on an issue whose state has changed; `again`: it fails after it was fixed."""
    lines = [status(night, cause, again=again)]
    if cause.state != "fixed":
        lines += ["", *facts(cause)]
    return "\n".join(lines) + "\n"


def pull_request(cause: Cause) -> str:
    """Render the comment on the pull request of a proven culprit."""
    shown = public(cause.document) if cause.document else None
    have = "has" if len(cause.cells) == 1 else "have"
    since = f"since this change landed as {code(short(cause.culprit))}"
    lines = [f"{codes(cause.cells)} {have} failed {since}.", ""]
    lines += [f"- {each}" for each in _runs(cause)]
    failure = failure_at(shown, cause.culprit) if shown else None
    if failure:
        lines += ["", fence("\n".join(log_line(event) for event in failure.chain[:_ERROR_LINES]))]
    if shown and shown.rerun:
        lines += ["", "Command to rerun:", "", fence(shown.rerun, "bash")]
    lines += ["", f"Found by {code('bisect-run')}, which ran the tests at this commit and before it."]
    return "\n".join(lines) + "\n"


def facts(cause: Cause) -> Iterator[str]:
    """Yield list items: the cells, the culprit or candidates, the range, the error, and the fix if any."""
    if cause.cells:
        yield f"- Cells: {codes(cause.cells)}"
    if cause.culprit:
        yield f"- {'Culprit' if cause.proven else 'Suspect'}: {_culprit_reference(cause)}"
    elif cause.candidates:
        yield f"- One of: {codes([short(sha) for sha in cause.candidates])}"
    yield f"- Range: {code(short(cause.good))} (good) to {code(short(cause.bad))} (bad)"
    if cause.exception:
        yield f"- Error: {code(cause.exception)}"
    if cause.fixed_by:
        yield f"- Fixed: {fixing_range(cause)}"
    if cause.note:
        yield f"- {cause.note}"
    if cause.session:
        yield f"- Report: {code(f'bisect-run report {cause.session}')}"


def fixing_range(cause: Cause) -> Markdown:
    """The range from the last failure to the first pass after it, with a link if the forge is known."""
    red = cause.last_red or cause.bad
    span = code(f"{short(red)}..{short(cause.fixed_by)}")
    forge = forge_of(cause.document.origin or cause.document.repo) if cause.document else None
    if forge is None:
        return span
    return Markdown(f"[{span}]({forge.compare(red, cause.fixed_by)})")


def status(night: NightlyDocument, cause: Cause, *, again: bool = False) -> str:
    """One paragraph: whether the cells fail, and where."""
    if cause.note:
        return f"**{cause.heading}**: {cause.note}"
    if cause.state == "fixed":
        since = f" since {code(short(cause.fixed_by))}" if cause.fixed_by else ""
        among = f" The fix is in {fixing_range(cause)}." if cause.fixed_by else ""
        return f"**Fixed**: all cells pass again{since}.{among}"
    where = f"at {code(short(night.commit))} of {code(night.ref)}"
    return f"**Fails again** {where}." if again else f"**Fails** {where}."


def _cells(cause: Cause) -> str:
    """The cells, if the bisection has other names for them, as for a command."""
    named = cause.document is None or set(cause.cells) <= cause.document.cells.keys()
    return "" if named else f"Failing: {codes(cause.cells)}."


def _observed(night: NightlyDocument, cause: Cause) -> str:
    """The failure chain in the results that were read, which the bisection's own check may not show."""
    observed = next((each for each in night.failures if not set(each.cells).isdisjoint(cause.cells)), None)
    if observed is None:
        return ""
    lines = fence(without_homes("\n".join(chain_lines(observed))))
    return f"{prose(who(observed))} at {code(short(observed.sha))} in the results that were read:\n\n{lines}"


def _culprit_reference(cause: Cause) -> str:
    commit = culprit(cause)
    if commit is None or cause.document is None:
        return code(short(cause.culprit))
    return f"{commit_reference(cause.document, commit)} — {code(commit.subject)}"


def _bisection(cause: Cause) -> str:
    """The report of the bisection; without logs and trials if it is too long."""
    if cause.document is not None:
        for document in (cause.document, _without_logs(cause.document)):
            text = markdown(document).strip("\n")
            if len(text.encode()) <= _REPORT_BYTES:
                return text
    return "\n".join(facts(cause))


def _without_logs(document: Document) -> Document:
    failures = tuple(each.model_copy(update={"excerpt": ""}) for each in document.failures)
    first = document.failure and document.failure.model_copy(update={"excerpt": ""})
    return document.model_copy(update={"trials": (), "failures": failures, "failure": first})


def _runs(cause: Cause) -> Iterator[str]:
    """The runs of the first cell with this culprit, at the commit and before it."""
    tested = tested_cell(cause)
    if tested:
        name, cell = tested
        yield f"{code(name)}: {cell.culprit_runs} at this commit"
        if cell.last_good and cell.last_good_runs:
            yield f"before it, at {code(short(cell.last_good))}: {cell.last_good_runs}"
