"""Render a session as Markdown: an issue body in the form that serving engines ask for.

Untrusted text is written as code only (spans, fences), where HTML, Markdown and mentions have no effect; the
template escapes every value that is not marked as Markdown.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import groupby, islice
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

from bisect_tool.format import count, duration, frame_location, outcome_text, percent, short
from bisect_tool.git import forge as forges
from bisect_tool.render import report_view
from bisect_tool.render.bounded_tables import rows
from bisect_tool.render.check_warnings import check_texts, shadow_title
from bisect_tool.render.confirmation import (
    next_search,
    revert_result,
    revert_results,
    reverts_conclusion,
    what_next,
)
from bisect_tool.render.culprits import diffstat, file_lines, merged, no_parent, parent_lines, pin_lines
from bisect_tool.render.failures import select_failures
from bisect_tool.render.fixes import NOT_ALL_TRIED, doubtful_cells, notes, tried_rows
from bisect_tool.render.leftovers import LEAKS_TITLE, brief, is_compared, leaks, listed_leftovers
from bisect_tool.render.machine_load import contrast_text
from bisect_tool.render.public_document import public
from bisect_tool.render.repro import inconclusive_rows, rate_rows, shown_cells, signature_rows
from bisect_tool.render.startup import DIFFERENCE, sides, start_ups, title
from bisect_tool.sanitise import clean, clean_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from bisect_tool.evidence import Event
    from bisect_tool.json_document.document import CommitInfo, Document, FailRates

_LINE_LIMIT = 500
_EXCERPT_LIMIT = 12_000
_TRIAL_LIMIT = 100
_CHAIN_LIMIT = 30
_NOTES = 12
_NAMED = 12
# Roles that a log line does not carry as a prefix.
_UNPREFIXED = ("", "Launcher", "Test")
_BACKTICKS = re.compile("`+")
# A word, a number or a date, with punctuation: it cannot be markup, a link, a mention or a reference.
_PLAIN = re.compile(r"""["'(]*(?:[^\W\d_]+(?:['-][^\W\d_]+)*|\d{1,6}%?|\d{4}-\d\d-\d\d)["')]*[,.;:]*["')]*""")
_LIST_NUMBER = re.compile(r"^(\d+)([.)])")
_TOKEN = re.compile(r"`[^`]+`\S*|\S+")
_PUNCTUATED = re.compile(r"(?P<before>\((?=[^()]*\)?[,.;:]*$))?(?P<code>.+?)(?P<after>(?(before)\)?)[,.;:]*)")
_PUNCTUATION = re.compile(r"[^\w \u0080-\U0010ffff]")


class Markdown(str):
    """Text that is already Markdown and is not escaped."""

    __slots__ = ()


def markdown(document: Document) -> str:
    """Render the issue body of a session, finished or not; it ends with a newline."""
    document = public(document)
    name, mode_values = _template_values(document)
    return (
        environment()
        .get_template(f"{name}.md.j2")
        .render(
            document=document,
            has_address=bool(document.origin) or "://" in document.repo,
            affected=report_view.affected(document),
            green=report_view.cells_found(document, "green"),
            shown_failures=select_failures(document),
            trials=document.trials[:_TRIAL_LIMIT],
            leftovers=() if is_compared(document) else listed_leftovers(document)[:_TRIAL_LIMIT],
            leaks=leaks(document)[:_TRIAL_LIMIT] if is_compared(document) else (),
            leaks_title=Markdown(LEAKS_TITLE),
            start_ups=start_ups(document),
            sides=sides(document),
            start_up=Markdown(title(document)),
            difference=Markdown(DIFFERENCE),
            check_files=check_texts(document),
            doubt=Markdown(shadow_title(document)) if document.shadows else "",
            native_culprits={change.sha for change in report_view.native_culprits(document)},
            **mode_values,
        )
    )


def _template_values(document: Document) -> tuple[str, dict[str, object]]:
    """Return the name of the template for this kind of session, and the values that only it needs."""
    if document.repro is not None:
        return "repro", {
            "against": document.repro.against,
            "rate_rows": tuple(rate_rows(document.repro)),
            "more_cells": len(document.repro.cells) - len(shown_cells(document.repro)),
            "signature_rows": tuple(signature_rows(document.repro)),
            "inconclusive_rows": tuple(inconclusive_rows(document.repro)),
        }
    if document.fixes is not None:
        return "fixes", {
            "tried_rows": tuple(tried_rows(document.fixes)),
            "notes": (*notes(document.fixes), *doubtful_cells(document.fixes)),
            "not_all_tried": Markdown(NOT_ALL_TRIED),
        }
    return "issue", {
        "culprits": report_view.culprits(document),
        "candidates": report_view.candidates(document),
        "other": report_view.cells_found(document, "flaky", "always red", "unverified"),
        "contrast": report_view.contrast(document),
        "labels": report_view.labels(document),
        "fix": document.find == "fix",
        "rows": rows(document.cells),
        "order_dependent": [item for item in document.cells.items() if item[1].prerequisites][:_NOTES],
        "rates": dict(islice(_rates(document), _NOTES)),
    }


def _rates(document: Document) -> Iterator[tuple[str, FailRates]]:
    """Yield the failure rates of cells that fail intermittently."""
    for cell, report in document.cells.items():
        if rates := report_view.intermittent_rates(report):
            yield cell, rates


def code(text: str, limit: int = _LINE_LIMIT) -> Markdown:
    """Format a code span; its fence is longer than any run of backticks inside (CommonMark 6.1)."""
    line = clean_line(text, limit).strip()
    if not line:
        return Markdown("—")
    ticks = "`" * (_longest(line) + 1)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return Markdown(f"{ticks}{pad}{line}{pad}{ticks}")


def table_code(text: str, limit: int = _LINE_LIMIT) -> Markdown:
    """Format a code span for a table cell, where a pipe would end the cell even inside backticks."""
    line = clean_line(text, limit).strip()
    if "|" not in line:
        return code(line, limit)
    escaped = _PUNCTUATION.sub(lambda match: f"&#{ord(match[0])};", line)
    return Markdown(f"<code>{escaped}</code>")


def prose(text: str, span: Callable[[str], str] = table_code) -> Markdown:
    """Format a sentence, also for a table cell: words, numbers and dates as they are, the rest as code.

    `span` formats a code span.
    """
    tokens = _TOKEN.findall(clean_line(text, _LINE_LIMIT))
    groups = groupby(tokens, key=lambda token: bool(_PLAIN.fullmatch(token)))
    parts = (" ".join(words) if plain else _code_in_prose(" ".join(words), span) for plain, words in groups)
    return Markdown(_LIST_NUMBER.sub(r"\1\\\2", " ".join(parts))) if tokens else code("")


def sentence(text: str) -> Markdown:
    """Format prose with a capital letter and a full stop."""
    return Markdown(f"{prose(text[:1].upper() + text[1:])}.")


def _code_in_prose(text: str, span: Callable[[str], str]) -> str:
    """Format a code span; backticks around the text are dropped, and punctuation stays outside."""
    found = _PUNCTUATED.fullmatch(text)
    before, inner, after = found.groups("") if found else ("", text, "")
    return f"{before}{span(inner.strip('`') or inner)}{after}"


def fence(text: str, language: str = "text", limit: int = _EXCERPT_LIMIT) -> Markdown:
    """Format a fenced block; a text that is too long is cut to its head and tail."""
    body = clean(_head_and_tail(text, limit)).strip("\n")
    ticks = "`" * max(_longest(body) + 1, 3)
    return Markdown(f"{ticks}{language}\n{body}\n{ticks}")


def log_line(event: Event) -> str:
    """Format an event in one line, as issues quote them: `Worker_DP1: Exception: message`."""
    text = event.headline or next(iter(event.lines), event.kind)
    return text if event.role in _UNPREFIXED else f"{event.role}: {text}"


def _finalize(value: object) -> str:
    return str(value) if isinstance(value, (Markdown, int)) else code(str(value))


@cache
def environment() -> Environment:
    """Return the Jinja environment of all templates; it writes values that are not Markdown as code."""
    environment = Environment(  # noqa: S701  # the output is Markdown; _finalize is its escaping
        loader=PackageLoader("bisect_tool.render"),
        finalize=_finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "table_code": table_code,
        "prose": prose,
        "sentence": sentence,
        "fence": fence,
        "short": short,
        "duration": lambda seconds: Markdown(duration(seconds)),
        "count": lambda number, noun: Markdown(count(number, noun)),
        "brief": brief,
        "codes": codes,
        "listed_codes": listed_codes,
        "base_name": lambda path: PurePosixPath(path).name,
        "chain": lambda failure: failure.chain[:_CHAIN_LIMIT],
        "log_lines": lambda failure: "\n".join(
            clean_line(log_line(event), _LINE_LIMIT) for event in failure.chain[:_CHAIN_LIMIT]
        ),
        "failed": lambda runs: Markdown(runs or ""),
        "contrast_text": contrast_text,
        "trusted": lambda text: Markdown(str(text)),
        "resume": lambda document: f"bisect-run resume {document.session}",
        "percent": lambda chance: Markdown(percent(chance)),
        "frame_location": lambda frames: frame_location(frames[-1]),
        "outcome_text": lambda trial: outcome_text(trial.outcome, trial.reason, trial.outcomes.values()),
        "after": lambda event, root: Markdown(f"{event.time - root.time:+.3f} s"),
    }
    environment.globals |= {
        "commit_reference": commit_reference,
        "commit_link": commit_link,
        "subject": report_view.subject,
        "cost_summary": report_view.cost_summary,
        "earlier_results": report_view.earlier_results,
    }
    environment.globals |= {
        "diffstat": diffstat,
        "no_parent": no_parent,
        "file_lines": file_lines,
        "merged": merged,
        "parent_lines": parent_lines,
        "pin_lines": pin_lines,
    }
    environment.globals |= {
        "revert_result": revert_result,
        "revert_results": revert_results,
        "reverts_conclusion": reverts_conclusion,
        "next_search": next_search,
        "what_next": what_next,
    }
    return environment


def codes(items: Iterable[str]) -> Markdown:
    """Format the first items as code spans, and count the others."""
    spans = [code(item) for item in items]
    more = len(spans) - _NAMED
    return Markdown(", ".join(spans[:_NAMED]) + (f" and {more} more" if more > 0 else ""))


def listed_codes(items: Sequence[str]) -> Markdown:
    """Format the first items as code spans in a sentence, with an `and` before the last one."""
    spans = [code(item) for item in items]
    if 1 < len(spans) <= _NAMED:
        return Markdown(f"{', '.join(spans[:-1])} and {spans[-1]}")
    return codes(items)


def commit_reference(document: Document, commit: CommitInfo) -> Markdown:
    """Format a commit by its pull request, if it has one."""
    name = commit_link(document, commit.sha)
    if commit.pr is None:
        return name
    forge = report_view.forge(document)
    mark = forges.mark(commit.pr, forge)
    # As code if there is no link: a bare number could link to another repository.
    request = f"[{mark}]({forge.request(commit.pr)})" if forge else code(mark)
    return Markdown(f"{forges.kind(forge)} {request} ({name})")


def commit_link(document: Document, sha: str) -> Markdown:
    """Format a commit id, with a link where the repository has a web address."""
    forge = report_view.forge(document)
    return Markdown(f"[{code(short(sha))}]({forge.commit(sha)})") if forge else code(short(sha))


def _longest(text: str) -> int:
    return max((len(run) for run in _BACKTICKS.findall(text)), default=0)


def _head_and_tail(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n[... {len(text) - 2 * half} characters omitted ...]\n{text[-half:]}"
