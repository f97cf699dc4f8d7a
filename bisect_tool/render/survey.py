"""Render `--dry-run` of a CI job: a line for each commit, and the first calls as they would be sent."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

from bisect_tool.format import count, short
from bisect_tool.sanitise import clean_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import RenderableType

    from bisect_tool.executor.ci.survey import Survey

_SUBJECT_LIMIT, _DETAIL_LIMIT, _LINE_LIMIT = 40, 300, 2000
_WORDS = {
    "use": "existing result",
    "wait": "running job",
    "unblock": "unblocked job",
    "rerun": "rerun job",
    "start": "new build or run",
    "skip": "none",
    "unread": "not looked up",
}
_COLUMNS = ("commit", "", "first trial", "result, call, or reason")


def render_survey(survey: Survey, subjects: Mapping[str, str]) -> RenderableType:
    """Render what a first trial of each commit would do, oldest first; `subjects` by commit."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for column in _COLUMNS:
        table.add_column(column, no_wrap=True)
    for each in survey.prospects:
        subject = clean_line(subjects.get(each.sha, ""), _SUBJECT_LIMIT)
        table.add_row(
            short(each.sha), Text(subject), _WORDS[each.does], Text(clean_line(each.detail, _DETAIL_LIMIT))
        )
    calls = [Text(f"would {clean_line(each.line, _LINE_LIMIT)}", no_wrap=True) for each in survey.first]
    return Group(table, Text(), Text(_summary(survey)), *([Text(), *calls] if calls else []))


def _summary(survey: Survey) -> str:
    """`3 commits: 2 existing result, 1 unblocked job. 4 requests; nothing was started.`."""
    numbers = Counter(each.does for each in survey.prospects)
    what = ", ".join(f"{number} {_WORDS[does]}" for does, number in numbers.items())
    commits = count(len(survey.prospects), "commit")
    return f"{commits}: {what}. {count(survey.reads, 'request')}; nothing was started."
